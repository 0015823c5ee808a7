// Which image a job has that names none, and which ones it may have: what its partitions say, its
// cluster, and the sections of its user and account. What nodes fetch ahead for those next in line.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/job_spec.h"
#include "proto/messages_node.h"
#include "server/core/cluster.h"
#include "server/sched/plan.h"

namespace gd::core {

// The first partition's; else the nearest of her sections and her account's; else the cluster's.
[[nodiscard]] std::string default_image(const Cluster& cluster, const std::string& user,
                                        const std::string& account, sched::PartitionIndex first);

// Holds for administrators too: it is about what runs on nodes, not about who asks. Codes: denied.
Result<void> check_image_policy(const Cluster& cluster, const std::string& user,
                                const std::string& account, const ImageSpec& image,
                                const std::vector<sched::PartitionIndex>& partitions);

// The image of a container of its own that a step of this job asks for, as it is recorded: if it
// names none, it is the job's.
Result<ImageSpec> admit_step_image(const Cluster& cluster, const JobRecord& job, ImageSpec asked);

// A fetch is begun so long before the expected start. Starts come sooner than their limits say,
// but what is fetched for tomorrow may be pruned tonight.
inline constexpr Seconds kFetchAhead{3600};
inline constexpr size_t kMaxFetchesAhead = 4;  // on one node

// On the nodes that the plan keeps for them, the images of jobs that it promises a place soon, or
// makes room for.
[[nodiscard]] FetchesAhead fetches_ahead(const Cluster& cluster, const sched::Plan& plan,
                                         TimePoint now);

}  // namespace gd::core
