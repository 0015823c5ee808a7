#include "proto/device_settings.h"

#include <unistd.h>

#include "base/device_name.h"
#include "base/fd.h"
#include "base/text.h"
#include "proto/settings.h"

namespace gd {

Result<GresDevices> parse_gres_devices(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const size_t colon = name.find(':');
  GresDevices devices{.gres = std::string(name.substr(0, colon))};
  if (colon != std::string_view::npos) devices.type = name.substr(colon + 1);
  if (equals != std::string_view::npos) devices.kind = text.substr(equals + 1);
  if (!devices.gres.empty() && is_device_kind(devices.kind)) return devices;
  return Error{ErrorCode::invalid,
               "'" + printable(text, 200) + "' is not GRES[:TYPE]=VENDOR/CLASS"};
}

std::string render(const GresDevices& devices) {
  return devices.gres + (devices.type.empty() ? "" : ":" + devices.type) + "=" + devices.kind;
}

Result<DeviceSettings> read_device_settings(const Config& config) {
  const ConfigView view = config.only("agent");
  DeviceSettings settings{.cdi_dirs = view.list("cdi_dirs"), .allow = view.list("device_allow")};
  for (const std::string& entry : view.list("gres_devices")) {
    Result<GresDevices> devices = parse_gres_devices(entry);
    if (!devices.ok()) return std::move(devices).error().in("gres_devices");
    settings.gres.push_back(std::move(devices).take());
  }
  return settings;
}

Result<DeviceSettings> load_device_settings(const std::string& path) {
  const bool missing = ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
  const Bytes text = missing ? Bytes() : TRY(read_file(path, kMaxConfigBytes));
  return read_device_settings(TRY(Config::load(settings_schema(), text, path)));
}

}  // namespace gd
