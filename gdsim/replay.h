// The replay: a workload through the planner that the controller uses, in simulated time.
//
// At one moment first all ends, then all submissions, then one pass. Pure: equal input
// gives an equal schedule; progress is told through a callback.
// Cost: a pass at each moment at which something happens and somebody waits.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gdsim/workload.h"
#include "server/sched/placement.h"
#include "server/sched/plan.h"
#include "server/sched/queue.h"

namespace gd::sim {

struct JobRun {  // what became of the job at the same place of Workload::jobs
  Seconds start{};
  std::vector<sched::NodeUse> uses;  // only with keep_placements
};

struct Schedule {
  std::vector<JobRun> jobs;
  uint64_t passes = 0;
  size_t most_waiting = 0;
};

enum class Keep : uint8_t { starts, placements };

struct ReplayOptions {
  sched::Policy policy;
  Seconds half_life{7 * 24 * 3600};  // of the users' usage, for their fair share
  Keep keep = Keep::starts;
  std::function<void(size_t ended)> progress;  // after each moment; may be empty
};

// Refused: a job that can never start, named with what it lacks.
Result<Schedule> replay(const Workload& workload, const ReplayOptions& options);

}  // namespace gd::sim
