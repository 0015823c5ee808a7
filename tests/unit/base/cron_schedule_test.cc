// Schedules: the grammar, and the calendar over month ends, leap years and clocks that jump.
#include "base/cron_schedule.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <string>

namespace gd {
namespace {

TimePoint at(const std::string& text, const TimeZone& zone = utc_zone()) {
  return *parse_moment(text, TimePoint{}, zone);
}

std::string next(const std::string& schedule, const std::string& after,
                 const TimeZone& zone = utc_zone()) {
  const Result<CronSchedule> parsed = parse_cron_schedule(schedule);
  if (!parsed.ok()) return parsed.error().text;
  const std::optional<TimePoint> moment = next_run(*parsed, at(after, zone), zone);
  return moment ? format_moment(*moment, zone) : "never";
}

TEST(CronSchedule, FieldsHaveListsRangesStepsAndNames) {
  EXPECT_EQ(*parse_cron_schedule("*/15 8-17/3 1,15 jan-MAR mon,wed"),
            *parse_cron_schedule("0,15,30,45 8,11,14,17 1,15 1,2,3 1,3"));
  EXPECT_EQ(*parse_cron_schedule("0 0 * * 7"), *parse_cron_schedule("  0  0 * * sun "));
  EXPECT_EQ(*parse_cron_schedule("5/20 * * * *"), *parse_cron_schedule("5,25,45 * * * *"));
  EXPECT_EQ(*parse_cron_schedule("0 0 * * 5-7"), *parse_cron_schedule("0 0 * * fri,sat,sun"));
}

TEST(CronSchedule, WordsStandForFields) {
  EXPECT_EQ(*parse_cron_schedule("@daily"), *parse_cron_schedule("0 0 * * *"));
  EXPECT_EQ(*parse_cron_schedule("@Midnight"), *parse_cron_schedule("@daily"));
  EXPECT_EQ(*parse_cron_schedule("@annually"), *parse_cron_schedule("@yearly"));
  EXPECT_EQ(next("@teatime", "2026-03-01T16:00:00"), "2026-03-02T16:00:00");
  EXPECT_EQ(next("@weekly", "2026-11-28T12:00:00"), "2026-11-29T00:00:00");
}

TEST(CronSchedule, WhatIsWrongIsNamed) {
  for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
           {"", "'' has 0 fields; a time has five: minute hour day month weekday"},
           {"0 0 * *", "'0 0 * *' has 4 fields; a time has five: minute hour day month weekday"},
           {"60 0 * * *", "minute '60' is not between 0 and 59"},
           {"0 24 * * *", "hour '24' is not between 0 and 23"},
           {"0 0 0 * *", "day '0' is not between 1 and 31"},
           {"0 0 * 13 *", "month '13' is not between 1 and 12"},
           {"0 0 * * 8", "weekday '8' is not between 0 and 7"},
           {"0 0 * janu *", "month 'janu' is not between 1 and 12"},
           {"0 17-8 * * *", "hour '17-8' ends before it begins"},
           {"*/0 * * * *", "minute '*/0' has no step between 1 and 59"},
           {"1,,2 * * * *", "minute '' is not between 0 and 59"},
           {"@reboot", "'@reboot' is none of the words for a time"}}) {
    const Result<CronSchedule> parsed = parse_cron_schedule(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().text, error);
  }
}

TEST(CronSchedule, TheNextRunIsAfterTheMomentNotAtIt) {
  EXPECT_EQ(next("* * * * *", "2026-01-01T00:00:00"), "2026-01-01T00:01:00");
  EXPECT_EQ(next("* * * * *", "2026-01-01T00:00:59"), "2026-01-01T00:01:00");
  EXPECT_EQ(next("30 4 * * *", "2026-01-01T04:29:30"), "2026-01-01T04:30:00");
  EXPECT_EQ(next("30 4 * * *", "2026-01-01T04:30:00"), "2026-01-02T04:30:00");
  EXPECT_EQ(next("0 * * * *", "2026-12-31T23:59:00"), "2027-01-01T00:00:00");
  EXPECT_EQ(next("59 23 * * *", "2026-12-31T23:59:00"), "2027-01-01T23:59:00");
}

TEST(CronSchedule, MonthEndsAndLeapYears) {
  EXPECT_EQ(next("0 0 31 * *", "2026-01-31T00:00:00"), "2026-03-31T00:00:00");
  EXPECT_EQ(next("0 0 30 2,4 *", "2026-01-01T00:00:00"), "2026-04-30T00:00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2026-01-01T00:00:00"), "2028-02-29T00:00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2028-02-29T00:00:00"), "2032-02-29T00:00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2096-02-29T00:00:00"), "2104-02-29T00:00:00");  // 2100 is none
  EXPECT_EQ(next("0 0 28-31 2 *", "2027-02-28T00:00:00"), "2028-02-28T00:00:00");
  EXPECT_EQ(next("0 0 31 2 *", "2026-01-01T00:00:00"), "never");
  EXPECT_EQ(next("0 0 31 4,6,9,11 *", "2026-01-01T00:00:00"), "never");
  EXPECT_EQ(next("0 0 1 1 *", "2026-01-01T00:00:00"), "2027-01-01T00:00:00");
}

TEST(CronSchedule, DayOrWeekdayIsEnoughWhereBothAreNamed) {
  // 2026-11-13 is a Friday.
  EXPECT_EQ(next("0 0 13 * fri", "2026-11-01T00:00:00"), "2026-11-06T00:00:00");
  EXPECT_EQ(next("0 0 13 * fri", "2026-12-11T00:00:00"), "2026-12-13T00:00:00");
  EXPECT_EQ(next("0 0 */2 * fri", "2026-11-01T00:00:00"), "2026-11-13T00:00:00");  // "*": both
  EXPECT_EQ(next("0 0 13 * *", "2026-11-01T00:00:00"), "2026-11-13T00:00:00");
}

// The C library's clock of a place, as the controller has it.
class Zone {
 public:
  explicit Zone(const char* name) {
    if (const char* old = ::getenv("TZ")) old_ = old;
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    old_.empty() ? ::unsetenv("TZ") : ::setenv("TZ", old_.c_str(), 1);
    ::tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

 private:
  std::string old_;
};

std::vector<std::string> utc_runs(const std::string& schedule, const std::string& after,
                                  int count) {
  std::vector<std::string> runs;
  TimePoint moment = at(after);
  for (int i = 0; i < count; ++i) {
    moment = *next_run(*parse_cron_schedule(schedule), moment, local_zone());
    runs.push_back(format_moment(moment, utc_zone()).substr(5, 11));
  }
  return runs;
}

TEST(CronSchedule, AClockThatJumpsSkipsNoRunAndDoublesNone) {
  // In 2026 at 01:00 UTC: on 29 March from 2 to 3 o'clock, on 25 October from 3 back to 2.
  const Zone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  using Runs = std::vector<std::string>;
  EXPECT_EQ(utc_runs("30 2 * * *", "2026-03-28T00:00:00", 3),
            (Runs{"03-28T01:30", "03-29T01:30", "03-30T00:30"}));
  EXPECT_EQ(utc_runs("30 2 * * *", "2026-10-24T00:00:00", 3),
            (Runs{"10-24T00:30", "10-25T00:30", "10-26T01:30"}));
  // Of every hour: by time, also in the hour that comes twice.
  EXPECT_EQ(utc_runs("30 * * * *", "2026-10-24T23:45:00", 4),
            (Runs{"10-25T00:30", "10-25T01:30", "10-25T02:30", "10-25T03:30"}));
  EXPECT_EQ(utc_runs("0 * * * *", "2026-03-29T00:00:00", 3),
            (Runs{"03-29T01:00", "03-29T02:00", "03-29T03:00"}));
}

TEST(CronSchedule, RunsAlwaysGoForward) {
  const Zone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
  for (const char* text :
       {"*/7 * * * *", "*/7 1-3 * * *", "0 2 * * *", "59 * * * sun", "0 3 */5 * *"}) {
    const CronSchedule schedule = *parse_cron_schedule(text);
    TimePoint moment = at("2026-03-20T00:00:00");
    for (int i = 0; i < 3000; ++i) {
      const std::optional<TimePoint> after = next_run(schedule, moment, local_zone());
      ASSERT_TRUE(after) << text;
      ASSERT_GT(*after, moment) << text;
      moment = *after;
    }
  }
}

}  // namespace
}  // namespace gd
