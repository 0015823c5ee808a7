// Fetches an image into the store: skopeo brings it, we verify, a sandbox unpacks.
//
// skopeo has no rights here. From a registry it runs as an id that nobody has, with the user's
// credentials for this registry in a memory file; for a file of hers it runs as the user. It
// fills a folder; what is in it is believed only where its digest is right. One fetch of a name
// at a time: who waited finds it there. REQUIRES: root, one thread, SIGPIPE ignored.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/image/sandbox.h"
#include "server/image/store.h"

namespace gd::image {

// What has come, of how much: 0 if that is not known. About once a second.
using Progress = std::function<void(uint64_t bytes, uint64_t total)>;

struct PullOrder {
  ImageName name;
  std::string stamp;  // of a file, see Store::find()
  int file = -1;      // of a file system in a file: it, opened with the user's rights
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string credentials;  // an auth file's text for this one registry, or empty
  std::string mirror;       // host that is asked instead of the name's registry, or empty
  bool plain_http = false;
  IdRange ids;
  UnpackLimits limits;
  Milliseconds timeout{};
  Progress on_progress;
};

// Error codes: not_found, denied and invalid are the request's fault, others the node's.
Result<void> pull(const Store& store, const PullOrder& order);

// From what skopeo said at its end.
Error explain_failure(const std::string& name, std::string_view said);

}  // namespace gd::image
