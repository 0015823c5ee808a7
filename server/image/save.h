// A container's root file system as an image in a file.
//
// Two processes that can do little else, with a pipe between them. One reads the tree: it has the
// container's own id maps, that tree for its root, no network, and the one capability to read
// what is mapped. The other one is the user, without a capability or a network, and writes her
// file: an OCI archive by itself, a squashfs by tar2sqfs. Her quota counts, and a limit of the
// kernel's on the file's size. What both say decides; the time is bounded.
//
// REQUIRES: root, one thread, SIGPIPE ignored; nobody else writes to tree or file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/image_name.h"
#include "base/result.h"
#include "server/image/manifest.h"
#include "server/image/write_tree.h"

namespace gd::image {

struct SaveOrder {
  int tree = -1;    // of the root; what was mounted in it is gone
  int userns = -1;  // whose ids are told
  TreeForm changes;
  SaveForm form = SaveForm::squashfs;
  Config config;  // of the image below; a squashfs has no place for it
  int file = -1;  // empty, hers, open for writing
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  uint64_t max_bytes = 0;  // of the file
  Milliseconds timeout{};
};

// The file's size; it is synced. What was written before an error stays in it.
Result<uint64_t> save_tree(const SaveOrder& order);

}  // namespace gd::image
