// What gdinit, pid 1 of a container that a runtime made, is to start: a plan's process, as
// octets in a file that only gdinit reads, before anything else runs in the container.
//
// Fields in a fixed order, each a little-endian 64-bit number or a length and octets; written
// and read by one build. Descriptors travel by their fixed numbers (child.h), not here.
#pragma once

#include <string>
#include <string_view>

#include "server/container/launch_plan.h"

namespace gd::container {

struct InitTask {
  int first_step = 0;  // number of gdinit's first, for its reports
  ProcessPlan process;
  Lifetime lifetime = Lifetime::process;
};

inline constexpr size_t kMaxTaskLimits = 64;  // resource limits; the kernel knows 16
inline constexpr size_t kMaxInitTaskBytes = size_t{4} << 20;

std::string render_init_task(const InitTask& task);
Result<InitTask> parse_init_task(std::string_view octets);

}  // namespace gd::container
