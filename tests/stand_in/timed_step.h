// What a step of a stand-in does: nothing but pass its time. Pure.
//
// `sleep SECONDS` takes that long, `exit CODE` is the end; all else takes no time and succeeds.
// One command a line, or several with ; between them. So a script means the same on a node
// that runs it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace gd::stand_in {

inline constexpr Milliseconds kLongestSleep = 8760h;  // what is longer is taken for a year

struct TimedStep {
  Milliseconds runs{0};
  int32_t code = 0;
  bool operator==(const TimedStep&) const = default;
};

TimedStep read_timed_step(std::string_view script);

}  // namespace gd::stand_in
