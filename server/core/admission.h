// Admission: is a submission well-formed, allowed, and ever satisfiable?
//
// As Slurm does, what is wrong in itself is refused, and what only cannot run on
// today's cluster is accepted and waits with a reason (PartitionConfig,
// PartitionTimeLimit), unless enforce_part_limits is set. Each refusal names the
// thing, the value and the limit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/job_record.h"
#include "proto/job_spec.h"
#include "server/core/cluster.h"
#include "server/core/command.h"
#include "server/sched/shape.h"

namespace gd::core {

inline constexpr uint32_t kMaxTasks = 1'000'000;
inline constexpr uint32_t kMaxCpusPerTask = 65'536;
inline constexpr uint64_t kMaxMemoryMib = uint64_t{1} << 40;
inline constexpr uint32_t kMaxNodes = 65'536;
inline constexpr Seconds kMaxTimeLimit{10LL * 365 * 24 * 3600};
inline constexpr int32_t kMaxNice = 2'147'483'645;
inline constexpr int32_t kMaxSignal = 64;
inline constexpr Seconds kMaxWarnBefore{65535};
inline constexpr size_t kMaxNameBytes = 1024;  // of a job, a partition, an account
inline constexpr size_t kMaxArguments = 4096;
inline constexpr size_t kMaxMounts = 256;

// The form alone: sizes, ranges, contradictions, hostlists, constraint, signal.
Result<void> check_form(const JobSpec& spec);

struct Admitted {
  std::shared_ptr<const JobSpec> spec;  // with the partition's name filled in
  std::optional<Seconds> time_limit;    // in force
  Reason reason = Reason::priority;     // to wait with
  std::string reason_text;
  std::vector<std::string> warnings;
  std::optional<ArrayPart> array;  // all elements; its id is not known yet
  Dependency dependency;           // not judged yet
};

// The whole: for a submission, and again for an update of a waiting job.
Result<Admitted> admit(const Cluster& cluster, const Actor& actor, const JobSpec& spec);

// What stands against a waiting job on the cluster as it is; Reason::priority: nothing.
struct Obstacle {
  Reason reason = Reason::priority;
  std::string text;
};
Obstacle obstacle_of(const Cluster& cluster, const JobRecord& job);

// What the planner is asked for this job. The spec has passed check_form().
sched::ShapeKey shape_key_of(const Cluster& cluster, const JobRecord& job);

}  // namespace gd::core
