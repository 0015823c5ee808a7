// When all usage is set back to nothing by the calendar: priority_usage_reset_period of gd.conf,
// PriorityUsageResetPeriod in Slurm. Days begin at midnight UTC, weeks on Sunday.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace gd {

enum class UsageResetPeriod : uint8_t { none, daily, weekly, monthly, quarterly, yearly };

// "none", "daily", ... "yearly"; nothing: it is no period.
[[nodiscard]] std::optional<UsageResetPeriod> parse_usage_reset_period(std::string_view name);
// The first beginning of a period after that moment; the end of time for none.
[[nodiscard]] TimePoint next_usage_reset(UsageResetPeriod period, TimePoint after);

}  // namespace gd
