// What becomes of those that wait for other jobs.
//
// Terms are judged when they are made, and again when a job that they name starts or
// ends, in the same decision: the outcome is in the same batch as the end, so a restart
// forgets nothing, and the dependant may start in the same turn. Ids that nobody knows,
// or that have left live memory, count as satisfied.
// Cost: of an end, O(log jobs + its dependants); no walk over all jobs.
#pragma once

#include "base/result.h"
#include "server/core/draft.h"

namespace gd::core {

// The terms of a waiting job as they stand now, and what follows for the job.
void settle_dependency(Draft& draft, JobId id);

// Would the job, if it waited for these, wait for itself by way of others? Refused then, with the
// way round; so is what hangs together with more than kMaxDependencyWalk waiting records.
inline constexpr size_t kMaxDependencyWalk = 10'000;
Result<void> check_no_circle(const Draft& draft, const JobRecord& job, const Dependency& asked);

// After a command: those that wait for what it has started, ended or renamed.
void follow_up(Draft& draft);

}  // namespace gd::core
