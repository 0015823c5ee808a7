#include "proto/step_usage.h"

#include <algorithm>

namespace gd {
namespace {

void add_known(std::optional<uint64_t>& sum, const std::optional<uint64_t>& part) {
  if (part) sum = sum.value_or(0) + *part;
}

}  // namespace

UsageSeries bounded(UsageSeries series) {
  const size_t points =
      std::min({series.cpu_milli.size(), series.memory_mib.size(), kMaxSeriesPoints});
  series.cpu_milli.resize(points);
  series.memory_mib.resize(points);
  if (!series.io_kib_s.empty()) series.io_kib_s.resize(points);
  return series;
}

void add(Usage& sum, const Usage& step) {
  sum.cpu_user_ms += step.cpu_user_ms;
  sum.cpu_system_ms += step.cpu_system_ms;
  sum.memory_peak_mib = std::max(sum.memory_peak_mib, step.memory_peak_mib);
  sum.pids_peak = std::max(sum.pids_peak, step.pids_peak);
  add_known(sum.read_bytes, step.read_bytes);
  add_known(sum.write_bytes, step.write_bytes);
}

}  // namespace gd
