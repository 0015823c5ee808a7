// Resource limits: their names, and what may be set here.
//
// A hard limit is never raised (that may need a capability that a node's root has not):
// clamp() gives what can be set and says what it changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::container {

inline constexpr uint64_t kUnlimited = ~uint64_t{0};

struct ResourceLimit {
  int resource = 0;  // RLIMIT_*
  uint64_t soft = kUnlimited;
  uint64_t hard = kUnlimited;
  bool operator==(const ResourceLimit&) const = default;
};

std::optional<int> rlimit_of(std::string_view name);  // "nofile", "NOFILE", "RLIMIT_NOFILE"
std::string_view rlimit_name(int resource);           // "nofile"

struct ClampedLimits {
  std::vector<ResourceLimit> limits;
  std::vector<std::string> warnings;
};

// `own_hard` gives the hard limit of this process for a resource.
ClampedLimits clamp(const std::vector<ResourceLimit>& asked, uint64_t (*own_hard)(int resource));
uint64_t own_hard_limit(int resource);

}  // namespace gd::container
