// Pure questions: filters and views. matches() and priority_of() need no Cluster,
// so reader threads use them on records from a snapshot; the views of nodes and
// partitions are made by the owner thread and then handed out as values.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proto/job_record.h"
#include "proto/messages_client.h"
#include "proto/messages_cluster.h"
#include "proto/messages_policy.h"
#include "server/core/cluster.h"
#include "server/core/cluster_config.h"
#include "server/core/command.h"
#include "server/sched/priority.h"

namespace gd::core {

bool matches(const JobFilter& filter, const JobRecord& job);
bool is_empty(const JobFilter& filter);  // no condition at all

sched::PriorityFacts priority_facts(uint64_t total_cpus, const JobRecord& job,
                                    double partition_factor, uint32_t share);
// What a job's priority depends on besides itself. For readers on other threads: shared.
struct PriorityView {
  std::shared_ptr<const ClusterConfig> config;
  uint64_t total_cpus = 0;
  std::shared_ptr<const FairFactors> fair_factors;
};
// Waiting jobs only.
std::optional<sched::PriorityTerms> priority_of(const PriorityView& view, const JobRecord& job,
                                                TimePoint now);

// What the running steps of all jobs use, as last heard.
using Samples = std::map<JobId, std::vector<StepSample>>;
Samples all_samples(const Cluster& cluster);
// Of one life of a job, those of steps that have not ended.
std::vector<StepSample> samples_of(const Samples& samples, const JobRecord& job);

NodeView view_of(const Cluster& cluster, const NodeEntry& node);
std::vector<NodeView> node_views(const Cluster& cluster);
std::vector<PartitionView> partition_views(const Cluster& cluster);
LimitQueryReply limit_views(const Cluster& cluster, TimePoint now);
std::optional<TimePoint> expected_start(const Cluster& cluster, JobId job);

// For a load: of an array's finished records that are not live, those that are to be: the first
// one, and what its first record has not counted as gone.
std::vector<JobRecord> not_counted(const Cluster& cluster, JobId array,
                                   std::vector<JobRecord> finished);

// May this actor change or look into this job?
bool owns(const Actor& actor, const JobRecord& job);

}  // namespace gd::core
