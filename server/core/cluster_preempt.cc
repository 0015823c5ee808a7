// The indices of preemption: what runs as the planner sees it, and what is kept for whom.
#include "server/core/cluster.h"
#include "server/core/preempt.h"
#include "server/core/query.h"

namespace gd::core {

sched::Tenant Cluster::tenant_of(const JobEntry& entry) const {
  const JobRecord& job = entry.record;
  const sched::PreemptTerms terms = preempt_terms(*this, job);
  sched::Tenant tenant;
  tenant.qos = sched::preempt_column(config_->limits, qos_of(*job.spec));
  double factor = 0;
  const auto partition = find_partition(job.partition);
  if (partition) {
    tenant.tier = partitions_[partition->value].tier;
    factor = partitions_[partition->value].factor;
  }
  tenant.facts = priority_facts(total_cpus_, job, factor, entry.share);
  tenant.facts.qos_factor = limits_.qos_factor(qos_of(*job.spec));
  tenant.eligible = job.eligible_time;
  tenant.limit = job.time_limit.value_or(sched::kForever);
  tenant.start = job.start_time;
  tenant.may_go = terms.mode != PreemptMode::off && partition.has_value();
  tenant.safe_until = job.start_time + terms.exempt;
  // Steps first, then whoever holds their container.
  const Seconds first = terms.grace > Seconds{0} ? terms.grace : config_->kill_wait;
  tenant.leaves_within = first + config_->kill_wait;
  tenant.ending = job.state == JobState::completing;
  if (job.preempted) {
    const Seconds grace = job.preempted->grace;
    const Seconds given = grace > Seconds{0} ? grace : config_->kill_wait;
    tenant.gone_by = job.preempted->at + given + config_->kill_wait;
  }
  return tenant;
}

void Cluster::index_tenant(const JobEntry& entry) {
  if (!preempt_rules_) return;
  if (allocated(entry.record.state)) tenants_[entry.record.id] = tenant_of(entry);
}

// By the names that the record has: what is no longer there leaves a takeover without nodes,
// which the next pass drops.
void Cluster::refresh_takeovers() {
  takeovers_.clear();
  for (const JobId id : takers_) {
    const JobEntry& entry = jobs_.at(id);
    const Takeover& kept = entry.record.takeover.front();
    sched::Takeover row;
    row.job = id;
    row.array = queue_key_of(entry.record).array;
    row.shape = entry.shape;
    row.claim = entry.claim;
    row.awaits = kept.awaits;
    const auto partition = find_partition(kept.partition);
    if (partition) row.placement.partition = *partition;
    for (const NodeShare& share : kept.shares) {
      const NodeEntry* node = find_node(share.node);
      if (node == nullptr || !partition) {
        row.placement.uses.clear();
        break;
      }
      row.placement.uses.push_back({node->index, 1, share.held});
    }
    takeovers_.push_back(std::move(row));
  }
}

}  // namespace gd::core
