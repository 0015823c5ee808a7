// What scripts ask of a stand-in's time.
#include "tests/stand_in/timed_step.h"

#include <gtest/gtest.h>

#include <string>

namespace gd::stand_in {
namespace {

TEST(TimedStep, SleepsAddUpAndTheRestTakesNoTime) {
  EXPECT_EQ(read_timed_step("#!/bin/sh\necho hello\nsleep 2\n  sleep 0.5\n"),
            (TimedStep{2500ms, 0}));
  EXPECT_EQ(read_timed_step("sleep 1; sleep 0.001"), (TimedStep{1001ms, 0}));
  EXPECT_EQ(read_timed_step(""), TimedStep{});
  EXPECT_EQ(read_timed_step("sleepy 4\nsleep\nsleep a\nsleep -3\nsleep 1 2\n"), TimedStep{});
}

TEST(TimedStep, AnExitEndsIt) {
  EXPECT_EQ(read_timed_step("sleep 1; exit 3; sleep 9"), (TimedStep{1000ms, 3}));
  EXPECT_EQ(read_timed_step("exit 256\nsleep 1\nexit x\n"), (TimedStep{1000ms, 0}));
}

TEST(TimedStep, TheLongestSleepIsAYear) {
  EXPECT_EQ(read_timed_step("sleep 1e300").runs, kLongestSleep);
  EXPECT_EQ(read_timed_step("sleep 31536000\nsleep 31536000").runs, kLongestSleep);
  EXPECT_EQ(read_timed_step("sleep 1e-9").runs, 1ms);
}

}  // namespace
}  // namespace gd::stand_in
