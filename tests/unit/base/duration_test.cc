// duration: every spelling of Slurm's, both ways; moments by a fixed `now`.
#include "base/duration.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gd {
namespace {

struct LimitCase {
  const char* text;
  int64_t seconds;
};

TEST(ParseTimeLimit, ReadsSlurmsSpellings) {
  const LimitCase cases[] = {
      {"90", 5400},           {"0", 0},          {"1:30", 90},
      {"90:30", 5430},        {"1:00:00", 3600}, {"24:00:00", 86400},
      {"2-0", 172800},        {"2-03", 183600},  {"2-03:04", 183840},
      {"2-03:04:05", 183845}, {"0-00:00:01", 1}, {"00:00:59", 59},
  };
  for (const LimitCase& c : cases) {
    const Result<TimeLimit> limit = parse_time_limit(c.text);
    ASSERT_TRUE(limit.ok()) << c.text << ": " << limit.error().text;
    ASSERT_TRUE(limit->has_value()) << c.text;
    EXPECT_EQ((*limit)->count(), c.seconds) << c.text;
  }
  for (const char* text : {"UNLIMITED", "unlimited", "Infinite", "-1"}) {
    ASSERT_TRUE(parse_time_limit(text).ok()) << text;
    EXPECT_FALSE(parse_time_limit(text)->has_value()) << text;
  }
}

TEST(ParseTimeLimit, RefusesWhatIsNotOne) {
  for (const char* text : {"", ":", "1:", ":1", "1:2:3:4", "1-", "-", "-2", "1-2-3", "1-1:2:3:4",
                           "1h", "1.5", " 1", "1 ", "+1", "1:+2", "unlim", "1--1"}) {
    const Result<TimeLimit> limit = parse_time_limit(text);
    ASSERT_FALSE(limit.ok()) << text;
    EXPECT_NE(limit.error().text.find("is not a time"), std::string::npos);
  }
}

TEST(ParseTimeLimit, TakesAHundredYearsAndNotOneSecondMore) {
  EXPECT_EQ(*parse_time_limit("36500-00:00:00").take(), Seconds{kMaxDuration});
  EXPECT_FALSE(parse_time_limit("36500-00:00:01").ok());
  EXPECT_EQ(parse_time_limit("36501-0").error().text, "36501-0 is more than 36500 days");
  EXPECT_FALSE(parse_time_limit("52560001").ok());
  EXPECT_FALSE(parse_time_limit("99999999999999999999").ok());
  EXPECT_FALSE(parse_time_limit("36500-876000:52560000:0").ok());
}

TEST(ParseInterval, CountsPlainNumbersAsSeconds) {
  EXPECT_EQ(*parse_interval("5"), 5000ms);
  EXPECT_EQ(*parse_interval("500ms"), 500ms);
  EXPECT_EQ(*parse_interval("5min"), 300s);
  EXPECT_EQ(*parse_interval("5m"), 300s);
  EXPECT_EQ(*parse_interval("2h"), 7200s);
  EXPECT_EQ(*parse_interval("7 d"), Milliseconds{std::chrono::days{7}});
  EXPECT_EQ(*parse_interval("36500d"), Milliseconds{kMaxDuration});
  EXPECT_FALSE(parse_interval("36501d").ok());
  for (const char* text : {"", "s", "-5", "1.5s", "5x", "99999999999999999999"}) {
    EXPECT_FALSE(parse_interval(text).ok()) << text;
  }
}

TEST(FormatInterval, IsTheInverseOfParseInterval) {
  EXPECT_EQ(format_interval(0ms), "0s");
  EXPECT_EQ(format_interval(90s), "90s");
  EXPECT_EQ(format_interval(120s), "2min");
  for (const Milliseconds interval : {1ms, 1500ms, 60000ms, 86400000ms, 604800000ms}) {
    EXPECT_EQ(*parse_interval(format_interval(interval)), interval);
  }
}

TEST(Format, IsSlurmsOwn) {
  EXPECT_EQ(format_time_limit(TimeLimit{}), "UNLIMITED");
  EXPECT_EQ(format_time_limit(Seconds{0}), "00:00:00");
  EXPECT_EQ(format_time_limit(Seconds{3661}), "01:01:01");
  EXPECT_EQ(format_time_limit(Seconds{183845}), "2-03:04:05");
  EXPECT_EQ(format_elapsed(Seconds{5}), "0:05");
  EXPECT_EQ(format_elapsed(Seconds{65}), "1:05");
  EXPECT_EQ(format_elapsed(Seconds{3661}), "1:01:01");
  EXPECT_EQ(format_elapsed(Seconds{183845}), "2-03:04:05");
  EXPECT_EQ(format_elapsed(TimeLimit{}), "UNLIMITED");
  for (int64_t s = 0; s < 400000; s += 997) {
    EXPECT_EQ(*parse_time_limit(format_time_limit(Seconds{s})).take(), Seconds{s});
  }
}

// Sunday, 2026-11-22 15:30:20 UTC
constexpr TimePoint kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                         std::chrono::hours{15} + std::chrono::minutes{30} + Seconds{20}};

std::string moment(const char* text, Direction direction = Direction::future) {
  const Result<TimePoint> parsed = parse_moment(text, kNow, utc_zone(), direction);
  return parsed.ok() ? format_moment(*parsed, utc_zone()) : "error";
}

TEST(ParseMoment, ReadsSlurmsSpellings) {
  const std::pair<const char*, const char*> cases[] = {
      {"now", "2026-11-22T15:30:20"},
      {"now+60", "2026-11-22T15:31:20"},
      {"now+1hour", "2026-11-22T16:30:20"},
      {"now+2hours", "2026-11-22T17:30:20"},
      {"NOW+3days", "2026-11-25T15:30:20"},
      {"now-1week", "2026-11-15T15:30:20"},
      {"16:00", "2026-11-22T16:00:00"},
      {"15:30", "2026-11-23T15:30:00"},
      {"4:05:06PM", "2026-11-22T16:05:06"},
      {"12:00am", "2026-11-23T00:00:00"},
      {"today", "2026-11-22T00:00:00"},
      {"tomorrow", "2026-11-23T00:00:00"},
      {"tomorrow 08:00", "2026-11-23T08:00:00"},
      {"midnight", "2026-11-23T00:00:00"},
      {"noon", "2026-11-23T12:00:00"},
      {"teatime", "2026-11-22T16:00:00"},
      {"fika", "2026-11-23T15:00:00"},
      {"2026-11-30", "2026-11-30T00:00:00"},
      {"2026-11-30T12:00", "2026-11-30T12:00:00"},
      {"2026-11-30T12:00:30", "2026-11-30T12:00:30"},
      {"2028-02-29", "2028-02-29T00:00:00"},
      {"1225", "2026-12-25T00:00:00"},
      {"0101", "2027-01-01T00:00:00"},
      {"1122", "2026-11-22T00:00:00"},
      {"122527", "2027-12-25T00:00:00"},
      {"12/25/27", "2027-12-25T00:00:00"},
      {"12/25", "2026-12-25T00:00:00"},
      {"12.25.27 noon", "2027-12-25T12:00:00"},
      {"1970-01-01", "1970-01-01T00:00:00"},
      {"uts1700000000", "2023-11-14T22:13:20"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(moment(text), expected) << text;
}

TEST(ParseMoment, LooksBackWhenAskedTo) {
  EXPECT_EQ(moment("16:00", Direction::past), "2026-11-22T16:00:00");
  EXPECT_EQ(moment("08:00", Direction::past), "2026-11-22T08:00:00");
  EXPECT_EQ(moment("midnight", Direction::past), "2026-11-22T00:00:00");
  EXPECT_EQ(moment("12/25", Direction::past), "2025-12-25T00:00:00");
  EXPECT_EQ(moment("0101", Direction::past), "2026-01-01T00:00:00");
}

TEST(ParseMoment, RefusesWhatIsNotOne) {
  for (const char* text : {"",
                           " ",
                           "nowish",
                           "now+",
                           "now+x",
                           "now+1fortnight",
                           "now*2",
                           "25:00",
                           "13:00PM",
                           "0:30AM",
                           "12:60",
                           "12",
                           "2026-13-01",
                           "2026-02-30",
                           "2027-02-29",
                           "2026-11-30T",
                           "2026-11-30T25:00",
                           "1969-12-31",
                           "1301",
                           "noon noon",
                           "today tomorrow",
                           "now+99999999999999999999",
                           "uts",
                           "uts-1",
                           "12/25/2027",
                           "2026-11-30X12:00",
                           "yesterday",
                           "0229"}) {
    EXPECT_EQ(moment(text), "error") << text;
  }
}

TEST(ParseMoment, FollowsTheLocalZone) {
  const char* const before = std::getenv("TZ");
  const std::string saved = before != nullptr ? before : "";
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  const Result<TimePoint> noon = parse_moment("2026-07-01T12:00", kNow, local_zone());
  EXPECT_EQ(format_moment(*noon, utc_zone()), "2026-07-01T10:00:00");
  EXPECT_EQ(format_moment(*noon, local_zone()), "2026-07-01T12:00:00");
  // 23:30 UTC the day before the clocks go back: tomorrow has 25 hours.
  const TimePoint eve{std::chrono::sys_days{std::chrono::year{2026} / 10 / 24} +
                      std::chrono::hours{10}};
  const Result<TimePoint> after = parse_moment("tomorrow 12:00", eve, local_zone());
  EXPECT_EQ(format_moment(*after, utc_zone()), "2026-10-25T11:00:00");
  if (before != nullptr)
    ::setenv("TZ", saved.c_str(), 1);
  else
    ::unsetenv("TZ");
  ::tzset();
}

}  // namespace
}  // namespace gd
