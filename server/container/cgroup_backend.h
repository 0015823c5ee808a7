// Inside of cgroup*.cc: the two kinds of control files, each as a few functions on folders.
//
// Limits that cannot be had are warnings, told with the file; what a file does not offer
// stays 0 in the usage.
#pragma once

#include <string>
#include <vector>

#include "server/container/cgroup.h"

namespace gd::container {

namespace v1 {
// Controllers that we use; cpuset only when a cpuset is asked for.
inline constexpr const char* kControllers[] = {"memory",  "cpu",   "cpuacct", "pids",
                                               "devices", "blkio", "cpuset"};
// A step has groups of its own only where it is measured.
inline constexpr const char* kStepControllers[] = {"memory", "cpuacct"};
void set_limits(const CgroupPaths& paths, const CgroupLimits& limits,
                std::vector<std::string>& warnings);
void add_usage(const CgroupPaths& paths, CgroupUsage& usage);
}  // namespace v1

namespace v2 {
void enable_controllers(const std::string& folder, std::vector<std::string>& missing);
void set_limits(const std::string& folder, const CgroupLimits& limits,
                std::vector<std::string>& warnings);
void add_usage(const std::string& folder, CgroupUsage& usage);
}  // namespace v2

// Shared small things.
bool exists(const std::string& path);
void try_write(const std::string& path, const std::string& text,
               std::vector<std::string>& warnings);
uint64_t read_number(const std::string& path);  // 0 if it cannot be read
// The value of "key N" lines, summed over lines: "oom_kill 3".
uint64_t value_of(std::string_view text, std::string_view key);
std::string read_text(const std::string& path);  // empty if it cannot be read
std::vector<std::string> subfolders(const std::string& folder);

// cpu.max and friends: time within a period.
inline constexpr uint64_t kPeriodUs = 100'000;
uint64_t quota_us(uint32_t cpu_milli);

}  // namespace gd::container
