// What gd.conf says of devices on this machine: the keys gres_devices, device_allow and cdi_dirs
// of [agent].
//
// gres_devices names which devices of the Container Device Interface a GRES stands for: as many as
// the node has are what jobs can ask for by --gres, and a job gets free ones. Pure, but for load.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"

namespace gd {

struct GresDevices {
  std::string gres;  // "gpu"
  std::string type;  // "a100", or empty
  std::string kind;  // "vendor.com/gpu"
  bool operator==(const GresDevices&) const = default;
};
Result<GresDevices> parse_gres_devices(std::string_view text);  // "gpu[:a100]=vendor.com/gpu"
std::string render(const GresDevices& devices);

struct DeviceSettings {
  std::vector<std::string> cdi_dirs;  // later ones count more
  std::vector<GresDevices> gres;
  std::vector<std::string> allow;  // patterns of names that jobs may ask for by --device
  bool operator==(const DeviceSettings&) const = default;
};

Result<DeviceSettings> read_device_settings(const Config& config);
Result<DeviceSettings> load_device_settings(const std::string& path);  // no file: the defaults

}  // namespace gd
