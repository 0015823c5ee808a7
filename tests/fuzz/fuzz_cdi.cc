// Descriptions of devices from anywhere: bounded, below /dev, and never an exception.
#include <cstdint>

#include "base/check.h"
#include "base/device_name.h"
#include "server/container/cdi.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::container::CdiSpec> spec = gd::container::parse_cdi(text);
  if (spec.ok()) {
    GD_CHECK(gd::is_device_kind(spec->kind));
    GD_CHECK(spec->devices.size() <= gd::container::kMaxCdiDevices);
    for (const auto& [name, edits] : spec->devices) {
      GD_CHECK(gd::parse_device_name(spec->kind + "=" + name).ok());
      for (const auto& node : edits.nodes) GD_CHECK(node.path.starts_with("/dev/"));
    }
  }
  (void)gd::parse_device_name(text).ok();
  return 0;
}
