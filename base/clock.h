// Time as a value and a parameter: the wall clock for what people read and what
// is stored, the boot clock for deadlines.
//
// TimePoint is milliseconds since 1970 in UTC. Code below the daemons' loops takes
// a TimePoint named `now`; only a loop asks a Clock. boot_time() counts on while
// the machine sleeps and never jumps, so timeouts and time limits use it.
#pragma once

#include <chrono>

namespace gd {

using Seconds = std::chrono::seconds;
using Milliseconds = std::chrono::milliseconds;
using TimePoint = std::chrono::sys_time<Milliseconds>;
using std::chrono_literals::operator""ms;  // 250ms, 90s, 5min, 2h: how a duration is written
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

struct Clock {
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
};

struct SystemClock final : Clock {
  [[nodiscard]] TimePoint now() const override;
};

struct FakeClock final : Clock {  // a test says: clock.time += 90s
  TimePoint time{};
  [[nodiscard]] TimePoint now() const override { return time; }
};

[[nodiscard]] Milliseconds boot_time();  // since boot, CLOCK_BOOTTIME

// A moment on the boot clock by which something must have happened.
class Deadline {
 public:
  static Deadline after(Milliseconds delay) { return Deadline{boot_time() + delay}; }
  [[nodiscard]] Milliseconds remaining() const;  // never negative
  [[nodiscard]] bool passed() const { return remaining() == Milliseconds{0}; }

 private:
  explicit Deadline(Milliseconds at) : at_(at) {}
  Milliseconds at_;
};

}  // namespace gd
