// From readings of a step's control group to what is told and kept: pure, of one step.
//
// The counters of a group begin at zero with the step, so the first reading has one before
// it. Peaks are the kernel's where it keeps them, else the highest that was read. A point of
// the series closes with the first reading at least `spacing` after the last point did; more
// than kMaxSeriesPoints are thinned to half of them, and the spacing doubles.
// Cost: nothing but the arithmetic; at most kMaxSeriesPoints points.
#pragma once

#include "base/clock.h"
#include "proto/step_usage.h"
#include "server/container/cgroup.h"

namespace gd::agent {

class UsageMeter {
 public:
  UsageMeter() = default;
  // `spacing`: of the series' points, at first. Times are of one clock that never goes back.
  UsageMeter(Milliseconds started, Seconds spacing);

  void take(const container::CgroupUsage& reading, Milliseconds at);
  // The last one, with the series' end, which may be shorter than a point.
  void finish(const container::CgroupUsage& reading, Milliseconds at);

  // Of the last reading and the time before it; for who fills in whose it is.
  [[nodiscard]] const StepSample& sample() const { return sample_; }
  [[nodiscard]] const Usage& usage() const { return sample_.so_far; }
  [[nodiscard]] UsageSeries series() const;  // empty below two points

 private:
  struct Counters {
    uint64_t cpu_ns = 0;
    std::optional<uint64_t> read_bytes;
    std::optional<uint64_t> write_bytes;
    Milliseconds at{};
  };
  void count(const container::CgroupUsage& reading);
  void close_point(const Counters& now);
  void thin();

  StepSample sample_;
  UsageSeries series_;
  Counters last_;   // reading
  Counters point_;  // where the open point of the series began
  uint64_t point_memory_mib_ = 0;
};

}  // namespace gd::agent
