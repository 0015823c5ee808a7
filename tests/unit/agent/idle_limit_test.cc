// When an idle terminal is warned and when it is ended.
#include "server/agent/idle_limit.h"

#include <gtest/gtest.h>

namespace gd::agent {
namespace {

TEST(IdleLimit, WarnsOnceAndThenEnds) {
  EXPECT_EQ(judge_idle(1h, 0s, false), (IdleVerdict{IdleStep::wait, 55min}));
  EXPECT_EQ(judge_idle(1h, 54min, false), (IdleVerdict{IdleStep::wait, 1min}));
  EXPECT_EQ(judge_idle(1h, 55min, false), (IdleVerdict{IdleStep::warn, 5min}));
  EXPECT_EQ(judge_idle(1h, 55min, true), (IdleVerdict{IdleStep::wait, 5min}));
  EXPECT_EQ(judge_idle(1h, 1h - 1ms, true), (IdleVerdict{IdleStep::wait, 1ms}));
  EXPECT_EQ(judge_idle(1h, 1h, true).step, IdleStep::end);
}

TEST(IdleLimit, AShortLimitWarnsInTheMiddle) {
  EXPECT_EQ(judge_idle(2s, 0s, false), (IdleVerdict{IdleStep::wait, 1s}));
  EXPECT_EQ(judge_idle(2s, 1s, false), (IdleVerdict{IdleStep::warn, 1s}));
  EXPECT_EQ(judge_idle(2s, 5s, false).step, IdleStep::end);
}

}  // namespace
}  // namespace gd::agent
