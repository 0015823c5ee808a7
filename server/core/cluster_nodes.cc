// The machine: nodes, partitions, the queue, and what follows from the configuration.
#include <algorithm>

#include "base/check.h"
#include "server/core/admission.h"
#include "server/core/cluster.h"
#include "server/core/query.h"
#include "server/sched/priority.h"

namespace gd::core {

namespace {

PartitionConfig everything() {
  PartitionConfig all;
  all.is_default = true;
  return all;
}

Resources cut(const Resources& found, const NodeConfig* limits) {
  Resources usable = found;
  normalise(usable);
  if (limits == nullptr) return usable;
  if (limits->cpus) usable.cpus = std::min(usable.cpus, *limits->cpus);
  if (limits->memory_mib) usable.memory_mib = std::min(usable.memory_mib, *limits->memory_mib);
  return usable;
}

}  // namespace

// A node may shrink under its jobs; then nothing is free, and nothing less than that.
void take_from(Resources& free, const Resources& held) {
  free.cpus -= std::min(free.cpus, held.cpus);
  free.memory_mib -= std::min(free.memory_mib, held.memory_mib);
  for (GresCount& mine : free.gres) {
    for (const GresCount& theirs : held.gres) {
      if (mine.name == theirs.name && mine.type == theirs.type) {
        mine.count -= std::min(mine.count, theirs.count);
      }
    }
  }
}

Resources free_of(const sched::Node& node) {
  Resources held;
  for (const sched::Share& share : node.shares) add(held, share.held);
  Resources free = node.usable;
  take_from(free, held);
  return free;
}

NodeEntry& Cluster::node_entry(std::string_view name) {
  const auto [place, is_new] = nodes_.try_emplace(std::string(name));
  NodeEntry& node = place->second;
  if (!is_new) return node;
  node.record.name = name;
  node.index = sched::NodeIndex{static_cast<uint32_t>(machine_.size())};
  const auto unused = std::find(node_names_.begin(), node_names_.end(), "");
  if (unused != node_names_.end()) {
    node.index.value = static_cast<uint32_t>(unused - node_names_.begin());
    *unused = name;
  } else {
    node_names_.emplace_back(name);
    machine_.emplace_back();
  }
  machine_[node.index.value] = sched::Node{};
  machine_[node.index.value].name = name;
  return node;
}

void Cluster::remove_node(std::string_view name) {
  const auto found = nodes_.find(name);
  GD_CHECK(found != nodes_.end() && found->second.jobs.empty(), name);
  const uint32_t index = found->second.index.value;
  node_names_[index].clear();
  machine_[index] = sched::Node{};
  nodes_.erase(found);
  refresh_partitions();
}

void Cluster::refresh_node(NodeEntry& node) {
  const NodeConfig* limits = nullptr;
  for (const NodeConfig& one : config_->nodes) {
    if (one.name == node.record.name) limits = &one;
  }
  const NodeRecord& record = node.record;
  sched::Node& row = machine_[node.index.value];
  row.open = record.state == NodeState::up && !record.drained && !record.set_down &&
             node.link.complete && node.link.strays.empty();

  std::vector<std::string> features = record.info.features;
  if (limits != nullptr) {
    features.insert(features.end(), limits->features.begin(), limits->features.end());
  }
  Resources usable = cut(record.info.total, limits);
  if (row.exists && row.usable == usable && row.features == features) return;
  row.exists = true;
  row.features = std::move(features);
  row.usable = std::move(usable);
  row.free = free_of(row);
  refresh_partitions();
}

void Cluster::refresh_partitions() {
  total_cpus_ = 0;
  for (const sched::Node& node : machine_) total_cpus_ += node.usable.cpus;
  uint32_t most_factor = 1;
  for (const PartitionConfig& config : partition_configs_) {
    most_factor = std::max(most_factor, config.priority_job_factor);
  }
  partitions_.resize(partition_configs_.size());
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const PartitionConfig& config = partition_configs_[i];
    sched::Partition& partition = partitions_[i];
    partition.name = config.name;
    partition.tier = config.priority_tier;
    partition.factor = static_cast<double>(config.priority_job_factor) / most_factor;
    partition.up = config.up;
    partition.nodes.clear();
    const auto is_member = [&](const std::string& name) {
      return config.nodes.empty() ||
             std::binary_search(config.nodes.begin(), config.nodes.end(), name);
    };
    for (const auto& [name, node] : nodes_) {
      if (machine_[node.index.value].exists && is_member(name)) {
        partition.nodes.push_back(node.index);
      }
    }
  }
  refresh_reservations();
  shapes_.refresh(machine_, partitions_);
  if (config_->policy.weights.size != 0) requeue_all();  // job size is a part of the whole
  refresh_takeovers();
}

void Cluster::set_config(std::shared_ptr<const ClusterConfig> config) {
  GD_CHECK(config != nullptr);
  for (auto& [id, entry] : jobs_) unindex_job(entry);
  config_ = std::move(config);
  fair_share_.configure(config_->accounts);
  limits_.configure(config_->limits, config_->usage_half_life);
  licences_.configure(config_->limits.licences);
  preempt_rules_ = sched::preempt_rules(config_->preempt, config_->limits);
  partition_configs_ = config_->partitions;
  if (partition_configs_.empty()) partition_configs_.push_back(everything());
  for (PartitionConfig& partition : partition_configs_) {
    std::sort(partition.nodes.begin(), partition.nodes.end());
  }
  for (auto& [name, node] : nodes_) refresh_node(node);
  refresh_partitions();
  for (auto& [id, entry] : jobs_) index_job(entry);
}

sched::Standing Cluster::standing_of(const JobEntry& entry, const sched::ShapeKey& key) const {
  const JobRecord& job = entry.record;
  sched::Standing standing{.tier = 0, .facts = {}, .claim = entry.claim};
  double factor = 0;
  for (const sched::PartitionIndex index : key.partitions) {
    standing.tier = std::max(standing.tier, partitions_[index.value].tier);
    factor = std::max(factor, partitions_[index.value].factor);
  }
  sched::PriorityFacts facts = priority_facts(total_cpus_, job, factor, entry.share);
  facts.qos_factor = limits_.qos_factor(qos_of(*job.spec));
  standing.facts = sched::that_count(config_->policy.weights, facts);
  if (preempt_rules_) {
    const uint32_t column = sched::preempt_column(config_->limits, qos_of(*job.spec));
    standing.preempts = sched::preempt_row(*preempt_rules_, column);
  }
  return standing;
}

void Cluster::enqueue(JobEntry& entry) {
  const JobRecord& job = entry.record;
  const sched::ShapeKey key = shape_key_of(*this, job);
  if (key.partitions.empty()) return;  // its partition is no longer there
  entry.shape = shapes_.intern(key, machine_, partitions_);
  entry.standing = standing_of(entry, key);
  queue_.add(entry.shape, entry.standing, queue_key_of(job));
  entry.queued = true;
  if (!job.takeover.empty() && takers_.insert(job.id).second) refresh_takeovers();
}

void Cluster::dequeue(JobEntry& entry) {
  if (!entry.queued) return;
  queue_.remove(entry.shape, entry.standing, queue_key_of(entry.record));
  shapes_.release(entry.shape);
  entry.queued = false;
  if (takers_.erase(entry.record.id) > 0) refresh_takeovers();
}

sched::QueueKey queue_key_of(const JobRecord& job) {
  sched::QueueKey key{.eligible = job.eligible_time, .job = job.id, .count = 1, .array = {}};
  if (job.array) {
    key.count = job.array->elements.size();
    key.array = job.array->array;
  }
  return key;
}

void Cluster::requeue_all() {
  for (auto& [id, entry] : jobs_) {
    index_tenant(entry);
    if (!entry.queued) continue;
    dequeue(entry);
    enqueue(entry);
  }
}

const ReservationEntry* Cluster::find_reservation(const std::string& name) const {
  const auto found = reservations_.find(name);
  return found == reservations_.end() ? nullptr : &found->second;
}

void Cluster::refresh_reservations() {
  reserved_.clear();
  for (const auto& [name, entry] : reservations_) {
    sched::Reservation row{entry.id, entry.record.start, entry.record.end, {}};
    for (const std::string& node : entry.record.nodes) {
      if (const NodeEntry* known = find_node(node)) row.nodes.push_back(known->index);
    }
    std::sort(row.nodes.begin(), row.nodes.end());
    reserved_.push_back(std::move(row));
  }
}

void Cluster::restore(CrontabRecord crontab) {
  const Uid uid = crontab.uid;
  crontabs_[uid] = std::move(crontab);
}

const CrontabRecord* Cluster::find_crontab(Uid uid) const {
  const auto found = crontabs_.find(uid);
  return found == crontabs_.end() ? nullptr : &found->second;
}

void Cluster::restore(ReservationRecord reservation) {
  const std::string name = reservation.name;
  reservations_[name] = {std::move(reservation), next_reservation_++, false};
  refresh_reservations();
}

void Cluster::restore(NodeRecord record) {
  const std::string name = record.name;
  NodeEntry& node = node_entry(name);
  if (record.state == NodeState::up) record.state = NodeState::unknown;
  record.last_heard = started_;  // silence is counted from our own start
  node.record = std::move(record);
  refresh_node(node);
}

void Cluster::restore(JobRecord job) {
  if (!ended(job.state) && job.spec->kind == JobKind::interactive) clients_[job.id] = started_;
  add_job(std::move(job));
}

}  // namespace gd::core
