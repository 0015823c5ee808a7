// The replay: a workload through the planner that the controller uses, in simulated time.
//
// A job that others preempt uses its whole grace time, or ends at once if it has none. One that
// was there at time 0 ends so for good.
//
// At one moment first all ends, then all submissions, then one pass. Pure: equal input
// gives an equal schedule; progress is told through a callback.
// Cost: a pass at each moment at which something happens and somebody waits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gdsim/workload.h"
#include "server/sched/placement.h"
#include "server/sched/plan.h"
#include "server/sched/queue.h"

namespace gd::sim {

struct Life {
  Seconds start{};
  Seconds end{};
  std::vector<sched::NodeUse> uses;  // only with keep_placements
};

struct JobRun : Life {  // what became of the job at the same place of Workload::jobs: its last life
  bool preempted = false;     // its end was to make room for another one
  std::vector<Life> earlier;  // that ended so, each followed by a wait in line
};

struct MadeRoom {  // jobs by their places in Workload::jobs; those of time 0 follow these
  Seconds at{};    // when the others were told to end
  size_t job = 0;
  std::vector<size_t> victims;
  std::optional<Seconds> start;  // nothing: it came to nothing
};

struct Schedule {
  std::vector<JobRun> jobs;
  std::vector<MadeRoom> preemptions;
  uint64_t passes = 0;
  size_t most_waiting = 0;
};

enum class Keep : uint8_t { starts, placements };

struct ReplayOptions {
  sched::Policy policy;
  Seconds half_life{7 * 24 * 3600};  // of the users' usage, for their fair share
  Keep keep = Keep::starts;
  std::function<void(size_t ended)> progress;  // after each moment; may be empty
  std::function<void(TimePoint now, const sched::Plan& plan)> watch = {};  // each pass
};

// By the planner's id, the place in Workload::jobs, or after them in Workload::running.
size_t place_of(const Workload& workload, JobId id);

// Refused: a job that can never start, named with what it lacks.
Result<Schedule> replay(const Workload& workload, const ReplayOptions& options);

}  // namespace gd::sim
