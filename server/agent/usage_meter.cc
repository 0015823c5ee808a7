#include "server/agent/usage_meter.h"

#include <algorithm>

namespace gd::agent {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

uint64_t mib_up(uint64_t bytes) {
  return bytes / kMib + (bytes % kMib == 0 ? 0 : 1);
}

uint64_t grown(uint64_t from, uint64_t to) {
  return to > from ? to - from : 0;
}

uint64_t positive_ms(Milliseconds time) {
  return static_cast<uint64_t>(std::max<int64_t>(time.count(), 1));
}

std::optional<uint64_t> per_second(const std::optional<uint64_t>& from,
                                   const std::optional<uint64_t>& to, Milliseconds time) {
  if (!to) return std::nullopt;
  return grown(from.value_or(0), *to) * 1000 / positive_ms(time);
}

uint64_t cpu_milli(uint64_t from_ns, uint64_t to_ns, Milliseconds time) {
  return grown(from_ns, to_ns) / 1000 / positive_ms(time);
}

uint64_t mean(uint64_t a, uint64_t b) {
  return a / 2 + b / 2 + (a % 2 + b % 2) / 2;
}

template <class Join>
void halve(std::vector<uint64_t>& points, Join join) {
  for (size_t i = 0; i + 1 < points.size(); i += 2) points[i / 2] = join(points[i], points[i + 1]);
  points.resize(points.size() / 2);
}

}  // namespace

UsageMeter::UsageMeter(Milliseconds started, Seconds spacing) {
  last_.at = point_.at = started;
  series_.spacing = std::max(spacing, Seconds{1});
}

void UsageMeter::take(const container::CgroupUsage& reading, Milliseconds at) {
  const Counters now{reading.cpu_ns, reading.read_bytes, reading.write_bytes, at};
  const Milliseconds time = at - last_.at;
  sample_.cpu_milli = cpu_milli(last_.cpu_ns, now.cpu_ns, time);
  sample_.memory_mib = mib_up(reading.memory_bytes);
  sample_.pids = reading.pids;
  sample_.read_bytes_s = per_second(last_.read_bytes, now.read_bytes, time);
  sample_.write_bytes_s = per_second(last_.write_bytes, now.write_bytes, time);
  count(reading);
  sample_.so_far.pids_peak = std::max(sample_.so_far.pids_peak, reading.pids);
  point_memory_mib_ = std::max(point_memory_mib_, sample_.memory_mib);
  last_ = now;
  if (at - point_.at < series_.spacing) return;
  if (series_.cpu_milli.size() >= kMaxSeriesPoints) thin();
  if (at - point_.at >= series_.spacing) close_point(now);
}

void UsageMeter::finish(const container::CgroupUsage& reading, Milliseconds at) {
  count(reading);
  // What was never read, or took less than a second, is no point but noise.
  if (point_memory_mib_ != 0 && at - point_.at >= Seconds{1}) {
    close_point({reading.cpu_ns, reading.read_bytes, reading.write_bytes, at});
  }
}

UsageSeries UsageMeter::series() const {
  return series_.cpu_milli.size() > 1 ? series_ : UsageSeries{};
}

void UsageMeter::count(const container::CgroupUsage& reading) {
  Usage& usage = sample_.so_far;
  usage.cpu_user_ms = reading.cpu_user_ns / 1'000'000;
  usage.cpu_system_ms = reading.cpu_system_ns / 1'000'000;
  usage.memory_peak_mib = std::max(
      usage.memory_peak_mib, mib_up(std::max(reading.memory_peak_bytes, reading.memory_bytes)));
  usage.read_bytes = reading.read_bytes;
  usage.write_bytes = reading.write_bytes;
}

void UsageMeter::close_point(const Counters& now) {
  if (series_.cpu_milli.size() >= kMaxSeriesPoints) thin();
  const Milliseconds time = now.at - point_.at;
  series_.cpu_milli.push_back(cpu_milli(point_.cpu_ns, now.cpu_ns, time));
  series_.memory_mib.push_back(point_memory_mib_);
  const auto read = per_second(point_.read_bytes, now.read_bytes, time);
  const auto written = per_second(point_.write_bytes, now.write_bytes, time);
  if (read || written) {
    series_.io_kib_s.resize(series_.cpu_milli.size() - 1);  // as long as the others
    series_.io_kib_s.push_back((read.value_or(0) + written.value_or(0)) >> 10);
  }
  point_ = now;
  point_memory_mib_ = 0;
}

void UsageMeter::thin() {
  halve(series_.cpu_milli, mean);
  halve(series_.memory_mib, [](uint64_t a, uint64_t b) { return std::max(a, b); });
  halve(series_.io_kib_s, mean);
  series_.spacing *= 2;
}

}  // namespace gd::agent
