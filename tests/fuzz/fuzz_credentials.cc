// Users' own files of credentials: whatever is in them, text of JSON or nothing comes out.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "server/image/credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const std::string registry : {"q.io", "docker.io", "nvcr.io"}) {
    for (const std::string& found : {gd::image::credentials_for(text, registry),
                                     gd::image::credentials_from_netrc(text, registry)}) {
      GD_CHECK(found.empty() || found.starts_with("{\"auths\":{"));
    }
  }
  return 0;
}
