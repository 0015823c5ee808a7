// What one step has used on one node, as its control group counts it.
//
// Usage and UsageSeries are what stays with a finished step: totals and peaks, and how it went.
// StepSample is what a node says of a running step now and then: it is never stored, and a
// later one replaces it. What a machine cannot count is empty, which is not zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/message_type.h"

namespace gd {

inline constexpr size_t kMaxSeriesPoints = 60;

// Points of equal length, but for the last, which is what was left over at the end. When there
// are too many, each two become one. Empty for a step that ended before its second point.
struct UsageSeries {
  Seconds spacing{};
  std::vector<uint64_t> cpu_milli;   // mean: 1000 is one cpu
  std::vector<uint64_t> memory_mib;  // highest of the samples
  std::vector<uint64_t> io_kib_s;    // read and written, mean; empty: not known
  bool operator==(const UsageSeries&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("every", self.spacing);
    field("cpu", self.cpu_milli);
    field("mem", self.memory_mib);
    field("io", self.io_kib_s);
  }
};

// No more points than there may be, all lists of one length: for what a stranger says.
UsageSeries bounded(UsageSeries series);

struct Usage {
  uint64_t cpu_user_ms = 0;
  uint64_t cpu_system_ms = 0;
  uint64_t memory_peak_mib = 0;
  uint64_t pids_peak = 0;              // processes and threads, of the samples; 0: no sample
  std::optional<uint64_t> read_bytes;  // from and to block devices
  std::optional<uint64_t> write_bytes;
  bool operator==(const Usage&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("user", self.cpu_user_ms);
    field("sys", self.cpu_system_ms);
    field("peak", self.memory_peak_mib);
    field("pids", self.pids_peak);
    field("read", self.read_bytes);
    field("write", self.write_bytes);
  }
};

// Times and bytes add up; peaks do not, since they need not be of one moment.
void add(Usage& sum, const Usage& step);

// Of a step with a terminal.
struct SessionNow {
  bool attached = false;  // somebody is at it
  Seconds idle{};         // since something was typed, shown or computed
  bool operator==(const SessionNow&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("attached", self.attached);
    field("idle", self.idle);
  }
};

struct StepSample {
  static constexpr MessageType kType = MessageType::step_sample;  // from a shepherd to its agent
  JobId job;
  LaunchNumber launch;
  StepId step;
  std::string node;  // filled by the controller
  Usage so_far;
  uint64_t cpu_milli = 0;  // since the sample before
  uint64_t memory_mib = 0;
  uint64_t pids = 0;
  std::optional<uint64_t> read_bytes_s;  // since the sample before
  std::optional<uint64_t> write_bytes_s;
  std::optional<SessionNow> session;
  bool operator==(const StepSample&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("step", self.step);
    field("node", self.node);
    field("so_far", self.so_far);
    field("cpu", self.cpu_milli);
    field("mem", self.memory_mib);
    field("pids", self.pids);
    field("read_s", self.read_bytes_s);
    field("write_s", self.write_bytes_s);
    field("session", self.session);
  }
};

}  // namespace gd
