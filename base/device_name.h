// Names of devices as the Container Device Interface has them: VENDOR/CLASS=NAME. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gd {

struct DeviceName {
  std::string kind;    // "vendor.com/class"
  std::string device;  // "0", "all"
  bool operator==(const DeviceName&) const = default;
};

Result<DeviceName> parse_device_name(std::string_view text);
bool is_device_kind(std::string_view text);  // "vendor.com/class"

}  // namespace gd
