#include "tests/support/core_replay.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>

#include "base/hostlist.h"
#include "server/core/apply.h"
#include "server/core/cluster.h"
#include "server/core/decide.h"
#include "server/core/effect.h"
#include "server/core/invariants.h"
#include "server/core/orders.h"
#include "server/core/react.h"

namespace gd::core {

namespace {

constexpr TimePoint kBegin{Seconds{1'700'000'000}};  // second 0 of the workload
constexpr Seconds kNever{4LL * 365 * 24 * 3600};

Actor somebody(const std::string& name) {
  const std::string user = name.empty() ? "nobody" : name;
  return {1000, 100, user, "users", {"users"}, false};
}
Actor administrator() {
  return {900, 900, "root", "adm", {"adm"}, true};
}

class CoreReplay {
 public:
  CoreReplay(const sim::Workload& workload, const sim::ReplayOptions& options,
             test::Indices indices)
      : workload_(workload), options_(options), indices_(indices) {
    schedule_.jobs.resize(workload.jobs.size());
    cluster_ = std::make_unique<Cluster>(configuration(), kBegin + first_moment());
  }

  Result<sim::Schedule> run() {
    now_ = first_moment();
    for (const sched::Node& node : workload_.nodes) TRY(add_node(node));
    for (uint32_t i = 0; i < workload_.running.size(); ++i) TRY(start_old(i));
    now_ = Seconds{0};
    for (uint32_t i = 0; i < workload_.reservations.size(); ++i) TRY(reserve(i));
    size_t next = 0;
    while (true) {
      TRY(end_what_ends());
      for (; next < workload_.jobs.size() && workload_.jobs[next].submit <= now_; ++next) {
        TRY(submit(next));
      }
      TRY(settle());
      const std::optional<Seconds> then = next_moment(next);
      if (!then) break;
      now_ = *then;
    }
    return all_done();
  }

 private:
  TimePoint moment() const { return kBegin + now_; }

  // When the oldest of what runs at 0 began.
  Seconds first_moment() const {
    Seconds first{0};
    for (const sim::Running& row : workload_.running) first = std::min(first, row.began);
    return first;
  }

  std::shared_ptr<const ClusterConfig> configuration() const {
    auto config = std::make_shared<ClusterConfig>();
    config->min_job_age = config->node_timeout = config->client_silence = kNever;
    config->node_lost_after.reset();
    config->kill_wait = Seconds{0};
    config->policy = options_.policy;
    config->usage_half_life = options_.half_life;
    config->limits = workload_.limits;
    for (const AccountLimits& account : workload_.limits.accounts) {
      config->accounts.push_back({account.name, account.parent, 1, {{"*", 1}}});
    }
    config->preempt = workload_.preempt;
    for (uint32_t i = 0; i < workload_.partitions.size(); ++i) {
      const sched::Partition& from = workload_.partitions[i];
      PartitionConfig to;
      to.name = from.name;
      to.is_default = i == 0;
      to.up = from.up;
      to.priority_tier = from.tier;
      to.preempt_mode = workload_.partition_terms[i].mode;
      to.grace_time = workload_.partition_terms[i].grace;
      for (const sched::NodeIndex node : from.nodes) {
        to.nodes.push_back(workload_.nodes[node.value].name);
      }
      config->partitions.push_back(std::move(to));
    }
    return config;
  }

  // One command, decided, applied and checked.
  Result<Reply> give(const Command& command) {
    Decision decision = TRY(decide(*cluster_, command, moment()));
    for (const Event& event : decision.events) {
      apply(*cluster_, event);
      react(*cluster_, event, effects_);
    }
    TRY(check_all(*cluster_));
    return std::move(decision.reply);
  }

  Result<void> add_node(const sched::Node& node) {
    NodeInfo info;
    info.name = node.name;
    info.boot_id = "boot";
    info.total = node.usable;
    info.features = node.features;
    TRY(give(NodeArrived{NodeHello{info, 1}}));
    TRY(report(node.name, {}));
    if (node.open) return {};
    TRY(give(UpdateNodes{administrator(), {{}, {node.name}, NodeAction::drain, "closed"}}));
    return {};
  }

  Result<void> report(const std::string& node, std::vector<StepStatus> steps) {
    NodeReport message;
    message.session = cluster_->find_node(node)->link.session;
    message.number = ++reports_[node];
    message.full = message.number == 1;
    message.steps = std::move(steps);
    TRY(give(NodeTold{node, std::move(message)}));
    return {};
  }

  Result<void> reserve(uint32_t which) {
    const sched::Reservation& row = workload_.reservations[which];
    ReservationRequest request;
    request.name = workload_.reservation_names[which];
    request.start = kBegin + row.start.time_since_epoch();
    request.end = kBegin + row.end.time_since_epoch();
    std::vector<std::string> nodes;
    for (const sched::NodeIndex node : row.nodes) nodes.push_back(workload_.nodes[node.value].name);
    request.nodes = fold_hostlist(nodes);
    request.ignore_jobs = true;
    std::set<std::string> users;
    for (const sched::Owner& owner : workload_.owners) users.insert(somebody(owner.user).user);
    std::string names;
    for (const std::string& user : users) names += (names.empty() ? "" : ",") + user;
    request.users = names;
    TRY(give(ChangeReservation{administrator(), request}));
    return {};
  }

  JobSpec spec_of(const sched::ShapeKey& key, const sched::Owner& owner) const {
    JobSpec spec;
    spec.name = "job";
    spec.account = owner.account;
    spec.qos = owner.qos == kNormalQos ? "" : owner.qos;
    spec.nodes_min = key.need.nodes_min;
    if (key.need.nodes_max != sched::kNoLimit) spec.nodes_max = key.need.nodes_max;
    spec.tasks = key.need.tasks;
    if (key.need.tasks_per_node != sched::kNoLimit) spec.tasks_per_node = key.need.tasks_per_node;
    spec.cpus_per_task = key.need.cpus_per_task;
    spec.memory_per_node_mib = key.need.memory_per_node_mib;
    spec.exclusive = key.need.exclusive;
    spec.constraint = key.constraint;
    spec.node_list = fold_hostlist(key.node_list);
    spec.exclude = fold_hostlist(key.exclude);
    spec.time_limit = key.limit;
    for (const sched::LicenceNeed& need : key.licences) {
      spec.licences.push_back({workload_.limits.licences[need.licence].name, "", need.count});
    }
    if (key.reservation != 0) spec.reservation = workload_.reservation_names[key.reservation - 1];
    for (const sched::PartitionIndex index : key.partitions) {
      spec.partition +=
          (spec.partition.empty() ? "" : ",") + workload_.partitions[index.value].name;
    }
    return spec;
  }

  Result<JobId> submitted(const JobSpec& spec, const std::string& user) {
    const Reply reply = TRY(give(Submit{somebody(user), {}, spec, digest_of("script"), {}, false}));
    return std::get<Submitted>(reply).job;
  }

  Result<void> start_old(uint32_t which) {
    const sim::Running& row = workload_.running[which];
    now_ = row.began;
    sched::ShapeKey key;
    key.need.cpus_per_task = row.held.cpus;
    key.need.memory_per_node_mib = row.held.memory_mib;
    key.need.nodes_max = 1;
    key.node_list = {workload_.nodes[row.node.value].name};
    key.licences = row.licences;
    key.limit = row.until - row.began;
    key.partitions = {sched::PartitionIndex{row.partition}};
    const sched::Owner& owner = workload_.owners[row.owner];
    JobSpec spec = spec_of(key, owner);
    spec.requeue = false;  // it ends for good
    const JobId id = TRY(submitted(spec, owner.user));
    jobs_[id] = {.length = key.limit, .which = std::nullopt};
    return settle();
  }

  Result<void> submit(size_t which) {
    const sim::WorkJob& job = workload_.jobs[which];
    JobSpec spec = spec_of(workload_.keys[job.key], workload_.owners[job.owner]);
    spec.nice = job.nice;
    const auto others = workload_.after.find(which);
    for (const size_t other :
         others == workload_.after.end() ? std::vector<uint32_t>{} : others->second) {
      spec.dependency +=
          (spec.dependency.empty() ? "afterany:" : ":") + std::to_string(ids_.at(other).value);
    }
    const std::string& user = workload_.owners[job.owner].user;
    const JobId id = TRY(submitted(spec, user));
    ids_[which] = id;
    jobs_[id] = {.length = job.run, .which = which};
    return {};
  }

  // All that has come to its end by now: by itself, or because it was told to.
  Result<void> end_what_ends() {
    for (auto& [id, life] : jobs_) {
      const JobRecord* job = cluster_->find_job(id);
      if (!allocated(job->state) || !life.ends || *life.ends > now_) continue;
      const bool by_itself = life.begun + life.length <= now_;
      TRY(end_steps(id, by_itself ? EndCause::exited : EndCause::ordered));
      note_end(id, life);
    }
    return {};
  }

  struct Life {
    Seconds length{};
    std::optional<size_t> which;  // of Workload::jobs; nothing: it ran at 0
    Seconds begun{};
    std::optional<Seconds> ends;
    std::vector<sched::NodeUse> uses;
  };

  Result<void> end_steps(JobId id, EndCause cause) {
    while (allocated(cluster_->find_job(id)->state)) {
      const JobRecord job = *cluster_->find_job(id);
      for (const StepRecord& step : job.steps) {
        for (const StepShare& share : step.shares) {
          if (share.state == StepState::ended) continue;
          StepStatus status = status_of(job, step.id);
          status.phase = StepPhase::ended;
          status.cause = cause;
          if (cause == EndCause::ordered) status.exit = {0, 15};
          TRY(report(share.node, {status}));
        }
      }
      if (job.launch != cluster_->find_job(id)->launch) break;
    }
    return {};
  }

  StepStatus status_of(const JobRecord& job, StepId step) const {
    StepStatus status;
    status.job = job.id;
    status.launch = job.launch;
    status.step = step;
    status.time_limit = job.time_limit;
    status.started = job.start_time;
    status.ended = moment();
    return status;
  }

  void note_end(JobId id, Life& life) {
    life.ends.reset();
    if (!life.which) return;
    sim::JobRun& run = schedule_.jobs[*life.which];
    const JobState state = cluster_->find_job(id)->state;
    sim::Life done{life.begun, now_, life.uses};
    if (state == JobState::pending) {
      run.earlier.push_back(std::move(done));
      return;
    }
    static_cast<sim::Life&>(run) = std::move(done);
    run.preempted = state == JobState::preempted;
  }

  // Timers, passes, and what nodes do of what they are told, until nothing more follows.
  Result<void> settle() {
    for (int round = 0;; ++round) {
      if (round == 1000) return Error{ErrorCode::internal, "passes without an end"};
      const auto due = next_timer(*cluster_, moment());
      const bool tick = due && *due <= moment();
      if (tick) TRY(give(Tick{}));
      TRY(obey());
      TRY(end_what_ends());
      if (!effects_.schedule) {
        if (tick) continue;
        return {};
      }
      if (indices_ == test::Indices::rebuilt) {
        TRY(give(Reconfigure{administrator(), configuration()}));
      }
      effects_.schedule = false;
      TRY(give(SchedulePass{}));
      TRY(obey());
    }
  }

  // Whoever was given nodes runs; whoever was told to end does so after its grace.
  Result<void> obey() {
    for (auto& [id, life] : jobs_) {
      const JobRecord* job = cluster_->find_job(id);
      if (job->state == JobState::starting) TRY(launch(id, life));
      job = cluster_->find_job(id);
      if (job->state != JobState::completing || !life.ends) continue;
      const Seconds grace = job->preempted ? job->preempted->grace : Seconds{0};
      const auto told = std::chrono::duration_cast<Seconds>(
          (job->preempted ? job->preempted->at : moment()) - kBegin);
      life.ends = std::min(*life.ends, told + grace);
    }
    return {};
  }

  Result<void> launch(JobId id, Life& life) {
    const JobRecord job = *cluster_->find_job(id);
    life.begun = now_;
    life.ends = now_ + life.length;
    life.uses.clear();
    for (const NodeShare& share : job.nodes) {
      const auto node = std::ranges::find(workload_.nodes, share.node, &sched::Node::name);
      const auto index = static_cast<uint32_t>(node - workload_.nodes.begin());
      life.uses.push_back({sched::NodeIndex{index}, 0, share.held});
    }
    for (const StepRecord& step : job.steps) {
      for (const StepShare& share : step.shares) {
        StepStatus status = status_of(job, step.id);
        status.phase = StepPhase::running;
        TRY(report(share.node, {status}));
      }
    }
    return {};
  }

  std::optional<Seconds> next_moment(size_t next) const {
    std::optional<Seconds> then;
    const auto at = [&](Seconds time) { then = then ? std::min(*then, time) : time; };
    if (next < workload_.jobs.size()) at(workload_.jobs[next].submit);
    bool somebody_waits = false;
    for (const auto& [id, life] : jobs_) {
      if (life.ends) at(*life.ends);
      somebody_waits = somebody_waits || !ended(cluster_->find_job(id)->state);
    }
    const auto timer = next_timer(*cluster_, moment());
    if (somebody_waits && timer) {
      const auto due = std::chrono::ceil<Seconds>(*timer - kBegin);
      if (due < kNever / 2) at(std::max(due, now_));
    }
    return then;
  }

  Result<sim::Schedule> all_done() {
    for (const auto& [id, life] : jobs_) {
      const JobRecord& job = *cluster_->find_job(id);
      if (ended(job.state)) continue;
      return Error{ErrorCode::invalid, "job " + std::to_string(id.value) + " is " +
                                           std::string(long_name(job.state)) + " at the end, for " +
                                           std::string(name(job.reason))};
    }
    return std::move(schedule_);
  }

  const sim::Workload& workload_;
  const sim::ReplayOptions& options_;
  test::Indices indices_;
  Seconds now_{};
  std::unique_ptr<Cluster> cluster_;
  Effects effects_;
  std::map<std::string, uint64_t> reports_;
  std::map<size_t, JobId> ids_;  // of Workload::jobs
  std::map<JobId, Life> jobs_;
  sim::Schedule schedule_;
};

}  // namespace

}  // namespace gd::core

namespace gd::test {

Result<sim::Schedule> core_replay(const sim::Workload& workload, const sim::ReplayOptions& options,
                                  Indices indices) {
  return core::CoreReplay(workload, options, indices).run();
}

}  // namespace gd::test
