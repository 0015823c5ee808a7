// Filters and views.
#include "server/core/query.h"

#include <algorithm>
#include <tuple>

#include "base/hostlist.h"
#include "base/text.h"

namespace gd::core {

namespace {

template <class T>
bool one_of(const std::vector<T>& list, const T& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool is_named(const JobFilter& filter, const JobRecord& job) {
  if (filter.jobs.empty() && filter.elements.empty()) return true;
  const JobId array = array_id_of(job);
  const auto& jobs = filter.jobs;
  const bool whole =
      std::any_of(jobs.begin(), jobs.end(), [&](JobId id) { return id == job.id || id == array; });
  return whole ||
         (job.array &&
          std::any_of(filter.elements.begin(), filter.elements.end(), [&](const JobElements& each) {
            return each.job == array && !each.elements.common(job.array->elements).empty();
          }));
}

bool in_partitions(const std::vector<std::string>& wanted, const JobRecord& job) {
  if (wanted.empty()) return true;
  if (!job.partition.empty()) return one_of(wanted, job.partition);
  const std::vector<std::string_view> names = split(job.spec->partition, ',');
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
  });
}

bool on_nodes(const std::vector<std::string>& wanted, const JobRecord& job) {
  return wanted.empty() ||
         std::any_of(job.nodes.begin(), job.nodes.end(),
                     [&](const NodeShare& share) { return one_of(wanted, share.node); });
}

}  // namespace

bool matches(const JobFilter& filter, const JobRecord& job) {
  return is_named(filter, job) && one_of(filter.users, job.user) &&
         one_of(filter.names, job.spec->name) && one_of(filter.states, job.state) &&
         in_partitions(filter.partitions, job) && on_nodes(filter.nodes, job);
}

bool is_empty(const JobFilter& filter) {
  return filter == JobFilter{};
}

std::vector<JobRecord> not_counted(const Cluster& cluster, JobId array,
                                   std::vector<JobRecord> finished) {
  std::sort(finished.begin(), finished.end(), [](const JobRecord& a, const JobRecord& b) {
    return a.end_time != b.end_time ? a.end_time > b.end_time : a.id > b.id;
  });
  const JobRecord* first = cluster.find_job(array);
  for (const JobRecord& job : finished) {
    if (job.id == array) first = &job;
  }
  if (first == nullptr) return {};
  const Result<ArraySpec> asked = parse_array_spec(first->spec->array);
  if (!asked.ok()) return {};
  int64_t missing =
      int64_t{asked->elements.size()} - first->array->gone_ok - first->array->gone_other;
  for (const JobId id : cluster.find_array(array)->records) {
    missing -= cluster.find_job(id)->array->elements.size();
  }
  if (first->id == array && cluster.find_job(array) == nullptr) {
    missing -= first->array->elements.size();
  }
  std::vector<JobRecord> live;
  for (const JobRecord& job : finished) {
    if (job.id != array && missing <= 0) continue;
    if (job.id != array) missing -= job.array->elements.size();
    live.push_back(job);
  }
  return live;
}

bool owns(const Actor& actor, const JobRecord& job) {
  return actor.administrator || actor.uid == job.uid;
}

sched::PriorityFacts priority_facts(uint64_t total_cpus, const JobRecord& job,
                                    double partition_factor, uint32_t share) {
  sched::PriorityFacts facts;
  facts.share = share;
  facts.partition_factor = partition_factor;
  facts.nice = job.spec->nice;
  facts.fixed = job.spec->priority;
  if (total_cpus != 0) {
    facts.size = static_cast<double>(gd::total_cpus(*job.spec)) / static_cast<double>(total_cpus);
  }
  return facts;
}

std::optional<sched::PriorityTerms> priority_of(const PriorityView& view, const JobRecord& job,
                                                TimePoint now) {
  const ClusterConfig& config = *view.config;
  if (job.state != JobState::pending) return std::nullopt;
  uint32_t most = 1;
  uint32_t mine = config.partitions.empty() ? 1 : 0;
  for (const PartitionConfig& partition : config.partitions) {
    most = std::max(most, partition.priority_job_factor);
    if (in_partitions({partition.name}, job)) mine = std::max(mine, partition.priority_job_factor);
  }
  const double factor = static_cast<double>(mine) / most;
  const sched::Wait wait{now - job.eligible_time, job.time_limit.value_or(sched::kForever)};
  sched::PriorityFacts facts = priority_facts(view.total_cpus, job, factor, 0);
  facts.qos_factor = sched::qos_factor(config.limits, qos_of(*job.spec));
  const auto fair = view.fair_factors->find(share_name_of(config, job));
  return sched::priority_terms(config.policy.weights, facts,
                               fair == view.fair_factors->end() ? 1 : fair->second, wait);
}

Samples all_samples(const Cluster& cluster) {
  Samples all;
  for (const auto& [name, node] : cluster.nodes()) {
    for (const auto& [job, samples] : node.samples) {
      auto& of_job = all[job];
      of_job.insert(of_job.end(), samples.begin(), samples.end());
    }
  }
  return all;
}

std::vector<StepSample> samples_of(const Samples& samples, const JobRecord& job) {
  std::vector<StepSample> live;
  const auto found = samples.find(job.id);
  if (found == samples.end() || !allocated(job.state)) return live;
  for (const StepSample& sample : found->second) {
    const StepRecord* step = find_step(job, sample.step);
    const StepShare* share = step == nullptr ? nullptr : share_on(*step, sample.node);
    const bool counts =
        sample.launch == job.launch && share != nullptr && share->state != StepState::ended;
    if (counts) live.push_back(sample);
  }
  return live;
}

NodeReserved reserved_now(const Cluster& cluster, const std::string& node) {
  NodeReserved reserved = NodeReserved::no;
  for (const auto& [name, entry] : cluster.reservations()) {
    const std::vector<std::string>& nodes = entry.record.nodes;
    if (!entry.begun || !std::binary_search(nodes.begin(), nodes.end(), node)) continue;
    if (entry.record.maintenance) return NodeReserved::maintenance;
    reserved = NodeReserved::yes;
  }
  return reserved;
}

NodeView view_of(const Cluster& cluster, const NodeEntry& node) {
  const sched::Node& row = cluster.machine()[node.index.value];
  NodeView view;
  view.node = node.record;
  view.usable = row.usable;
  for (const sched::Share& share : row.shares) add(view.allocated, share.held);
  view.jobs = static_cast<uint32_t>(node.jobs.size());
  view.completing = std::any_of(node.jobs.begin(), node.jobs.end(), [&](JobId id) {
    return cluster.find_job(id)->state == JobState::completing;
  });
  view.load = node.load;
  view.free_memory_mib = node.free_memory_mib;
  for (const sched::Partition& partition : cluster.partitions()) {
    const auto& nodes = partition.nodes;
    if (std::find(nodes.begin(), nodes.end(), node.index) != nodes.end()) {
      view.partitions.push_back(partition.name);
    }
  }
  view.reserved = reserved_now(cluster, node.record.name);
  return view;
}

std::vector<NodeView> node_views(const Cluster& cluster) {
  std::vector<NodeView> views;
  for (const auto& [name, node] : cluster.nodes()) views.push_back(view_of(cluster, node));
  return views;
}

std::vector<PartitionView> partition_views(const Cluster& cluster) {
  std::vector<PartitionView> views;
  for (size_t i = 0; i < cluster.partitions().size(); ++i) {
    const PartitionConfig& config = cluster.partition_configs()[i];
    const sched::Partition& partition = cluster.partitions()[i];
    PartitionView view;
    view.name = config.name;
    view.is_default = config.is_default;
    view.up = config.up;
    view.max_time = config.max_time;
    view.default_time = config.default_time;
    view.priority_tier = config.priority_tier;
    const sched::PreemptPolicy& preempt = cluster.config().preempt;
    const bool by_partition = preempt.type == PreemptType::partition_prio;
    if (preempt.type != PreemptType::none) view.preempt_mode = preempt.mode;
    if (by_partition) view.preempt_mode = config.preempt_mode.value_or(preempt.mode);
    view.grace_time = config.grace_time;
    view.total_nodes = static_cast<uint32_t>(partition.nodes.size());
    std::vector<std::string> names;
    for (const sched::NodeIndex index : partition.nodes) {
      names.push_back(cluster.machine()[index.value].name);
      view.total_cpus += cluster.machine()[index.value].usable.cpus;
    }
    sort_hosts(names);
    view.nodes = fold_hostlist(names);
    views.push_back(std::move(view));
  }
  return views;
}

LimitQueryReply limit_views(const Cluster& cluster, TimePoint now) {
  constexpr std::string_view kKinds[] = {"account", "user of account", "user",
                                         "qos",     "user of qos",     "account of qos"};
  LimitQueryReply reply;
  const sched::LimitBook& book = cluster.limits();
  const std::vector<uint64_t> used = book.used(now);
  for (uint32_t index = 0; index < book.pots(); ++index) {
    const sched::Pot& pot = book.pot(index);
    for (uint32_t i = 0; i < book.dimensions(); ++i) {
      if (pot.limit[i] == sched::kUnlimited) continue;
      const uint64_t unit = book.minutes_of(i) == nullptr ? 1 : 60;
      reply.limits.push_back({std::string(kKinds[static_cast<size_t>(pot.kind)]), pot.name,
                              pot.user, book.dimension_name(i),
                              (used[index * book.dimensions() + i] + unit - 1) / unit,
                              pot.limit[i] / unit});
    }
  }
  std::stable_sort(reply.limits.begin(), reply.limits.end(),
                   [](const LimitView& a, const LimitView& b) {
                     return std::tie(a.kind, a.name, a.user) < std::tie(b.kind, b.name, b.user);
                   });
  for (const sched::Licence& one : cluster.licences().all()) {
    reply.licences.push_back({one.name, one.total, one.used});
  }
  return reply;
}

std::optional<TimePoint> expected_start(const Cluster& cluster, JobId job) {
  const auto found = cluster.promises().find(job);
  return found == cluster.promises().end() ? std::nullopt : std::optional(found->second);
}

}  // namespace gd::core
