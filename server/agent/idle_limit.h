// When a terminal at which nothing happens is warned, and when it is ended; pure.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace gd::agent {

inline constexpr Milliseconds kIdleWarning = 5min;  // before the end; of a short limit, its half
inline constexpr uint64_t kIdleCpuMilli = 50;       // who computes that much is not idle

enum class IdleStep : uint8_t { wait, warn, end };

struct IdleVerdict {
  IdleStep step = IdleStep::wait;
  Milliseconds again{};  // look again after this; not after an end
  bool operator==(const IdleVerdict&) const = default;
};

// `warned`: since the last thing that happened.
inline IdleVerdict judge_idle(Milliseconds limit, Milliseconds idle, bool warned) {
  if (idle >= limit) return {.step = IdleStep::end};
  const Milliseconds warning = limit - std::min(kIdleWarning, limit / 2);
  if (idle < warning) return {.step = IdleStep::wait, .again = warning - idle};
  return {.step = warned ? IdleStep::wait : IdleStep::warn, .again = limit - idle};
}

}  // namespace gd::agent
