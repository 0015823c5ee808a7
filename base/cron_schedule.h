// When something recurring is due: cron's five fields, or one of Slurm's words.
//
//   schedule = minute hour day month weekday
//            | @yearly @annually @monthly @weekly @daily @midnight @hourly
//              @elevenses @noon @fika @teatime
//   field    = part *("," part)
//   part     = ("*" | value ["-" value]) ["/" step]
//   value    = number | the first three letters of a month or weekday, in English
//
// Sunday is 0 and 7. Where neither day nor weekday is "*", one of them is enough. Pure.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/duration.h"
#include "base/result.h"

namespace gd {

struct CronSchedule {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;    // from 1
  std::bitset<13> months;  // from 1
  std::bitset<7> weekdays;
  bool any_day = false;  // "*": the other of the two decides
  bool any_weekday = false;
  bool operator==(const CronSchedule&) const = default;
};

// Errors name the field: "hour '25' is not between 0 and 23".
Result<CronSchedule> parse_cron_schedule(std::string_view text);

// The first minute after `after` that it names, on the calendar of `zone`; nothing if no such
// day comes within kCronReach: the 31st of February.
//
// Where the clock jumps, hours that are named are due once: what is skipped is due as much later as
// the clock jumps, what comes twice the first time. If every hour is named, time is what counts.
inline constexpr std::chrono::years kCronReach{9};  // from one leap day to the next, at most 8
std::optional<TimePoint> next_run(const CronSchedule& schedule, TimePoint after,
                                  const TimeZone& zone);

}  // namespace gd
