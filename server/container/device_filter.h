// Devices that a group may use, for cgroup v2: a small eBPF program made from rules.
//
// v2 has no devices controller. The program is built as bytes (pure, tested by table) and
// attached with bpf(2); it stays as long as the group does.
#pragma once

#include <cstdint>
#include <vector>

#include "server/container/cgroup.h"

namespace gd::container {

inline constexpr size_t kMaxDeviceRules = 256;

// null zero full random urandom, tty and terminals.
std::vector<DeviceRule> standard_devices();
std::string render(const DeviceRule& rule);  // "c 1:3 rwm", "c 136:* rwm"

Result<std::vector<uint64_t>> build_device_filter(const std::vector<DeviceRule>& allowed);
Result<void> attach_device_filter(int group_fd, const std::vector<uint64_t>& program);

}  // namespace gd::container
