// What this machine has: cpus that we may use, memory, layout, system. Measured, never
// configured; the settings only take away (reserved_cpus, reserved_memory) and add features.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/node_record.h"
#include "proto/settings.h"
#include "server/agent/processors.h"

namespace gd::agent {

// The name by which the controller knows this node: the setting, or the host's short name.
std::string node_name(const AgentSettings& settings);

struct CpuLayout {
  uint32_t sockets = 1;
  uint32_t cores_per_socket = 1;
  uint32_t threads_per_core = 1;
  bool operator==(const CpuLayout&) const = default;
};
CpuLayout parse_cpu_layout(std::string_view cpuinfo);  // /proc/cpuinfo; pure

// Of these processors, which share a core; "folder" is /sys/devices/system/cpu. What the kernel
// does not tell of is a core of its own.
std::vector<Core> read_cores(const std::string& folder, const Processors& usable);
inline constexpr const char* kProcessorFolder = "/sys/devices/system/cpu";
Processors usable_processors();  // those that this process may run on

// Those that jobs are given processors of: without the reserved ones, which are the first. None if
// the node counts as more than it has: jobs share them then.
std::vector<Core> cores_for_jobs(const AgentSettings& settings, std::vector<Core> all);

struct Memory {
  uint64_t total_mib = 0;
  uint64_t available_mib = 0;
  bool operator==(const Memory&) const = default;
};
Memory parse_memory(std::string_view meminfo);  // /proc/meminfo; pure

// `cgroup`: "v2", "v1", "hybrid". Stream address and key are the caller's to fill.
Result<NodeInfo> take_inventory(const AgentSettings& settings, std::string_view cgroup);

struct Load {
  double load = 0;  // of the last minute
  uint64_t free_memory_mib = 0;
};
Load measure_load();

}  // namespace gd::agent
