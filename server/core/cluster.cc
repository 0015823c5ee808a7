// Records and their indices.
#include "server/core/cluster.h"

#include <algorithm>

#include "base/check.h"
#include "server/core/mail.h"
#include "server/core/spec_hash.h"

namespace gd::core {

Cluster::Cluster(std::shared_ptr<const ClusterConfig> config, TimePoint started)
    : started_(started) {
  set_config(std::move(config));
}

Cluster::Cluster(const Cluster& other) = default;
Cluster::Cluster(Cluster&& other) noexcept = default;
Cluster& Cluster::operator=(const Cluster& other) = default;
Cluster& Cluster::operator=(Cluster&& other) noexcept = default;
Cluster::~Cluster() = default;

const JobRecord* Cluster::find_job(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second.record;
}

const JobRecord* Cluster::find_request(const RequestId& request) const {
  const auto found = by_request_.find(request);
  return found == by_request_.end() ? nullptr : find_job(found->second);
}

const NodeEntry* Cluster::find_node(std::string_view name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const NodeEntry* Cluster::node_at(sched::NodeIndex index) const {
  return index.value < node_names_.size() ? find_node(node_names_[index.value]) : nullptr;
}

std::optional<sched::PartitionIndex> Cluster::find_partition(std::string_view name) const {
  for (uint32_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].name == name) return sched::PartitionIndex{i};
  }
  return std::nullopt;
}

std::optional<sched::PartitionIndex> Cluster::default_partition() const {
  for (uint32_t i = 0; i < partition_configs_.size(); ++i) {
    if (partition_configs_[i].is_default) return sched::PartitionIndex{i};
  }
  return std::nullopt;
}

sched::View Cluster::view(TimePoint now) const {
  return {.now = now,
          .nodes = machine_,
          .partitions = partitions_,
          .shapes = shapes_,
          .queue = queue_,
          .array_room = &array_room_,
          .fair_share = fair_share_.factors(),
          .limits = &limits_,
          .licences = &licences_,
          .reservations = reserved_,
          .preempt = preempt_rules(),
          .tenants = &tenants_,
          .takeovers = takeovers_};
}

std::optional<TimePoint> Cluster::client_heard(JobId job) const {
  const auto found = clients_.find(job);
  return found == clients_.end() ? std::nullopt : std::optional(found->second);
}

const StepRecord* find_step(const JobRecord& job, StepId id) {
  const auto found = std::find_if(job.steps.begin(), job.steps.end(),
                                  [&](const StepRecord& step) { return step.id == id; });
  return found == job.steps.end() ? nullptr : &*found;
}

bool Cluster::step_is_current(std::string_view node, const StepKey& key) const {
  const JobRecord* job = find_job(key.job);
  if (job == nullptr || job->launch != key.launch || !allocated(job->state)) return false;
  const StepRecord* step = find_step(*job, key.step);
  if (step == nullptr) return false;
  const StepShare* share = share_on(*step, node);
  return share != nullptr && share->state != StepState::ended;
}

Changes Cluster::take_changes() {
  return std::exchange(changes_, Changes{});
}

void Cluster::add_job(JobRecord job) {
  job.spec = share(std::move(job.spec));
  const JobId id = job.id;
  auto [place, is_new] = jobs_.try_emplace(id);
  GD_CHECK(is_new, id);
  place->second.record = std::move(job);
  index_job(place->second);
}

void Cluster::remove_job(JobId id) {
  const auto found = jobs_.find(id);
  GD_CHECK(found != jobs_.end(), id);
  unindex_job(found->second);
  clients_.erase(id);
  promises_.erase(id);
  jobs_.erase(found);
}

namespace {

// An index entry only for jobs that something is due of; see Cluster::timers().
std::optional<TimePoint> timer_of(const JobRecord& job, const ClusterConfig& config,
                                  const ArrayEntry* array) {
  if (ended(job.state)) {
    // The first record of an array goes last: it answers for the whole.
    const bool stays = array != nullptr && array->records.size() > 1 && job.id == array_id_of(job);
    if (stays) return std::nullopt;
    return job.end_time + config.min_job_age;
  }
  if (job.state == JobState::pending) {
    std::optional<TimePoint> due = job.spec->deadline;
    if (job.hold == HoldKind::none && job.reason == Reason::begin_time) {
      due = due ? std::min(*due, job.eligible_time) : job.eligible_time;
    }
    for (const DependencyTerm& term : job.dependency.terms) {
      if (term.state != DependencyState::waiting || !term.due) continue;
      due = due ? std::min(*due, *term.due) : *term.due;
    }
    return due;
  }
  std::optional<TimePoint> due = next_time_mark(job);
  if (job.state == JobState::running && job.spec->kind == JobKind::allocation && job.time_limit) {
    const TimePoint end = job.start_time + *job.time_limit;  // no shepherd watches over it
    due = due ? std::min(*due, end) : end;
  }
  return due;
}

}  // namespace

void Cluster::retime(JobEntry& entry) {
  const JobId id = entry.record.id;
  const auto due = timer_of(entry.record, *config_, find_array(id));
  if (entry.timed) timers_.erase({entry.timer, id});
  entry.timed = due.has_value();
  if (!due) return;
  entry.timer = *due;
  timers_.emplace(*due, id);
}

bool belongs_in_queue(const JobRecord& job) {
  if (job.state != JobState::pending || job.hold != HoldKind::none) return false;
  switch (job.reason) {
    case Reason::begin_time:
    case Reason::dependency:
    case Reason::dependency_never_satisfied: return false;
    default: return !is_refusal(job.reason);
  }
}

bool is_refusal(Reason reason) {
  switch (reason) {
    case Reason::partition_time_limit:
    case Reason::bad_constraints:
    case Reason::reservation_deleted:
    case Reason::invalid_account:
    case Reason::invalid_qos:
    case Reason::assoc_max_cpu_per_job:
    case Reason::assoc_max_mem_per_job:
    case Reason::assoc_max_node_per_job:
    case Reason::assoc_max_gres_per_job:
    case Reason::assoc_max_wall:
    case Reason::qos_max_cpu_per_job:
    case Reason::qos_max_mem_per_job:
    case Reason::qos_max_node_per_job:
    case Reason::qos_max_gres_per_job:
    case Reason::qos_max_wall:
    case Reason::assoc_max_cpu_minutes_per_job:
    case Reason::assoc_max_mem_minutes_per_job:
    case Reason::assoc_max_node_minutes_per_job:
    case Reason::assoc_max_gres_minutes_per_job:
    case Reason::qos_max_cpu_minutes_per_job:
    case Reason::qos_max_mem_minutes_per_job:
    case Reason::qos_max_node_minutes_per_job:
    case Reason::qos_max_gres_minutes_per_job: return true;
    default: return false;
  }
}

void Cluster::index_job(JobEntry& entry) {
  const JobRecord& job = entry.record;
  entry.share = fair_share_.share_of(share_name_of(*config_, job));
  if (job.request.given()) by_request_.emplace(job.request, job.id);
  for (const StepRecord& step : job.steps) {
    if (step.request.given()) by_request_.emplace(step.request, job.id);
  }
  if (job.array) index_array(job);
  index_dependency(job);
  retime(entry);
  if (allocated(job.state)) {
    allocated_.insert(job.id);
    fair_share_.began(entry.share, cpus_held(job), job.start_time);
    hold_shares(job);
  }
  count_limits(entry);
  index_tenant(entry);
  if (job.state == JobState::pending && is_refusal(job.reason)) refused_.insert(job.id);
  if (belongs_in_queue(job)) enqueue(entry);
}

void Cluster::unindex_job(JobEntry& entry) {
  const JobRecord& job = entry.record;
  by_request_.erase(job.request);
  for (const StepRecord& step : job.steps) by_request_.erase(step.request);
  if (job.array) unindex_array(job);
  unindex_dependency(job);
  if (entry.timed) timers_.erase({entry.timer, job.id});
  entry.timed = false;
  if (allocated(job.state)) {
    allocated_.erase(job.id);
    fair_share_.withdrew(entry.share, cpus_held(job), job.start_time);
    tenants_.erase(job.id);
    free_shares(job);
  }
  uncount_limits(entry);
  refused_.erase(job.id);
  dequeue(entry);
}

namespace {

uint64_t jobs_in(const JobRecord& job) {
  return job.array ? job.array->elements.size() : 1;
}

TimePoint due_back(const JobRecord& job) {
  return job.start_time + job.time_limit.value_or(sched::kForever);
}

}  // namespace

void Cluster::count_limits(JobEntry& entry) {
  const JobRecord& job = entry.record;
  entry.claim = {};
  if (ended(job.state)) return;
  entry.claim = limits_.claim_of(owner_of(job));
  using enum sched::LimitBook::Sign;
  if (entry.claim.value != 0) {
    limits_.count_submitted(entry.claim, jobs_in(job), more);
    if (allocated(job.state)) count_run(entry, more);
  }
  if (!allocated(job.state) || job.spec->licences.empty()) return;
  if (const auto needs = licences_.resolve(job.spec->licences)) {
    licences_.hold(*needs, due_back(job));
  }
}

void Cluster::count_run(const JobEntry& entry, sched::LimitBook::Sign sign) {
  limits_.count_running(entry.claim, amounts_of(limits_, entry.record),
                        run_of(*config_, entry.record), sign);
}

void Cluster::uncount_limits(const JobEntry& entry) {
  const JobRecord& job = entry.record;
  if (ended(job.state)) return;
  using enum sched::LimitBook::Sign;
  if (entry.claim.value != 0) {
    limits_.count_submitted(entry.claim, jobs_in(job), less);
    if (allocated(job.state)) count_run(entry, less);
  }
  if (!allocated(job.state) || job.spec->licences.empty()) return;
  if (const auto needs = licences_.resolve(job.spec->licences)) {
    licences_.give_back(*needs, due_back(job));
  }
}

std::string qos_of(const JobSpec& spec) {
  return spec.qos.empty() ? kNormalQos : spec.qos;
}

sched::Owner owner_of(const JobRecord& job) {
  return {job.spec->account, job.user, qos_of(*job.spec)};
}

std::vector<const Resources*> held_by_nodes(const JobRecord& job) {
  std::vector<const Resources*> held;
  for (const NodeShare& share : job.nodes) held.push_back(&share.held);
  return held;
}

sched::Amounts amounts_of(const sched::LimitBook& limits, const JobRecord& job) {
  return limits.held(held_by_nodes(job), Seconds{0});
}

sched::Run run_of(const ClusterConfig& config, const JobRecord& job) {
  return {job.start_time, due_back(job), share_name_of(config, job)};
}

void Cluster::hold_shares(const JobRecord& job) {
  const TimePoint until = job.start_time + job.time_limit.value_or(sched::kForever);
  for (const NodeShare& share : job.nodes) {
    if (share.released) continue;
    NodeEntry& node = node_entry(share.node);
    node.jobs.insert(job.id);
    sched::Node& row = machine_[node.index.value];
    const auto at = std::lower_bound(row.shares.begin(), row.shares.end(), job.id,
                                     [](const sched::Share& s, JobId id) { return s.job < id; });
    row.shares.insert(at, {job.id, share.held, until});
    take_from(row.free, share.held);
  }
}

void Cluster::free_shares(const JobRecord& job) {
  for (const NodeShare& share : job.nodes) {
    if (share.released) continue;
    NodeEntry& node = node_entry(share.node);
    node.jobs.erase(job.id);
    sched::Node& row = machine_[node.index.value];
    std::erase_if(row.shares, [&](const sched::Share& s) { return s.job == job.id; });
    row.free = free_of(row);
  }
}

sched::ShareName share_name_of(const ClusterConfig& config, const JobRecord& job) {
  return {config.accounts.empty() ? std::string() : job.spec->account, job.user};
}

uint64_t cpus_held(const JobRecord& job) {
  uint64_t cpus = 0;
  for (const NodeShare& share : job.nodes) cpus += share.held.cpus;
  return cpus;
}

void Cluster::restore(const UsageRecord& usage) {
  limits_.restore(usage);
  if (usage.qos.empty()) (void)fair_share_.share_of({usage.account, usage.user});
}

void Cluster::reset_usage(std::span<const sched::UsageName> names, TimePoint at) {
  for (auto& [id, entry] : jobs_) unindex_job(entry);
  limits_.reset_usage(names, at);
  for (auto& [id, entry] : jobs_) index_job(entry);
  changes_.usage.insert(names.begin(), names.end());
  ranked_at_.reset();
}

std::shared_ptr<const JobSpec> Cluster::share(std::shared_ptr<const JobSpec> spec) {
  const uint64_t hash = hash_of(*spec);
  const auto [first, last] = specs_.equal_range(hash);
  for (auto known = first; known != last;) {
    if (auto same = known->second.lock()) {
      if (*same == *spec) return same;
      ++known;
    } else {
      known = specs_.erase(known);
    }
  }
  specs_.emplace(hash, spec);
  if (specs_.size() > 2 * specs_kept_ + 1000) {  // now and then, so that the mean cost is constant
    std::erase_if(specs_, [](const auto& known) { return known.second.expired(); });
    specs_kept_ = specs_.size();
  }
  return spec;
}

}  // namespace gd::core
