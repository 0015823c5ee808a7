#include "proto/usage_reset.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace gd {

std::optional<UsageResetPeriod> parse_usage_reset_period(std::string_view name) {
  constexpr std::string_view kNames[] = {"none",    "daily",     "weekly",
                                         "monthly", "quarterly", "yearly"};
  const auto* const found = std::ranges::find(kNames, name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<UsageResetPeriod>(found - std::begin(kNames));
}

TimePoint next_usage_reset(UsageResetPeriod period, TimePoint after) {
  using std::chrono::days;
  using std::chrono::months;
  using std::chrono::sys_days;
  using std::chrono::year_month_day;
  const sys_days today = std::chrono::floor<days>(after);
  const year_month_day date{today};
  const sys_days month{date.year() / date.month() / 1};
  const auto later = [](sys_days from, int count) {  // so many months
    const year_month_day first{from};
    return sys_days{(first.year() / first.month() + months{count}) / 1};
  };
  const int in_year = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  switch (period) {
    case UsageResetPeriod::none: break;
    case UsageResetPeriod::daily: return today + days{1};
    case UsageResetPeriod::weekly:
      return today + days{7 - static_cast<int>(std::chrono::weekday{today}.c_encoding())};
    case UsageResetPeriod::monthly: return later(month, 1);
    case UsageResetPeriod::quarterly: return later(month, 3 - in_year % 3);
    case UsageResetPeriod::yearly: return later(month, 12 - in_year);
  }
  return TimePoint::max();
}

}  // namespace gd
