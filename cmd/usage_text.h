// What jobs have used, as text: times and amounts as sacct and sstat write them, and the few
// figures of a running job that several commands show. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/cli.h"
#include "proto/messages_client.h"

namespace gd::cmd {

std::string clock_time(uint64_t ms);  // "00:01.234", "01:02:03"
// In K, M, G, T or P, with two digits or none if it is whole: sacct --units.
std::string in_units(uint64_t kib, char units);
// In the unit that makes it short: "512", "1.37M".
std::string short_bytes(uint64_t bytes);

// Of all steps, ended and running, so far.
Usage usage_so_far(const JobView& view);

// Of one running job at this moment, over all its nodes.
struct JobNow {
  uint64_t cpu_milli = 0;
  uint64_t memory_mib = 0;
  uint64_t pids = 0;
  std::optional<uint64_t> read_bytes_s;
  std::optional<uint64_t> write_bytes_s;
  bool operator==(const JobNow&) const = default;
};
std::optional<JobNow> now_of(const JobView& view);  // nothing: not heard of yet

// The series of the step that the job was for.
const UsageSeries* series_of(const JobRecord& job);

enum class SparkStyle : uint8_t { blocks, digits };  // UTF-8, or 0 to 9
SparkStyle spark_style();                            // what this locale can show
// One character a point, from nothing to the highest.
std::string spark(const std::vector<uint64_t>& points, SparkStyle style);

}  // namespace gd::cmd
