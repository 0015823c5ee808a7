// What a job is given that ran out of memory and is to run again with more.
#pragma once

#include <optional>

#include "base/result.h"
#include "proto/job_spec.h"
#include "server/core/cluster.h"

namespace gd::core {

inline constexpr uint64_t kUsualRetryFactor = 8;  // of what was asked, where no limit is named

// At submission: says how far it may go, if that was left to us. Refused: a job that asks for no
// memory, or for more than it may go to.
Result<void> settle_retry(JobSpec& spec);

// What it asks for next: twice as much, or as much as it may have and some node can give.
// Nothing: it ends, for it may not run again or there is no more to be had.
std::optional<JobSpec> with_more_memory(const Cluster& cluster, const JobRecord& job);

}  // namespace gd::core
