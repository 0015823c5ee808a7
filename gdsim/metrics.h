// What a schedule is worth to those who waited for it.
//
// Bounded slowdown of a job is max(1, (wait + run) / max(run, 10 s)): one second's wait of a
// job that ends at once counts for little. The area of a job is cpus x run time.
#pragma once

#include <string>

#include "base/clock.h"
#include "gdsim/replay.h"
#include "gdsim/workload.h"

namespace gd::sim {

struct Metrics {
  size_t jobs = 0;
  uint64_t cpus = 0;
  double mean_wait = 0;  // seconds, as all times here
  double median_wait = 0;
  double p99_wait = 0;
  double longest_wait = 0;
  double area_wait = 0;  // mean, each job by its area
  double mean_slowdown = 0;
  double median_slowdown = 0;
  double p95_slowdown = 0;
  double utilization = 0;  // area of all jobs / (cpus x makespan)
  double makespan = 0;     // from the first submission to the last end
  uint64_t passes = 0;
  size_t most_waiting = 0;
};

Metrics measure(const Workload& workload, const Schedule& schedule);

// A line a figure: "mean wait               6837.5 s"
std::string as_text(const Metrics& metrics);
// One line, {"jobs":28467,...}
std::string as_json(const Metrics& metrics);

// A line a job, by submission: id, submission, wait, run time, cpus, limit.
std::string job_lines(const Workload& workload, const Schedule& schedule);
// A line a start, in their order: "100 start 2 n1+n2", and one for each that was preempted:
// "150 preempt 2". Needs Keep::placements.
std::string start_lines(const Workload& workload, const Schedule& schedule);

}  // namespace gd::sim
