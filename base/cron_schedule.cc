#include "base/cron_schedule.h"

#include <array>
#include <string>
#include <vector>

#include "base/text.h"

namespace gd {
namespace {

struct FieldRule {
  std::string_view name;
  unsigned least;
  unsigned most;
  std::string_view names;  // of three letters each, the first is of `least`
};

constexpr FieldRule kMinute{"minute", 0, 59, ""};
constexpr FieldRule kHour{"hour", 0, 23, ""};
constexpr FieldRule kDay{"day", 1, 31, ""};
constexpr FieldRule kMonth{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"};
constexpr FieldRule kWeekday{"weekday", 0, 7, "sunmontuewedthufrisat"};

struct Word {
  std::string_view word;
  std::string_view fields;
};

constexpr std::array<Word, 11> kWords = {{{"@yearly", "0 0 1 1 *"},
                                          {"@annually", "0 0 1 1 *"},
                                          {"@monthly", "0 0 1 * *"},
                                          {"@weekly", "0 0 * * 0"},
                                          {"@daily", "0 0 * * *"},
                                          {"@midnight", "0 0 * * *"},
                                          {"@hourly", "0 * * * *"},
                                          {"@elevenses", "0 11 * * *"},
                                          {"@noon", "0 12 * * *"},
                                          {"@fika", "0 15 * * *"},
                                          {"@teatime", "0 16 * * *"}}};

Error wrong(const FieldRule& rule, std::string_view text, const std::string& why) {
  return {ErrorCode::invalid, std::string(rule.name) + " '" + printable(text) + "' " + why};
}

Result<unsigned> parse_value(const FieldRule& rule, std::string_view text) {
  for (size_t at = 0; text.size() == 3 && at + 3 <= rule.names.size(); at += 3) {
    if (equal_no_case(text, rule.names.substr(at, 3))) {
      return rule.least + static_cast<unsigned>(at / 3);
    }
  }
  const Result<unsigned> number = parse_number<unsigned>(text, rule.least, rule.most);
  if (number.ok()) return number;
  return wrong(
      rule, text,
      "is not between " + std::to_string(rule.least) + " and " + std::to_string(rule.most));
}

template <size_t size>
Result<void> add_part(const FieldRule& rule, std::string_view part, std::bitset<size>& into) {
  const size_t slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  unsigned step = 1;
  if (slash != std::string_view::npos) {
    const Result<unsigned> given = parse_number<unsigned>(part.substr(slash + 1), 1, rule.most);
    if (!given.ok())
      return wrong(rule, part, "has no step between 1 and " + std::to_string(rule.most));
    step = *given;
  }
  unsigned first = rule.least;
  unsigned last = rule.most;
  if (range != "*") {
    const size_t dash = range.find('-');
    first = last = TRY(parse_value(rule, range.substr(0, dash)));
    if (dash != std::string_view::npos)
      last = TRY(parse_value(rule, range.substr(dash + 1)));
    else if (slash != std::string_view::npos)
      last = rule.most;
    if (last < first) return wrong(rule, part, "ends before it begins");
  }
  for (unsigned value = first; value <= last; value += step) into.set(value);
  return {};
}

template <size_t size>
Result<std::bitset<size>> parse_field(const FieldRule& rule, std::string_view text) {
  std::bitset<size> values;
  for (const std::string_view part : split(text, ',')) TRY(add_part(rule, part, values));
  return values;
}

// ---- on the calendar

bool names_day(const CronSchedule& schedule, const std::tm& at) {
  if (!schedule.months.test(static_cast<size_t>(at.tm_mon + 1))) return false;
  const bool day = schedule.days.test(static_cast<size_t>(at.tm_mday));
  const bool weekday = schedule.weekdays.test(static_cast<size_t>(at.tm_wday));
  if (schedule.any_day || schedule.any_weekday) return day && weekday;
  return day || weekday;
}

// At `from`'s minute or later on that day. `from` is on the clock, whether it shows such a time
// or not.
std::optional<std::tm> first_of_day(const CronSchedule& schedule, std::tm from) {
  for (; from.tm_hour < 24; ++from.tm_hour, from.tm_min = 0) {
    if (!schedule.hours.test(static_cast<size_t>(from.tm_hour))) continue;
    for (; from.tm_min < 60; ++from.tm_min) {
      if (schedule.minutes.test(static_cast<size_t>(from.tm_min))) return from;
    }
  }
  return std::nullopt;
}

std::tm midnight_after(std::tm day, const TimeZone& zone) {
  ++day.tm_mday;
  day.tm_hour = 12;  // away from the hours that daylight saving takes
  day.tm_min = day.tm_sec = 0;
  day.tm_isdst = -1;
  std::tm next = zone.to_calendar(zone.from_calendar(day));
  next.tm_hour = 0;
  return next;
}

std::optional<std::time_t> next_on_clock(const CronSchedule& schedule, std::time_t after,
                                         const TimeZone& zone) {
  const std::time_t until = after + std::chrono::ceil<Seconds>(kCronReach).count();
  std::tm at = zone.to_calendar(after);
  at.tm_sec = 0;
  ++at.tm_min;  // 60 is no minute: the next hour's first
  while (true) {
    while (names_day(schedule, at)) {
      const std::optional<std::tm> found = first_of_day(schedule, at);
      if (!found) break;
      std::tm calendar = *found;
      calendar.tm_isdst = -1;
      const std::time_t moment = zone.from_calendar(calendar);
      if (moment > after) return moment;
      at = *found;  // the clock shows it again, or was put back over it
      ++at.tm_min;
    }
    at = midnight_after(at, zone);
    std::tm midnight = at;
    midnight.tm_isdst = -1;
    if (zone.from_calendar(midnight) > until) return std::nullopt;
  }
}

// Of every hour: also in those that the clock shows twice.
std::optional<std::time_t> soon(const CronSchedule& schedule, std::time_t after,
                                const TimeZone& zone) {
  constexpr std::time_t kMinuteLength = 60;
  constexpr std::time_t kLongestJump = 3 * 3600;
  std::time_t at = after - after % kMinuteLength + kMinuteLength;
  for (; at <= after + kLongestJump; at += kMinuteLength) {
    const std::tm calendar = zone.to_calendar(at);
    const bool due = names_day(schedule, calendar) &&
                     schedule.minutes.test(static_cast<size_t>(calendar.tm_min));
    if (due) return at;
  }
  return std::nullopt;
}

}  // namespace

Result<CronSchedule> parse_cron_schedule(std::string_view text) {
  const std::string_view all = trim(text);
  for (const Word& known : kWords) {
    if (equal_no_case(all, known.word)) return parse_cron_schedule(known.fields);
  }
  if (all.starts_with('@')) {
    return Error{ErrorCode::invalid, "'" + printable(all) + "' is none of the words for a time"};
  }
  const std::vector<std::string_view> fields = split_words(all);
  if (fields.size() != 5) {
    return Error{ErrorCode::invalid, "'" + printable(all) + "' has " +
                                         std::to_string(fields.size()) +
                                         " fields; a time has five: minute hour day month weekday"};
  }
  CronSchedule schedule;
  schedule.minutes = TRY(parse_field<60>(kMinute, fields[0]));
  schedule.hours = TRY(parse_field<24>(kHour, fields[1]));
  schedule.days = TRY(parse_field<32>(kDay, fields[2]));
  schedule.months = TRY(parse_field<13>(kMonth, fields[3]));
  const std::bitset<8> weekdays = TRY(parse_field<8>(kWeekday, fields[4]));
  for (size_t day = 0; day <= 7; ++day) {
    if (weekdays.test(day)) schedule.weekdays.set(day % 7);
  }
  schedule.any_day = fields[2].starts_with('*');
  schedule.any_weekday = fields[4].starts_with('*');
  return schedule;
}

std::optional<TimePoint> next_run(const CronSchedule& schedule, TimePoint after,
                                  const TimeZone& zone) {
  const auto seconds = std::chrono::floor<Seconds>(after).time_since_epoch().count();
  std::optional<std::time_t> next;
  if (schedule.hours.all()) next = soon(schedule, seconds, zone);
  if (!next) next = next_on_clock(schedule, seconds, zone);
  if (!next) return std::nullopt;
  return TimePoint{Seconds{*next}};
}

}  // namespace gd
