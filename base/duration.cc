// Time limits and intervals: digits between known separators, all bounded by
// kMaxDuration, so that no sum can overflow. Moments are in moment.cc.
#include "base/duration.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "base/text.h"

namespace gd {

namespace {

Error not_a_time(std::string_view text) {
  return {ErrorCode::invalid,
          "'" + printable(text) +
              "' is not a time; write minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS or "
              "UNLIMITED"};
}

Error too_long(std::string_view text) {
  const auto days = std::chrono::floor<std::chrono::days>(kMaxDuration).count();
  return {ErrorCode::invalid, printable(text) + " is more than " + std::to_string(days) + " days"};
}

// Adds "a:b:c" to seconds with the given weight for each part.
Result<Seconds> weigh(std::string_view text, std::span<const std::string_view> parts,
                      std::span<const int64_t> weights) {
  if (parts.size() > weights.size()) return not_a_time(text);
  int64_t seconds = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Result<uint64_t> number = parse_number<uint64_t>(parts[i]);
    if (parts[i].empty() || parts[i].find_first_not_of("0123456789") != std::string_view::npos) {
      return not_a_time(text);
    }
    const auto most = static_cast<uint64_t>(kMaxDuration.count() / weights[i]);
    if (!number.ok() || *number > most) return too_long(text);
    seconds += static_cast<int64_t>(*number) * weights[i];
    if (seconds > kMaxDuration.count()) return too_long(text);
  }
  return Seconds{seconds};
}

}  // namespace

Result<TimeLimit> parse_time_limit(std::string_view text) {
  if (equal_no_case(text, "UNLIMITED") || equal_no_case(text, "INFINITE") || text == "-1") {
    return TimeLimit{};
  }
  constexpr std::array<int64_t, 3> kHourMinuteSecond = {3600, 60, 1};
  constexpr std::array<int64_t, 2> kMinuteSecond = {60, 1};
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const std::array<std::string_view, 1> days_text = {text.substr(0, dash)};
    constexpr std::array<int64_t, 1> kDay = {86400};
    const Seconds days = TRY(weigh(text, days_text, kDay));
    const Seconds rest = TRY(weigh(text, split(text.substr(dash + 1), ':'), kHourMinuteSecond));
    if (days + rest > kMaxDuration) return too_long(text);
    return TimeLimit{days + rest};
  }
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() == 3) return TimeLimit{TRY(weigh(text, parts, kHourMinuteSecond))};
  return TimeLimit{TRY(weigh(text, parts, kMinuteSecond))};
}

namespace {

struct IntervalUnit {
  std::string_view name;
  int64_t milliseconds;
};

constexpr std::array<IntervalUnit, 8> kIntervalUnits = {{
    {"w", 604'800'000},
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"min", 60'000},
    {"m", 60'000},
    {"s", 1000},
    {"ms", 1},
    {"", 1000},
}};

}  // namespace

Result<Milliseconds> parse_interval(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = trim(text.substr(digits));
  for (const IntervalUnit& known : kIntervalUnits) {
    if (digits == 0 || known.name != unit) continue;
    const auto most = static_cast<uint64_t>(Milliseconds{kMaxDuration}.count()) /
                      static_cast<uint64_t>(known.milliseconds);
    const Result<uint64_t> number = parse_number<uint64_t>(text.substr(0, digits));
    if (!number.ok() || *number > most) return too_long(text);
    return Milliseconds{static_cast<int64_t>(*number) * known.milliseconds};
  }
  return Error{ErrorCode::invalid, "'" + printable(text) +
                                       "' is not an interval; write digits and ms, s, min, h, d "
                                       "or w"};
}

std::string format_interval(Milliseconds interval) {
  const int64_t count = interval.count();
  if (count == 0) return "0s";
  for (const IntervalUnit& unit : kIntervalUnits) {  // largest first; ms divides them all
    if (count % unit.milliseconds != 0) continue;
    return std::to_string(count / unit.milliseconds) + std::string(unit.name);
  }
  return std::to_string(count) + "ms";
}

namespace {

struct Clockwork {
  int64_t days, hours, minutes, seconds;
};

Clockwork take_apart(Seconds total) {
  const int64_t s = std::max<int64_t>(total.count(), 0);
  return {s / 86400, s / 3600 % 24, s / 60 % 60, s % 60};
}

template <class... Numbers>
std::string print(const char* format, Numbers... numbers) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, static_cast<long long>(numbers)...);
  return buffer;
}

}  // namespace

std::string format_time_limit(const TimeLimit& limit) {
  if (!limit) return "UNLIMITED";
  const Clockwork c = take_apart(*limit);
  const std::string clock = print("%02lld:%02lld:%02lld", c.hours, c.minutes, c.seconds);
  return c.days > 0 ? std::to_string(c.days) + "-" + clock : clock;
}

std::string format_elapsed(Seconds elapsed) {
  const Clockwork c = take_apart(elapsed);
  if (c.days > 0) return format_time_limit(elapsed);
  if (c.hours > 0) return print("%lld:%02lld:%02lld", c.hours, c.minutes, c.seconds);
  return print("%lld:%02lld", c.minutes, c.seconds);
}

std::string format_elapsed(const TimeLimit& limit) {
  return limit ? format_elapsed(*limit) : "UNLIMITED";
}

}  // namespace gd
