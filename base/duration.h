// Durations, intervals and begin times in Slurm's spellings, both ways.
//
//   time limit  M  M:SS  H:MM:SS  D-H  D-H:MM  D-H:MM:SS  UNLIMITED  INFINITE  -1
//   interval    500ms  30s  5min  2h  7d  2w; a plain number is seconds (our own keys)
//   moment      now[+-N[unit]]  HH:MM[:SS][AM|PM]  today  tomorrow  midnight  noon
//               elevenses  fika  teatime  YYYY-MM-DD[THH:MM[:SS]]  MMDD[YY]
//               MM/DD[/YY]  MM.DD.YY  uts1700000000; a day and a time may stand side by side
//
// A time limit that is not there is "unlimited". Moments depend on the zone: it
// is a parameter, since the commands use the user's and tests use their own.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace gd {

using TimeLimit = std::optional<Seconds>;  // nullopt: unlimited

inline constexpr Seconds kMaxDuration = std::chrono::days{365 * 100};

Result<TimeLimit> parse_time_limit(std::string_view text);  // "90" is minutes
Result<Milliseconds> parse_interval(std::string_view text);
std::string format_interval(Milliseconds interval);  // "500ms", "90s", "2h": exact, largest unit

std::string format_time_limit(const TimeLimit& limit);  // [D-]HH:MM:SS, "UNLIMITED": scontrol
std::string format_elapsed(Seconds elapsed);            // [D-HH:|H:]M:SS: squeue's TIME
std::string format_elapsed(const TimeLimit& limit);     // the same, "UNLIMITED": squeue's %l

// How moments become calendar days and back. utc_zone() is pure; local_zone() is
// the C library's, by TZ.
struct TimeZone {
  std::tm (*to_calendar)(std::time_t moment);
  std::time_t (*from_calendar)(std::tm calendar);  // out-of-range fields are carried
};
const TimeZone& utc_zone();
const TimeZone& local_zone();

// What a time without a day, or a day without a year, means: the next one that
// comes (--begin), or the last one (gdacct --starttime).
enum class Direction : uint8_t { future, past };
Result<TimePoint> parse_moment(std::string_view text, TimePoint now, const TimeZone& zone,
                               Direction direction = Direction::future);
std::string format_moment(TimePoint moment, const TimeZone& zone);  // 2026-11-30T12:00:00

}  // namespace gd
