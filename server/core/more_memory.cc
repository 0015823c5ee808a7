#include "server/core/more_memory.h"

#include <algorithm>

#include "base/text.h"
#include "server/core/admission.h"

namespace gd::core {
namespace {

// The amount that it asked for, in the unit in which it did.
std::optional<uint64_t>& asked_memory(JobSpec& spec) {
  return spec.memory_per_cpu_mib ? spec.memory_per_cpu_mib : spec.memory_per_node_mib;
}

bool could_run(const Cluster& cluster, const JobRecord& job, const JobSpec& spec) {
  JobRecord probe = job;
  probe.spec = std::make_shared<const JobSpec>(spec);
  return obstacle_of(cluster, probe).reason == Reason::priority;
}

}  // namespace

Result<void> settle_retry(JobSpec& spec) {
  if (!spec.retry_oom_mib) return {};
  if (spec.kind != JobKind::batch) {
    return Error{ErrorCode::invalid, "only batch jobs run again after they ran out of memory"};
  }
  const uint64_t asked = asked_memory(spec).value_or(0);
  if (asked == 0) {
    return Error{ErrorCode::invalid,
                 "to run again with more memory a job must ask for some; give --mem"};
  }
  if (*spec.retry_oom_mib == 0) spec.retry_oom_mib = kUsualRetryFactor * asked;
  if (*spec.retry_oom_mib >= asked) return {};
  return Error{ErrorCode::invalid,
               "it may run again with up to " + format_mib(*spec.retry_oom_mib) +
                   ", which is less than the " + format_mib(asked) + " that it begins with"};
}

std::optional<JobSpec> with_more_memory(const Cluster& cluster, const JobRecord& job) {
  if (!job.spec->retry_oom_mib || job.restarts >= cluster.config().max_requeues) {
    return std::nullopt;
  }
  JobSpec spec = *job.spec;
  const uint64_t had = asked_memory(spec).value_or(0);
  // Where twice as much is on no node, a little more may be.
  for (const uint64_t step : {had, had / 2, had / 4}) {
    const uint64_t next = std::min(had + step, *spec.retry_oom_mib);
    if (next <= had) return std::nullopt;
    asked_memory(spec) = next;
    if (could_run(cluster, job, spec)) return spec;
  }
  return std::nullopt;
}

}  // namespace gd::core
