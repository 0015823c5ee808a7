// Control files of the v1 hierarchies.
#include <algorithm>

#include "server/container/cgroup_backend.h"
#include "server/container/device_filter.h"

namespace gd::container::v1 {
namespace {

std::string path_of(const CgroupPaths& paths, const char* controller) {
  const auto found = paths.v1.find(controller);
  return found == paths.v1.end() ? std::string() : found->second;
}

bool need(const std::string& folder, const char* what, std::vector<std::string>& warnings) {
  if (!folder.empty()) return true;
  warnings.push_back(std::string(what) + " is not limited: the controller is not mounted");
  return false;
}

void set_memory(const std::string& folder, uint64_t bytes, std::vector<std::string>& warnings) {
  const std::string value = std::to_string(bytes);
  try_write(folder + "/memory.limit_in_bytes", value, warnings);
  // Memory and swap together: the same number, so no swap. Not there without swap accounting.
  const std::string both = folder + "/memory.memsw.limit_in_bytes";
  if (exists(both)) try_write(both, value, warnings);
}

void set_cpuset(const std::string& folder, const std::string& cpus,
                std::vector<std::string>& warnings) {
  // A new group has no memory nodes, and takes no process until it has.
  const std::string above = folder.substr(0, folder.rfind('/'));
  try_write(folder + "/cpuset.mems", read_text(above + "/cpuset.mems"), warnings);
  try_write(folder + "/cpuset.cpus", cpus, warnings);
}

void set_devices(const std::string& folder, const std::vector<DeviceRule>& extra,
                 std::vector<std::string>& warnings) {
  try_write(folder + "/devices.deny", "a", warnings);
  std::vector<DeviceRule> rules = standard_devices();
  rules.insert(rules.end(), extra.begin(), extra.end());
  for (const DeviceRule& rule : rules) {
    try_write(folder + "/devices.allow", render(rule), warnings);
  }
}

uint64_t oom_kills_below(const std::string& folder) {
  uint64_t sum = value_of(read_text(folder + "/memory.oom_control"), "oom_kill");
  for (const std::string& name : subfolders(folder)) sum += oom_kills_below(folder + "/" + name);
  return sum;
}

// "major:minor Read N" lines, of every device.
uint64_t io_bytes(const std::string& text, std::string_view kind) {
  uint64_t sum = 0;
  size_t at = 0;
  const std::string key = " " + std::string(kind) + " ";
  while ((at = text.find(key, at)) != std::string::npos) {
    at += key.size();
    uint64_t value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = value * 10 + static_cast<uint64_t>(text[at] - '0');
    }
    sum += value;
  }
  return sum;
}

}  // namespace

void set_limits(const CgroupPaths& paths, const CgroupLimits& limits,
                std::vector<std::string>& warnings) {
  const std::string memory = path_of(paths, "memory");
  const std::string cpu = path_of(paths, "cpu");
  const std::string pids = path_of(paths, "pids");
  const std::string devices = path_of(paths, "devices");
  const std::string cpuset = path_of(paths, "cpuset");
  if (limits.memory_bytes && need(memory, "memory", warnings)) {
    set_memory(memory, *limits.memory_bytes, warnings);
  }
  if (limits.cpu_milli && need(cpu, "cpu", warnings)) {
    try_write(cpu + "/cpu.cfs_period_us", std::to_string(kPeriodUs), warnings);
    try_write(cpu + "/cpu.cfs_quota_us", std::to_string(quota_us(*limits.cpu_milli)), warnings);
  }
  const std::optional<uint32_t> weight =
      limits.cpu_weight_milli ? limits.cpu_weight_milli : limits.cpu_milli;
  if (weight && !cpu.empty()) {
    const uint64_t shares = std::clamp<uint64_t>(uint64_t{*weight} * 1024 / 1000, 2, 262'144);
    try_write(cpu + "/cpu.shares", std::to_string(shares), warnings);
  }
  if (limits.pids && need(pids, "pids", warnings)) {
    try_write(pids + "/pids.max", std::to_string(*limits.pids), warnings);
  }
  if (limits.cpuset && need(cpuset, "cpuset", warnings)) {
    set_cpuset(cpuset, *limits.cpuset, warnings);
  }
  if (limits.devices && need(devices, "devices", warnings)) {
    set_devices(devices, *limits.devices, warnings);
  }
}

void add_usage(const CgroupPaths& paths, CgroupUsage& usage) {
  if (const std::string folder = path_of(paths, "cpuacct"); !folder.empty()) {
    usage.cpu_ns = read_number(folder + "/cpuacct.usage");
    usage.cpu_user_ns = read_number(folder + "/cpuacct.usage_user");
    usage.cpu_system_ns = read_number(folder + "/cpuacct.usage_sys");
  }
  if (const std::string folder = path_of(paths, "memory"); !folder.empty()) {
    usage.memory_bytes = read_number(folder + "/memory.usage_in_bytes");
    usage.memory_peak_bytes = read_number(folder + "/memory.max_usage_in_bytes");
    usage.oom_kills = oom_kills_below(folder);
  }
  if (const std::string folder = path_of(paths, "pids"); !folder.empty()) {
    usage.pids = read_number(folder + "/pids.current");
  } else if (const std::string tracked = path_of(paths, "memory"); !tracked.empty()) {
    const std::string tasks = read_text(tracked + "/tasks");  // a step has no pids group
    usage.pids = static_cast<uint64_t>(std::count(tasks.begin(), tasks.end(), '\n'));
  }
  if (const std::string folder = path_of(paths, "blkio"); !folder.empty()) {
    const std::string text = read_text(folder + "/blkio.throttle.io_service_bytes_recursive");
    usage.read_bytes = io_bytes(text, "Read");
    usage.write_bytes = io_bytes(text, "Write");
  }
}

}  // namespace gd::container::v1
