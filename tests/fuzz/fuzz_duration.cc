// Times from anywhere: bounded, and what is accepted survives a round trip.
#include <cstdint>

#include "base/check.h"
#include "base/duration.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::TimeLimit> limit = gd::parse_time_limit(text);
  if (limit.ok() && limit->has_value()) {
    GD_CHECK(**limit >= gd::Seconds{0} && **limit <= gd::kMaxDuration, (*limit)->count());
    const gd::Result<gd::TimeLimit> again = gd::parse_time_limit(gd::format_time_limit(*limit));
    GD_CHECK(again.ok() && *again == *limit, gd::format_time_limit(*limit));
  }
  const gd::Result<gd::Milliseconds> interval = gd::parse_interval(text);
  if (interval.ok()) {
    const gd::Result<gd::Milliseconds> again = gd::parse_interval(gd::format_interval(*interval));
    GD_CHECK(again.ok() && *again == *interval, gd::format_interval(*interval));
  }
  const gd::TimePoint now{gd::Seconds{1'790'000'000}};
  for (const gd::Direction direction : {gd::Direction::future, gd::Direction::past}) {
    const gd::Result<gd::TimePoint> moment = gd::parse_moment(text, now, gd::utc_zone(), direction);
    if (!moment.ok()) continue;
    const std::string shown = gd::format_moment(*moment, gd::utc_zone());
    const gd::Result<gd::TimePoint> again = gd::parse_moment(shown, now, gd::utc_zone());
    const bool writable = moment->time_since_epoch() >= gd::Seconds{0} && shown.size() == 19;
    GD_CHECK(!writable || (again.ok() && *again == *moment), shown);
  }
  return 0;
}
