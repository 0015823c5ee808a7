#include "cmd/usage_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/duration.h"
#include "base/text.h"

namespace gd::cmd {
namespace {

void add_known(std::optional<uint64_t>& sum, const std::optional<uint64_t>& part) {
  if (part) sum = sum.value_or(0) + *part;
}

}  // namespace

std::string clock_time(uint64_t ms) {
  const uint64_t seconds = ms / 1000;
  std::array<char, 64> text{};
  if (seconds < 3600) {
    (void)std::snprintf(text.data(), text.size(), "%02u:%02u.%03u",
                        static_cast<unsigned>(seconds / 60), static_cast<unsigned>(seconds % 60),
                        static_cast<unsigned>(ms % 1000));
    return text.data();
  }
  return format_time_limit(Seconds{seconds});
}

std::string in_units(uint64_t kib, char units) {
  constexpr std::string_view kUnits = "KMGTP";
  const auto power = static_cast<unsigned>(kUnits.find(units));
  const double value = static_cast<double>(kib) / static_cast<double>(uint64_t{1} << (10 * power));
  std::array<char, 64> text{};
  const bool whole = power == 0 || kib % (uint64_t{1} << (10 * power)) == 0;
  (void)std::snprintf(text.data(), text.size(), whole ? "%.0f%c" : "%.2f%c", value, units);
  return text.data();
}

std::string short_bytes(uint64_t bytes) {
  constexpr std::string_view kUnits = "KMGTPE";
  if (bytes < 1024) return std::to_string(bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const bool whole = bytes % (uint64_t{1} << (10 * (unit + 1))) == 0;
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), whole ? "%.0f%c" : "%.2f%c", value, kUnits[unit]);
  return text.data();
}

Usage usage_so_far(const JobView& view) {
  Usage sum = usage_of(view.job);
  for (const StepSample& sample : view.samples) add(sum, sample.so_far);
  return sum;
}

std::optional<JobNow> now_of(const JobView& view) {
  if (view.samples.empty()) return std::nullopt;
  JobNow sum;
  for (const StepSample& sample : view.samples) {
    sum.cpu_milli += sample.cpu_milli;
    sum.memory_mib += sample.memory_mib;
    sum.pids += sample.pids;
    add_known(sum.read_bytes_s, sample.read_bytes_s);
    add_known(sum.write_bytes_s, sample.write_bytes_s);
  }
  return sum;
}

const UsageSeries* series_of(const JobRecord& job) {
  for (const StepRecord& step : job.steps) {
    const bool main = step.id == kBatchStep || step.id == kInteractiveStep;
    if (main && !step.series.cpu_milli.empty()) return &step.series;
  }
  return nullptr;
}

SparkStyle spark_style() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = to_lower(value);
    const bool utf8 =
        locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    return utf8 ? SparkStyle::blocks : SparkStyle::digits;
  }
  return SparkStyle::digits;
}

std::string spark(const std::vector<uint64_t>& points, SparkStyle style) {
  constexpr std::string_view kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const uint64_t top =
      points.empty() ? 1 : std::max<uint64_t>(*std::max_element(points.begin(), points.end()), 1);
  const uint64_t steps = style == SparkStyle::blocks ? std::size(kBlocks) - 1 : 9;
  std::string out;
  for (const uint64_t point : points) {
    const auto part = static_cast<double>(point) / static_cast<double>(top);
    const auto height = static_cast<size_t>(part * static_cast<double>(steps) + 0.5);
    if (style == SparkStyle::blocks)
      out += kBlocks[height];
    else
      out += static_cast<char>('0' + height);
  }
  return out;
}

}  // namespace gd::cmd
