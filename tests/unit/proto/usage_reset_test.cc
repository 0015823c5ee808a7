// Periods of the calendar, at their edges.
#include "proto/usage_reset.h"

#include <gtest/gtest.h>

namespace gd {
namespace {

using std::chrono::sys_days;
using namespace std::chrono_literals;

TimePoint at(int year, unsigned month, unsigned day, Seconds time = 0s) {
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{day}};
  return TimePoint{sys_days{date}} + time;
}

TEST(UsageReset, TheNextBeginningOfAPeriod) {
  using enum UsageResetPeriod;
  const TimePoint moment = at(2024, 2, 28, 5h);  // a Wednesday
  EXPECT_EQ(next_usage_reset(daily, moment), at(2024, 2, 29));
  EXPECT_EQ(next_usage_reset(weekly, moment), at(2024, 3, 3)) << "Sunday";
  EXPECT_EQ(next_usage_reset(monthly, moment), at(2024, 3, 1));
  EXPECT_EQ(next_usage_reset(quarterly, moment), at(2024, 4, 1));
  EXPECT_EQ(next_usage_reset(yearly, moment), at(2025, 1, 1));
  EXPECT_EQ(next_usage_reset(none, moment), TimePoint::max());
}

TEST(UsageReset, TheBeginningItselfIsOver) {
  using enum UsageResetPeriod;
  const TimePoint begin = at(2023, 10, 1);  // a Sunday, and of a quarter
  EXPECT_EQ(next_usage_reset(daily, begin), at(2023, 10, 2));
  EXPECT_EQ(next_usage_reset(weekly, begin), at(2023, 10, 8));
  EXPECT_EQ(next_usage_reset(quarterly, begin), at(2024, 1, 1));
  EXPECT_EQ(next_usage_reset(monthly, begin - 1s), begin);
}

TEST(UsageReset, Names) {
  EXPECT_EQ(parse_usage_reset_period("quarterly"), UsageResetPeriod::quarterly);
  EXPECT_EQ(parse_usage_reset_period("none"), UsageResetPeriod::none);
  EXPECT_FALSE(parse_usage_reset_period("now"));
}

}  // namespace
}  // namespace gd
