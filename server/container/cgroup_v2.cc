// Control files of the v2 tree.
#include <fcntl.h>

#include <algorithm>

#include "server/container/cgroup_backend.h"
#include "server/container/device_filter.h"

namespace gd::container::v2 {
namespace {

constexpr const char* kControllers[] = {"cpuset", "cpu", "io", "memory", "pids"};

bool lists(const std::string& text, const std::string& word) {
  return (" " + text + " ").find(" " + word + " ") != std::string::npos;
}

std::string words(const std::string& path) {
  std::string text = read_text(path);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// cpu.weight: 1 to 10000, 100 for one cpu.
uint64_t weight_of(uint32_t cpu_milli) {
  return std::clamp<uint64_t>(uint64_t{cpu_milli} / 10, 1, 10'000);
}

// "8:0 rbytes=1 wbytes=2 ..." lines, of every device.
uint64_t io_bytes(const std::string& text, const std::string& key) {
  uint64_t sum = 0;
  size_t at = 0;
  while ((at = text.find(" " + key + "=", at)) != std::string::npos) {
    at += key.size() + 2;
    uint64_t value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = value * 10 + static_cast<uint64_t>(text[at] - '0');
    }
    sum += value;
  }
  return sum;
}

Result<void> filter_devices(const std::string& folder, const std::vector<DeviceRule>& extra) {
  std::vector<DeviceRule> rules = standard_devices();
  rules.insert(rules.end(), extra.begin(), extra.end());
  const UniqueFd group = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  return attach_device_filter(group.get(), TRY(build_device_filter(rules)));
}

void set_devices(const std::string& folder, const std::vector<DeviceRule>& extra,
                 std::vector<std::string>& warnings) {
  const Result<void> done = filter_devices(folder, extra);
  if (!done.ok()) warnings.push_back("devices are not limited: " + done.error().text);
}

}  // namespace

void enable_controllers(const std::string& folder, std::vector<std::string>& missing) {
  const std::string offered = words(folder + "/cgroup.controllers");
  const std::string enabled = words(folder + "/cgroup.subtree_control");
  for (const char* name : kControllers) {
    if (lists(enabled, name)) continue;
    if (!lists(offered, name) ||
        !write_file(folder + "/cgroup.subtree_control", std::string("+") + name).ok()) {
      missing.emplace_back(name);
    }
  }
}

void set_limits(const std::string& folder, const CgroupLimits& limits,
                std::vector<std::string>& warnings) {
  if (limits.memory_bytes) {
    try_write(folder + "/memory.max", std::to_string(*limits.memory_bytes), warnings);
    const std::string swap = folder + "/memory.swap.max";
    if (exists(swap)) try_write(swap, "0", warnings);
  }
  if (limits.cpu_milli) {
    try_write(folder + "/cpu.max",
              std::to_string(quota_us(*limits.cpu_milli)) + " " + std::to_string(kPeriodUs),
              warnings);
  }
  const std::optional<uint32_t> weight =
      limits.cpu_weight_milli ? limits.cpu_weight_milli : limits.cpu_milli;
  if (weight) try_write(folder + "/cpu.weight", std::to_string(weight_of(*weight)), warnings);
  if (limits.pids) try_write(folder + "/pids.max", std::to_string(*limits.pids), warnings);
  if (limits.cpuset) try_write(folder + "/cpuset.cpus", *limits.cpuset, warnings);
  if (limits.devices) set_devices(folder, *limits.devices, warnings);
}

void add_usage(const std::string& folder, CgroupUsage& usage) {
  const std::string cpu = read_text(folder + "/cpu.stat");
  usage.cpu_ns = value_of(cpu, "usage_usec") * 1000;
  usage.cpu_user_ns = value_of(cpu, "user_usec") * 1000;
  usage.cpu_system_ns = value_of(cpu, "system_usec") * 1000;
  usage.memory_bytes = read_number(folder + "/memory.current");
  // memory.peak came with 5.19; before, what is used now is the best that is known.
  usage.memory_peak_bytes = std::max(usage.memory_bytes, read_number(folder + "/memory.peak"));
  usage.pids = read_number(folder + "/pids.current");
  usage.oom_kills = value_of(read_text(folder + "/memory.events"), "oom_kill");
  if (!exists(folder + "/io.stat")) return;
  const std::string io = read_text(folder + "/io.stat");
  usage.read_bytes = io_bytes(io, "rbytes");
  usage.write_bytes = io_bytes(io, "wbytes");
}

}  // namespace gd::container::v2
