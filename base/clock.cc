// The two clocks of the kernel that the project reads.
#include "base/clock.h"

#include <algorithm>
#include <ctime>

#include "base/check.h"

namespace gd {

TimePoint SystemClock::now() const {
  return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

Milliseconds boot_time() {
  timespec since_boot{};
  GD_CHECK(::clock_gettime(CLOCK_BOOTTIME, &since_boot) == 0);
  return Milliseconds{since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1'000'000};
}

Milliseconds Deadline::remaining() const {
  return std::max(at_ - boot_time(), Milliseconds{0});
}

}  // namespace gd
