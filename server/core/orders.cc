// Orders as a difference: what should be there against what is reported.
#include "server/core/orders.h"

#include <algorithm>

#include "server/core/life.h"

namespace gd::core {

namespace {

uint32_t node_index(const JobRecord& job, std::string_view node) {
  for (uint32_t i = 0; i < job.nodes.size(); ++i) {
    if (job.nodes[i].node == node) return i;
  }
  return 0;
}

// What a partition says of its jobs' containers and terminals.
void apply_partition(StepLaunch& launch, const Cluster& cluster, const std::string& partition) {
  const auto index = cluster.find_partition(partition);
  if (!index) return;
  const PartitionConfig& config = cluster.partition_configs()[index->value];
  launch.engine = config.engine;
  launch.seals_root_mounts = config.root_mounts_read_only;
  if (launch.pty) launch.session_idle = config.session_idle;
}

bool is_without_client(StepId id) {
  return id == kBatchStep || id == kExternStep;
}

bool lives_on(const StepRecord& step, std::string_view node) {
  const StepShare* share = share_on(step, node);
  return share != nullptr && share->state != StepState::ended;
}

// The script is launched when all of the job's other nodes are ready for its steps.
bool waits_for_places(const JobRecord& job, const StepRecord& step) {
  if (step.id != kBatchStep) return false;
  const StepRecord* places = find_step(job, kExternStep);
  return places != nullptr && std::ranges::any_of(places->shares, [](const StepShare& share) {
           return share.state == StepState::starting;
         });
}

// Whoever holds the container is ended last there: with it all that is inside goes, and the
// steps' programs are to have their time between TERM and KILL. A terminal need not have it.
bool ends_after_others(const JobRecord& job, const StepRecord& step, std::string_view node) {
  if (!opens_job(step.id)) return false;
  return std::ranges::any_of(job.steps, [&](const StepRecord& other) {
    return !opens_job(other.id) && !other.pty && lives_on(other, node);
  });
}

// Between TERM and KILL, if the job makes room for another one. Whoever holds the container of
// steps that have had this time has the usual one.
std::optional<Seconds> grace_of(const JobRecord& job, const StepRecord& step,
                                std::string_view node) {
  if (!job.preempted || job.preempted->grace == Seconds{0}) return std::nullopt;
  const bool others_had_it = std::ranges::any_of(job.steps, [&](const StepRecord& other) {
    return !opens_job(other.id) && !other.pty && share_on(other, node) != nullptr &&
           other.end_time >= job.preempted->at;
  });
  if (opens_job(step.id) && others_had_it) return std::nullopt;
  return job.preempted->grace;
}

// What its launch says of the step as a whole, seen from one of its nodes.
void describe_step(StepLaunch& launch, const StepRecord& step, std::string_view node) {
  for (const StepShare& share : step.shares) {
    if (share.node == node) {
      launch.step_node_index = static_cast<uint32_t>(launch.step_nodes.size());
      launch.step_cpus = share.cpus;
    }
    launch.step_nodes.push_back(share.node);
    launch.step_tasks.push_back(share.tasks);
  }
  launch.cyclic = step.cyclic;
  launch.cpu_bind = step.cpu_bind;
  launch.cpus_per_task = step.cpus_per_task;
  launch.step_memory_mib = step.memory_mib.value_or(0);
  launch.programs = step.programs;
  launch.argv = step.argv;
  launch.chdir = step.chdir;
  launch.pty = step.pty;
  launch.record = step.record;
  launch.join_container = step.join_container;
  if (!step.image) return;
  // What the job says of its container, and what it runs, is not for one of a step's own.
  launch.spec.image = *step.image;
  launch.spec.mounts = step.mounts;
  launch.spec.argv.clear();
}

}  // namespace

StepLaunch launch_of(const Cluster& cluster, const JobRecord& job, const StepRecord& step,
                     std::string_view node) {
  StepLaunch launch;
  launch.job = job.id;
  launch.launch = job.launch;
  launch.step = step.id;
  launch.uid = job.uid;
  launch.gid = job.gid;
  launch.user = job.user;
  launch.group = job.group;
  launch.spec = *job.spec;
  launch.cluster = cluster.config().cluster;
  launch.partition = job.partition;
  launch.node_index = node_index(job, node);
  launch.held = job.nodes[launch.node_index].held;
  for (const NodeShare& share : job.nodes) {
    launch.nodes.push_back(share.node);
    launch.cpus_per_node.push_back(share.held.cpus);
  }
  launch.restarts = job.restarts;
  if (job.array) {
    launch.array_job = job.array->array;
    launch.array_task = job.array->elements.front();
  }
  launch.kill_wait = cluster.config().kill_wait;
  describe_step(launch, step, node);
  apply_partition(launch, cluster, job.partition);
  launch.stream = !is_without_client(step.id);
  launch.time_limit = is_first_step(step.id) ? job.time_limit : step.time_limit;
  return launch;
}

namespace {

bool is_for(const PendingSignal& signal, StepId step) {
  if (signal.step) return *signal.step == step;
  return !signal.batch_only || step == kBatchStep;
}

class OrdersMaker {
 public:
  OrdersMaker(const Cluster& cluster, const NodeEntry& node, NodeLink& link)
      : cluster_(cluster), node_(node), link_(link) {}

  OrdersDraft make() {
    draft_.orders.session = link_.session;
    draft_.orders.number = link_.last_orders + 1;
    for (const JobId id : node_.jobs) {
      const JobRecord& job = *cluster_.find_job(id);
      for (const StepRecord& step : job.steps) {
        if (lives_on(step, node_.record.name)) add(job, step);
      }
    }
    settle_reported();
    fetch_ahead();
    return std::move(draft_);
  }

 private:
  void add(const JobRecord& job, const StepRecord& step) {
    const StepKey key{job.id, job.launch, step.id};
    const auto reported = link_.steps.find(key);
    if (job.state == JobState::completing) {
      const bool last = ends_after_others(job, step, node_.record.name);
      const bool wanted = job.end_as == JobState::completed || job.end_as == JobState::failed;
      if (last || (wanted && is_saved(job, step))) return;
      draft_.orders.ends.push_back({key, false, grace_of(job, step, node_.record.name)});
    } else if (reported == link_.steps.end()) {
      launch(job, step, key);
    } else {
      adjust(job, step, key, reported->second);
    }
  }

  void launch(const JobRecord& job, const StepRecord& step, const StepKey& key) {
    if (!link_.complete || link_.launches_sent.contains(key)) return;
    if (waits_for_places(job, step)) return;
    if (draft_.orders.launches.size() == kLaunchesPerMessage) {
      draft_.more = true;
      return;
    }
    draft_.orders.launches.push_back(launch_of(cluster_, job, step, node_.record.name));
    draft_.blobs.push_back({step.id == kBatchStep ? job.script : std::nullopt,
                            step.environment ? step.environment : job.environment});
    link_.launches_sent[key] = draft_.orders.number;
  }

  void adjust(const JobRecord& job, const StepRecord& step, const StepKey& key,
              const ReportedStep& reported) {
    if (is_first_step(step.id) && reported.time_limit != job.time_limit) {
      draft_.orders.limits.push_back({key, job.time_limit});
    }
    for (const PendingSignal& signal : job.signals) {
      if (!is_for(signal, step.id) || signal.serial <= reported.signal_serial) continue;
      draft_.orders.signals.push_back({key, signal.signal, signal.batch_only, signal.serial});
    }
  }

  // Once: a fetch that is lost is made when the job starts.
  void fetch_ahead() {
    const auto wanted = cluster_.fetches_ahead().find(node_.record.name);
    if (wanted == cluster_.fetches_ahead().end() || !link_.complete) return;
    for (const ImageFetch& fetch : wanted->second) {
      if (link_.fetches_sent.insert(fetch).second) draft_.orders.fetches.push_back(fetch);
    }
  }

  // What it has and should not have; and what has ended and is recorded here.
  void settle_reported() {
    for (auto reported = link_.steps.begin(); reported != link_.steps.end();) {
      const StepKey& key = reported->first;
      const bool has_ended = reported->second.phase == StepPhase::ended;
      if (cluster_.step_is_current(node_.record.name, key)) {
        ++reported;
      } else if (has_ended) {
        draft_.orders.confirms.push_back(key);
        reported = link_.steps.erase(reported);  // if that is lost, a full report brings it back
      } else {
        draft_.orders.ends.push_back({key, true, {}});
        ++reported;
      }
    }
  }

  const Cluster& cluster_;
  const NodeEntry& node_;
  NodeLink& link_;
  OrdersDraft draft_;
};

bool says_nothing(const NodeOrders& orders) {
  return orders.launches.empty() && orders.ends.empty() && orders.signals.empty() &&
         orders.limits.empty() && orders.confirms.empty() && orders.fetches.empty();
}

}  // namespace

std::optional<OrdersDraft> next_orders(Cluster& cluster, std::string_view node) {
  const auto found = cluster.nodes_.find(node);
  if (found == cluster.nodes_.end() || found->second.link.session == 0) return std::nullopt;
  NodeEntry& entry = found->second;
  OrdersDraft draft = OrdersMaker(cluster, entry, entry.link).make();
  if (says_nothing(draft.orders)) return std::nullopt;
  entry.link.last_orders = draft.orders.number;
  return draft;
}

std::optional<NodeWelcome> welcome_for(const Cluster& cluster, std::string_view node) {
  const NodeEntry* entry = cluster.find_node(node);
  if (entry == nullptr || entry->link.session == 0) return std::nullopt;
  NodeWelcome welcome;
  welcome.nonce = entry->link.nonce;
  welcome.session = entry->link.session;
  welcome.heartbeat = cluster.config().heartbeat;
  welcome.cluster = cluster.config().cluster;
  welcome.may_vouch = entry->record.may_vouch;
  return welcome;
}

}  // namespace gd::core
