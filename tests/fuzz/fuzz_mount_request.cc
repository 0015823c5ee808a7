// Mounts from anywhere: what is accepted is plain, and has one form, which parses to the same.
#include <cstdint>

#include "base/check.h"
#include "base/mount_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::MountRequest> request = gd::parse_mount_request(text);
  if (!request.ok()) {
    GD_CHECK(!request.error().text.empty());
    GD_CHECK(request.error().text.find('\n') == std::string::npos);
    return 0;
  }
  const std::string canonical = gd::render(*request);
  const gd::Result<gd::MountRequest> again = gd::parse_mount_request(canonical);
  GD_CHECK(again.ok() && *again == *request, canonical);
  for (const std::string& path : {request->from, request->target}) {
    GD_CHECK(path.find("/../") == std::string::npos && !path.ends_with("/.."), path);
  }
  return 0;
}
