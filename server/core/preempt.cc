#include "server/core/preempt.h"

#include <algorithm>

#include "server/core/associations.h"
#include "server/core/life.h"
#include "server/core/opening_steps.h"
#include "server/core/select.h"

namespace gd::core {

namespace {

using sched::PreemptTerms;

PreemptTerms terms_of_partition(const ClusterConfig& config, const std::string& name) {
  PreemptTerms terms = sched::preempt_terms(config.preempt, nullptr);
  const auto partition = std::ranges::find(config.partitions, name, &PartitionConfig::name);
  if (partition == config.partitions.end()) return terms;
  terms.mode = partition->preempt_mode.value_or(terms.mode);
  terms.grace = partition->grace_time;
  return terms;
}

// Its own time limit still holds.
Seconds grace_of(const PreemptTerms& terms, const JobRecord& job, TimePoint now) {
  if (terms.grace == Seconds{0} || !job.time_limit) return terms.grace;
  const auto left = std::chrono::ceil<Seconds>(job.start_time + *job.time_limit - now);
  return std::clamp(left, Seconds{1}, terms.grace);
}

void end_victim(Draft& draft, JobId id, JobId by) {
  const ClusterConfig& config = draft.cluster.config();
  const JobRecord& job = draft.job(id);
  const PreemptTerms terms = preempt_terms(draft.cluster, job);
  end_job(draft, id,
          Ending{.as = JobState::preempted,
                 .reason = Reason::none,
                 .text = "preempted by job " + std::to_string(by.value),
                 .by = {},
                 .requeue = terms.mode == PreemptMode::requeue && may_requeue(config, job),
                 .preempted = Preempted{by, draft.now, grace_of(terms, job, draft.now)}});
}

}  // namespace

PreemptTerms preempt_terms(const Cluster& cluster, const JobRecord& job) {
  const ClusterConfig& config = cluster.config();
  switch (config.preempt.type) {
    case PreemptType::none: break;
    case PreemptType::qos:
      return sched::preempt_terms(config.preempt, cluster.limits().find_qos(qos_of(*job.spec)));
    case PreemptType::partition_prio: return terms_of_partition(config, job.partition);
  }
  return {};
}

void preempt(Draft& draft, const sched::Preemption& chosen) {
  const JobRecord& waiting = draft.job(chosen.job);
  if (std::optional<Obstacle> obstacle = limit_obstacle(draft.cluster, waiting)) {
    draft.emit(JobWaits{waiting.id, obstacle->reason, std::move(obstacle->text)});
    return;
  }
  JobId id = waiting.id;
  if (waiting.array && waiting.array->elements.size() > 1) {
    id = split_off(draft, id, IndexSet::of(waiting.array->elements.front()));
  }
  const size_t victims = chosen.victims.size();
  draft.emit(
      TakeoverBegun{id,
                    {.partition = draft.cluster.partitions()[chosen.placement.partition.value].name,
                     .shares = shares_of(draft.cluster, chosen.placement),
                     .awaits = chosen.awaits,
                     .since = draft.now}});
  draft.emit(JobWaits{
      id, Reason::resources,
      std::to_string(victims) + (victims == 1 ? " job is" : " jobs are") + " being ended for it"});
  for (const JobId victim : chosen.victims) end_victim(draft, victim, id);
}

void give_up_place(Draft& draft, JobId id) {
  bool unheard = false;
  bool lost = false;
  for (const NodeShare& share : draft.job(id).takeover.front().shares) {
    const NodeEntry* node = draft.cluster.find_node(share.node);
    if (node != nullptr && draft.cluster.machine()[node->index.value].open) continue;
    const bool may_come = node != nullptr && node->record.state != NodeState::down &&
                          !node->record.drained && !node->record.set_down;
    (may_come ? unheard : lost) = true;
  }
  if (lost || !unheard) draft.emit(TakeoverEnded{id});
}

}  // namespace gd::core
