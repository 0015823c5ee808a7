// clock: two clocks that agree with the kernel's, and one that a test moves.
#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace gd {
namespace {

TEST(SystemClock, CountsMillisecondsSince1970) {
  const std::time_t before = std::time(nullptr);
  const TimePoint now = SystemClock{}.now();
  const std::time_t after = std::time(nullptr);
  const auto seconds = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  EXPECT_GE(seconds + 1, before);
  EXPECT_LE(seconds, after + 1);
}

TEST(FakeClock, MovesByHand) {
  FakeClock clock;
  clock.time += 90s;
  EXPECT_EQ(clock.now().time_since_epoch(), 90000ms);
}

TEST(Deadline, NeverHasLessThanNothingLeft) {
  EXPECT_GT(Deadline::after(1h).remaining(), 59min);
  EXPECT_FALSE(Deadline::after(1h).passed());
  EXPECT_EQ(Deadline::after(-1h).remaining(), 0ms);
  EXPECT_TRUE(Deadline::after(0ms).passed());
}

}  // namespace
}  // namespace gd
