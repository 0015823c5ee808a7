// Workload traces in the Standard Workload Format: a job a line, up to 18 numbers apart by
// blanks, and a head of lines that begin with ';'.
//
//   1 job  2 submit  3 wait  4 run  5 processors  6 cpu time  7 memory  8 processors asked
//   9 time asked  10 memory asked  11 status  12 user  13 group  ...      -1: not known
//
// What is read of it: processors are field 8, else 5; the limit is field 9, else the run
// time; a job without run time or processors is left out; a run is cut to its limit. The
// machine's size is MaxProcs of the head, else MaxNodes; NodeClasses, which gdctl export
// writes, says more. Jobs come back by submission, equal ones in the order of the file.
// Cost: one look at each octet; 48 octets a job.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace gd::sim {

struct TraceJob {
  int64_t id = 0;
  Seconds submit{};
  Seconds run{};
  Seconds limit{};
  uint32_t processors = 0;
  uint32_t user = 0;        // 0 too if it is not known
  uint32_t memory_mib = 0;  // a processor; the same
};

struct Trace {
  uint32_t processors = 0;  // 0: the head does not say
  std::string classes;      // as parse_node_classes() takes it; empty: the head does not say
  std::vector<TraceJob> jobs;
  uint64_t left_out = 0;
};

inline constexpr size_t kMaxClassesBytes = 4096;
inline constexpr size_t kMaxTraceJobs = 20'000'000;

// Hostile input is expected. Errors name the line: "line 7: 'x' is not a number".
Result<Trace> parse_swf(std::string_view text, size_t most_jobs = kMaxTraceJobs);

}  // namespace gd::sim
