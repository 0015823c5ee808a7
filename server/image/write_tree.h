// A root file system as a tar stream: unpack_layer() the other way round.
//
// Names are relative, folders in the order of their entries' names, hard links told as such. Of
// the owner, what is `own` becomes the image's root: who made it is nobody where the image goes.
// Left out: what is no file, folder or link, the set-user-id and set-group-id bits, extended
// attributes. Refused, since no image can have it: what unpack.h's limits refuse, and names that
// are whiteouts there.
//
// `root` is the only folder that is read; no link is followed. REQUIRES: nobody writes to it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace gd::image {

struct TreeForm {
  std::set<uint32_t> own_uids;  // that become 0
  std::set<uint32_t> own_gids;
  // By name, as "etc/hosts": files of root's with this content, whatever is there; nothing: none.
  std::map<std::string, std::optional<Bytes>> instead;
};

struct WrittenTree {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of all files
};

Result<WrittenTree> write_tree(int root, const TreeForm& form, int out);

}  // namespace gd::image
