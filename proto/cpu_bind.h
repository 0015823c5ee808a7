// What srun's --cpu-bind asks: whether each task of a step keeps to processors of its own, and
// of what they are made up.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace gd {

enum class CpuBind : uint8_t {
  none = 0,  // all tasks use what the step has
  threads = 1,
  cores = 2,
  sockets = 3,
};

struct CpuBindChoice {
  CpuBind unit = CpuBind::none;
  bool verbose = false;  // each task says what it got
  bool operator==(const CpuBindChoice&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("unit", self.unit);
    field("verbose", self.verbose);
  }
};

// "cores", "verbose,threads", "none", "q": Slurm's words. Lists of processors (map_cpu,
// mask_cpu), ranks and memory domains are refused by name.
Result<CpuBindChoice> parse_cpu_bind(std::string_view text);

// As in SLURM_CPU_BIND_TYPE: "none", "cores".
std::string_view to_string(CpuBind unit);

}  // namespace gd
