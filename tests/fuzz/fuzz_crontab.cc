// Crontabs from anywhere: bounded, each entry's line is a line, and runs only go forward.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/cron_schedule.h"
#include "cmd/crontab_text.h"
#include "proto/crontab.h"

namespace {

void check_runs(std::string_view text) {
  const auto schedule = gd::parse_cron_schedule(text);
  if (!schedule.ok()) return;
  gd::TimePoint moment{gd::Seconds{1'790'000'000}};
  for (int i = 0; i < 4; ++i) {
    const auto next = gd::next_run(*schedule, moment, gd::utc_zone());
    if (!next) return;
    GD_CHECK(*next > moment && *next < moment + gd::kCronReach + std::chrono::days{2});
    moment = *next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_runs(text);
  const auto entries = gd::cmd::parse_crontab(text);
  if (!entries.ok()) return 0;
  const auto lines = static_cast<uint32_t>(std::ranges::count(text, '\n')) + 1;
  GD_CHECK(entries->size() <= gd::kMaxCronEntries, entries->size());
  std::string disabled(text);
  uint32_t last = 0;
  for (const gd::cmd::CrontabEntry& entry : *entries) {
    GD_CHECK(entry.line > last && entry.line <= lines, entry.line, lines);
    last = entry.line;
    GD_CHECK(!entry.command.empty() && entry.command.find('\n') == std::string::npos);
    check_runs(entry.schedule);
    disabled = gd::with_line_disabled(disabled, entry.line);
  }
  // What was disabled is no entry any more, and nothing else is.
  const auto left = gd::cmd::parse_crontab(disabled);
  GD_CHECK(!left.ok() || left->empty());
  return 0;
}
