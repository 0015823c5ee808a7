// Begin times: words of a small language, each giving a day or a time of day,
// put together at the end. Declared in duration.h.
//
// What the words leave open is filled in as Slurm does: no time means 00:00; no
// day means today if that lies ahead, else tomorrow (Direction::past: today); no
// year means the year that puts the day ahead (past: behind).
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <optional>

#include "base/duration.h"
#include "base/text.h"

namespace gd {

namespace {

Error not_a_moment(std::string_view text) {
  return {ErrorCode::invalid,
          "'" + printable(text) +
              "' is not a time; write YYYY-MM-DD[THH:MM[:SS]], HH:MM, now+N[minutes|hours|days] "
              "or tomorrow"};
}

struct Day {
  std::optional<int> year;
  int month = 1;
  int day = 1;
};

struct TimeOfDay {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

// Exactly `count` digits from the front, as a number.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool exists(const Day& day) {
  constexpr std::array<int, 12> kDays = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (day.month < 1 || day.month > 12 || day.day < 1) return false;
  if (day.day > kDays[static_cast<size_t>(day.month - 1)]) return false;
  if (!day.year || day.month != 2 || day.day < 29) return true;
  const int year = *day.year;
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

std::optional<Day> checked(std::optional<int> year, std::optional<int> month,
                           std::optional<int> day) {
  if (!month || !day) return std::nullopt;
  const Day result{year, *month, *day};
  return exists(result) ? std::optional{result} : std::nullopt;
}

// YYYY-MM-DD
std::optional<Day> iso_day(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || *year < 1970 || !take_prefix(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!take_prefix(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  return text.empty() ? checked(year, month, day) : std::nullopt;
}

// MM/DD[/YY] and MM.DD[.YY], MMDD[YY]
std::optional<Day> american_day(std::string_view text) {
  const std::string_view separator = text.find('/') != std::string_view::npos   ? "/"
                                     : text.find('.') != std::string_view::npos ? "."
                                                                                : "";
  const auto month = take_digits(text, 2);
  if (!take_prefix(text, separator)) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (text.empty()) return checked(std::nullopt, month, day);
  if (!take_prefix(text, separator)) return std::nullopt;
  const auto year = take_digits(text, 2);
  if (!year || !text.empty()) return std::nullopt;
  return checked(2000 + *year, month, day);
}

// HH:MM[:SS][AM|PM]; one digit will do for the hour
std::optional<TimeOfDay> clock_time(std::string_view text) {
  const auto hour = take_digits(text, text.find(':') == 1 ? 1 : 2);
  if (!hour || !take_prefix(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  std::optional<int> second = 0;
  if (take_prefix(text, ":")) second = take_digits(text, 2);
  if (!minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  TimeOfDay time{*hour, *minute, *second};
  if (text.empty()) return time;
  const bool afternoon = equal_no_case(text, "PM");
  if ((!afternoon && !equal_no_case(text, "AM")) || *hour < 1 || *hour > 12) return std::nullopt;
  time.hour = *hour % 12 + (afternoon ? 12 : 0);
  return time;
}

std::optional<TimeOfDay> named_time(std::string_view word) {
  struct Name {
    std::string_view name;
    int hour;
  };
  constexpr std::array<Name, 5> kNames = {
      {{"midnight", 0}, {"elevenses", 11}, {"noon", 12}, {"fika", 15}, {"teatime", 16}}};
  for (const Name& known : kNames) {
    if (equal_no_case(word, known.name)) return TimeOfDay{known.hour, 0, 0};
  }
  return std::nullopt;
}

// now, now+60, now+2hours, now-1day
Result<TimePoint> relative_to_now(std::string_view text, TimePoint now) {
  std::string_view rest = text.substr(3);
  if (rest.empty()) return now;
  const bool minus = rest[0] == '-';
  rest.remove_prefix(1);
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  const std::string_view unit = rest.substr(digits);
  struct Unit {
    std::string_view name;
    int64_t seconds;
  };
  constexpr std::array<Unit, 5> kUnits = {
      {{"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", 86400}, {"weeks", 604800}}};
  const Unit* known = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) {
    return starts_with_no_case(u.name, unit);  // any beginning; none at all is seconds
  });
  if (digits == 0 || known == kUnits.end()) return not_a_moment(text);
  const uint64_t most = static_cast<uint64_t>(kMaxDuration.count() / known->seconds);
  const int64_t count =
      static_cast<int64_t>(TRY(parse_number<uint64_t>(rest.substr(0, digits), 0, most)));
  const Seconds offset{count * known->seconds};
  return minus ? now - offset : now + offset;
}

struct Asked {
  std::optional<Day> day;
  std::optional<TimeOfDay> time;
};

Day calendar_day(const std::tm& calendar) {
  return {calendar.tm_year + 1900, calendar.tm_mon + 1, calendar.tm_mday};
}

bool read_word(std::string_view word, std::tm today, const TimeZone& zone, Asked& asked) {
  std::optional<Day> day = iso_day(word);
  if (!day) day = american_day(word);
  if (equal_no_case(word, "today")) day = calendar_day(today);
  if (equal_no_case(word, "tomorrow")) {
    today.tm_mday += 1;
    today.tm_hour = 12;  // away from the hours that daylight saving takes
    today.tm_isdst = -1;
    day = calendar_day(zone.to_calendar(zone.from_calendar(today)));
  }
  std::optional<TimeOfDay> time = clock_time(word);
  if (!time) time = named_time(word);
  if ((day && asked.day) || (time && asked.time)) return false;
  if (day) asked.day = day;
  if (time) asked.time = time;
  return day || time;
}

Result<Asked> read_words(std::string_view text, const std::tm& today, const TimeZone& zone) {
  Asked asked;
  const std::vector<std::string_view> words = split_words(text);
  for (const std::string_view word : words) {
    const size_t t = word.find('T');
    const bool both = t == 10 && iso_day(word.substr(0, t));  // 2026-11-30T12:00
    const bool good = both ? read_word(word.substr(0, t), today, zone, asked) &&
                                 read_word(word.substr(t + 1), today, zone, asked)
                           : read_word(word, today, zone, asked);
    if (!good) return not_a_moment(text);
  }
  if (words.empty()) return not_a_moment(text);
  return asked;
}

std::time_t seconds_of(const Day& day, const TimeOfDay& time, const TimeZone& zone) {
  std::tm calendar{};
  calendar.tm_year = day.year.value_or(1970) - 1900;
  calendar.tm_mon = day.month - 1;
  calendar.tm_mday = day.day;
  calendar.tm_hour = time.hour;
  calendar.tm_min = time.minute;
  calendar.tm_sec = time.second;
  calendar.tm_isdst = -1;
  return zone.from_calendar(calendar);
}

Result<std::time_t> put_together(std::string_view text, const Asked& asked, std::time_t now,
                                 const TimeZone& zone, Direction direction) {
  const std::tm today = zone.to_calendar(now);
  const TimeOfDay time = asked.time.value_or(TimeOfDay{});
  Day day = asked.day.value_or(calendar_day(today));
  if (!day.year) {
    const bool later = std::pair(day.month, day.day) > std::pair(today.tm_mon + 1, today.tm_mday);
    const bool earlier = std::pair(day.month, day.day) < std::pair(today.tm_mon + 1, today.tm_mday);
    const int this_year = today.tm_year + 1900;
    if (direction == Direction::future)
      day.year = this_year + (earlier ? 1 : 0);
    else
      day.year = this_year - (later ? 1 : 0);
    if (!exists(day)) return not_a_moment(text).in("no such day in " + std::to_string(*day.year));
  }
  std::time_t moment = seconds_of(day, time, zone);
  if (!asked.day && direction == Direction::future && moment <= now) {
    ++day.day;  // mktime carries it into the next month
    moment = seconds_of(day, time, zone);
  }
  return moment;
}

}  // namespace

Result<TimePoint> parse_moment(std::string_view text, TimePoint now, const TimeZone& zone,
                               Direction direction) {
  const std::string_view all = trim(text);
  if (starts_with_no_case(all, "now") && (all.size() == 3 || all[3] == '+' || all[3] == '-')) {
    return relative_to_now(all, now);
  }
  std::string_view epoch = all;
  if (take_prefix(epoch, "uts")) {
    const int64_t most = kMaxDuration.count() * 2;
    return TimePoint{Seconds{TRY(parse_number<int64_t>(epoch, 0, most))}};
  }
  const auto now_seconds = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  const Asked asked = TRY(read_words(all, zone.to_calendar(now_seconds), zone));
  return TimePoint{Seconds{TRY(put_together(all, asked, now_seconds, zone, direction))}};
}

std::string format_moment(TimePoint moment, const TimeZone& zone) {
  const auto seconds = std::chrono::floor<Seconds>(moment).time_since_epoch().count();
  const std::tm calendar = zone.to_calendar(seconds);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d", calendar.tm_year + 1900,
                calendar.tm_mon + 1, calendar.tm_mday, calendar.tm_hour, calendar.tm_min,
                calendar.tm_sec);
  return buffer;
}

const TimeZone& utc_zone() {
  static constexpr TimeZone kUtc = {
      [](std::time_t moment) {
        std::tm calendar{};
        ::gmtime_r(&moment, &calendar);
        return calendar;
      },
      [](std::tm calendar) { return ::timegm(&calendar); },
  };
  return kUtc;
}

const TimeZone& local_zone() {
  static constexpr TimeZone kLocal = {
      [](std::time_t moment) {
        std::tm calendar{};
        ::localtime_r(&moment, &calendar);
        return calendar;
      },
      [](std::tm calendar) { return ::mktime(&calendar); },
  };
  return kLocal;
}

}  // namespace gd
