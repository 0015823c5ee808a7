#include "gdsim/replay.h"

#include <algorithm>
#include <map>
#include <optional>
#include <queue>

#include "base/check.h"
#include "server/sched/explain.h"
#include "server/sched/fair_share.h"
#include "server/sched/preempt.h"

namespace gd::sim {

namespace {

struct End {
  Seconds at{};
  JobId job;
  bool operator>(const End& other) const {
    return at != other.at ? at > other.at : job > other.job;
  }
};

struct Held {  // by a job that runs
  sched::PartitionIndex partition;
  std::vector<sched::NodeUse> uses;
  Seconds end{};           // as things are: an entry of ends_ with another time is stale
  bool preempted = false;  // it ends to make room
  bool sent_back = false;  // and waits again then
};

struct Waiting {  // in the planner's queue, or for others to end first
  sched::QueueKey key;
  sched::Standing standing;
  sched::ShapeId shape;
};

class Replay {
 public:
  Replay(const Workload& workload, const ReplayOptions& options)
      : workload_(workload), options_(options), nodes_(workload.nodes) {
    users_.configure({});
    schedule_.jobs.resize(workload.jobs.size());
    limits_.configure(workload.limits, options.half_life);
    licences_.configure(workload.limits.licences);
    rules_ = sched::preempt_rules(workload.preempt, workload.limits);
    ended_.resize(workload.jobs.size());
    for (const auto& [job, others] : workload.after) {
      for (const uint32_t other : others) dependants_.emplace(other, job);
    }
    for (uint32_t i = 0; i < workload.running.size(); ++i) {
      const Running& row = workload.running[i];
      hold(row.owner, {{row.node, 1, row.held}}, row.licences, run_of(row));
      const sched::PartitionIndex partition{row.partition};
      const JobId id = id_of(workload.jobs.size() + i);
      begin(id, {partition, {{row.node, 1, row.held}}}, row.until, row.until);
      add_tenant(id, partition, row.owner, row.began);
    }
  }

  Result<Schedule> run() {
    size_t submitted = 0;
    size_t ended = 0;
    while (submitted < workload_.jobs.size() || !ends_.empty() || reservation_opens()) {
      const Seconds edge = next_edge();
      now_ = edge;
      if (submitted < workload_.jobs.size()) {
        now_ = std::min(now_, workload_.jobs[submitted].submit);
      }
      if (!ends_.empty()) now_ = std::min(now_, ends_.top().at);
      bool changed = now_ == edge;
      for (; !ends_.empty() && ends_.top().at == now_; ends_.pop()) {
        const auto held = held_.find(ends_.top().job);
        if (held == held_.end() || held->second.end != now_) continue;  // it ended before
        finish(ends_.top().job);
        changed = true;
        ++ended;
      }
      for (; submitted < workload_.jobs.size() && workload_.jobs[submitted].submit == now_;
           ++submitted) {
        TRY(submit(submitted));
        changed = true;
      }
      if (changed && queue_.size() > 0) pass();
      if (options_.progress) options_.progress(ended);
    }
    if (queue_.size() > 0) {
      return Error{ErrorCode::invalid, std::to_string(queue_.size()) +
                                           " jobs wait at the end, when nothing runs any more"};
    }
    return std::move(schedule_);
  }

 private:
  // The planner's ids begin with those that ran at time 0, as they would in a cluster; places are
  // those of Workload::jobs, and then of Workload::running.
  [[nodiscard]] JobId id_of(size_t place) const {
    const size_t jobs = workload_.jobs.size();
    const size_t order = place < jobs ? workload_.running.size() + place : place - jobs;
    return JobId{static_cast<uint32_t>(order + 1)};
  }
  [[nodiscard]] size_t place_of(JobId id) const { return sim::place_of(workload_, id); }
  const WorkJob& work(JobId id) const { return workload_.jobs[place_of(id)]; }

  // The next moment at which a reservation begins or ends, or somebody may be preempted, if
  // somebody waits.
  Seconds next_edge() const {
    Seconds next = Seconds::max();
    if (queue_.size() == 0) return next;
    if (pass_at_ && *pass_at_ > now_) next = *pass_at_;
    for (const sched::Reservation& row : workload_.reservations) {
      for (const TimePoint at : {row.start, row.end}) {
        const auto seconds = std::chrono::duration_cast<Seconds>(at.time_since_epoch());
        if (seconds > now_) next = std::min(next, seconds);
      }
    }
    return next;
  }
  bool reservation_opens() const { return next_edge() != Seconds::max(); }

  Result<void> submit(size_t at) {
    const WorkJob& job = workload_.jobs[at];
    const sched::ShapeKey& key = workload_.keys[job.key];
    const JobId id = id_of(at);
    const sched::ShapeId shape = shapes_.intern(key, nodes_, workload_.partitions);
    if (!shapes_[shape].possible()) {
      return Error{ErrorCode::invalid,
                   "job " + std::to_string(job.id) + " can never start: " +
                       sched::why_impossible(shapes_[shape], nodes_, workload_.partitions)};
    }
    TRY(check_limits(job));
    limits_.count_submitted(claim_of(job.owner), 1, sched::LimitBook::Sign::more);
    const Waiting row{.key = {.eligible = TimePoint{now_}, .job = id},
                      .standing = standing_of(job),
                      .shape = shape};
    if (lacks(at) > 0)
      blocked_.emplace(at, row);
    else
      enqueue(id, row);
    return {};
  }

  // How many have to end before this job may be in line.
  size_t lacks(size_t at) const {
    const auto others = workload_.after.find(at);
    if (others == workload_.after.end()) return 0;
    return static_cast<size_t>(
        std::ranges::count_if(others->second, [&](uint32_t other) { return !ended_[other]; }));
  }

  void let_dependants_in(size_t ended) {
    ended_[ended] = true;
    const auto [first, last] = dependants_.equal_range(ended);
    for (auto each = first; each != last; ++each) {
      const auto row = blocked_.find(each->second);
      if (row == blocked_.end() || lacks(each->second) > 0) continue;
      row->second.key.eligible = TimePoint{now_};
      enqueue(row->second.key.job, row->second);
      blocked_.erase(row);
    }
  }

  sched::Standing standing_of(const WorkJob& job) {
    sched::Standing standing{.tier = 0, .facts = facts_of(job), .claim = claim_of(job.owner)};
    for (const sched::PartitionIndex index : workload_.keys[job.key].partitions) {
      standing.tier = std::max(standing.tier, workload_.partitions[index.value].tier);
    }
    if (rules_) standing.preempts = sched::preempt_row(*rules_, column_of(job.owner));
    return standing;
  }

  void enqueue(JobId id, const Waiting& row) {
    queue_.add(row.shape, row.standing, row.key);
    waiting_.emplace(id, row);
    schedule_.most_waiting = std::max(schedule_.most_waiting, queue_.size());
  }

  uint32_t column_of(uint32_t owner) const {
    return sched::preempt_column(workload_.limits, workload_.owners[owner].qos);
  }

  sched::PreemptTerms terms_of(sched::PartitionIndex partition, uint32_t owner) const {
    if (rules_->by == sched::PreemptRules::By::tier) {
      return workload_.partition_terms[partition.value];
    }
    return sched::preempt_terms(workload_.preempt, limits_.find_qos(workload_.owners[owner].qos));
  }

  void add_tenant(JobId id, sched::PartitionIndex partition, uint32_t owner, Seconds start) {
    if (!rules_) return;
    const sched::PreemptTerms terms = terms_of(partition, owner);
    sched::Tenant& tenant = tenants_[id];
    tenant.qos = column_of(owner);
    tenant.tier = workload_.partitions[partition.value].tier;
    const size_t index = place_of(id);
    tenant.eligible = tenant.start = TimePoint{start};
    if (index < workload_.jobs.size()) {
      tenant.facts = facts_of(workload_.jobs[index]);
      tenant.eligible = TimePoint{workload_.jobs[index].submit};
      tenant.limit = workload_.keys[workload_.jobs[index].key].limit;
    } else {
      const Running& row = workload_.running[index - workload_.jobs.size()];
      sched::PriorityFacts facts;
      facts.size = static_cast<double>(row.held.cpus) / static_cast<double>(cpus_);
      facts.qos_factor = limits_.qos_factor(workload_.owners[owner].qos);
      tenant.facts = sched::that_count(options_.policy.weights, facts);
      tenant.limit = row.until - row.began;
    }
    tenant.may_go = terms.mode != PreemptMode::off;
    tenant.safe_until = TimePoint{start + terms.exempt};
    tenant.leaves_within = terms.grace;
  }

  sched::ClaimId claim_of(uint32_t owner) { return limits_.claim_of(workload_.owners[owner]); }

  // What the controller refuses, or lets wait for ever, cannot be replayed.
  Result<void> check_limits(const WorkJob& job) const {
    const sched::Owner& owner = workload_.owners[job.owner];
    const sched::ShapeKey& key = workload_.keys[job.key];
    const std::string name = "job " + std::to_string(job.id);
    if (const auto over = limits_.over_submit(owner, 1)) {
      return Error{ErrorCode::invalid, name + " is refused: " + *over};
    }
    if (const auto breach = limits_.breach(owner, key.need, key.limit)) {
      return Error{ErrorCode::invalid, name + " can never start: " + breach->text};
    }
    return {};
  }

  // What ran before the beginning is nobody's usage, but some limit's.
  static sched::Run run_of(const Running& row) {
    return {TimePoint{row.began}, TimePoint{row.until}, {}};
  }
  [[nodiscard]] sched::Run run_of(const WorkJob& job, Seconds start) const {
    const Seconds limit = workload_.keys[job.key].limit;
    return {TimePoint{start}, TimePoint{start + limit}, share_name_of(job.user)};
  }

  void hold(uint32_t owner, const std::vector<sched::NodeUse>& uses,
            const std::vector<sched::LicenceNeed>& licences, const sched::Run& run) {
    limits_.count_running(claim_of(owner), limits_.held(uses, Seconds{0}), run,
                          sched::LimitBook::Sign::more);
    licences_.hold(licences, run.until);
  }

  void give_back(uint32_t owner, const std::vector<sched::NodeUse>& uses,
                 const std::vector<sched::LicenceNeed>& licences, const sched::Run& run) {
    limits_.count_running(claim_of(owner), limits_.held(uses, Seconds{0}), run,
                          sched::LimitBook::Sign::less);
    licences_.give_back(licences, run.until);
    std::vector<const Resources*> held;
    for (const sched::NodeUse& use : uses) held.push_back(&use.held);
    limits_.charge(workload_.owners[owner], run, held, TimePoint{now_});
  }

  sched::PriorityFacts facts_of(const WorkJob& job) {
    sched::PriorityFacts facts;
    facts.share = share_of(job.user);
    facts.size = static_cast<double>(job.cpus) / static_cast<double>(cpus_);
    facts.nice = job.nice;
    facts.qos_factor = limits_.qos_factor(workload_.owners[job.owner].qos);
    return sched::that_count(options_.policy.weights, facts);
  }

  void pass() {
    rank_users();
    bool more = true;
    while (more) {
      const sched::View view{.now = TimePoint{now_},
                             .nodes = nodes_,
                             .partitions = workload_.partitions,
                             .shapes = shapes_,
                             .queue = queue_,
                             .fair_share = users_.factors(),
                             .limits = &limits_,
                             .licences = &licences_,
                             .reservations = workload_.reservations,
                             .preempt = rules_ ? &*rules_ : nullptr,
                             .tenants = &tenants_,
                             .takeovers = takeovers_};
      sched::Plan plan = sched::plan(options_.policy, view);
      more = plan.more;
      ++schedule_.passes;
      if (options_.watch) options_.watch(TimePoint{now_}, plan);
      for (sched::Start& one : plan.starts) start(one);
      for (const sched::Preemption& one : plan.preemptions) preempt(one);
      for (const JobId job : plan.dropped) drop_takeover(job);
      more = more || !plan.dropped.empty();
      pass_at_.reset();
      if (plan.again_at) {
        pass_at_ = std::chrono::ceil<Seconds>(plan.again_at->time_since_epoch());
      }
    }
  }

  void preempt(const sched::Preemption& one) {
    const Waiting& waiting = waiting_.at(one.job);
    takeovers_.push_back({.job = one.job,
                          .array = {},
                          .shape = waiting.shape,
                          .claim = waiting.standing.claim,
                          .placement = one.placement,
                          .awaits = one.awaits});
    MadeRoom& row = schedule_.preemptions.emplace_back();
    row.at = now_;
    row.job = place_of(one.job);
    for (const JobId victim : one.victims) {
      row.victims.push_back(place_of(victim));
      send_away(victim);
    }
  }

  [[nodiscard]] bool is_taken_over(JobId job) const {
    return std::ranges::count(takeovers_, job, &sched::Takeover::job) > 0;
  }

  void drop_takeover(JobId job) {
    std::erase_if(takeovers_, [&](const sched::Takeover& each) { return each.job == job; });
  }

  void send_away(JobId id) {
    sched::Tenant& tenant = tenants_.at(id);
    Held& held = held_.at(id);
    tenant.ending = true;
    const Seconds gone = now_ + tenant.leaves_within;
    tenant.gone_by = TimePoint{gone};
    if (held.end <= gone) return;  // it will have ended by itself
    held.end = gone;
    held.preempted = true;
    const size_t index = place_of(id);
    if (index < workload_.jobs.size()) {
      const uint32_t owner = workload_.jobs[index].owner;
      held.sent_back = terms_of(held.partition, owner).mode == PreemptMode::requeue;
    }
    ends_.push({gone, id});
  }

  static sched::ShareName share_name_of(uint32_t user) { return {"", std::to_string(user)}; }
  uint32_t share_of(uint32_t user) { return users_.share_of(share_name_of(user)); }
  static uint64_t cpus_of(const std::vector<sched::NodeUse>& uses) {
    uint64_t cpus = 0;
    for (const sched::NodeUse& use : uses) cpus += use.held.cpus;
    return cpus;
  }

  void rank_users() {
    if (options_.policy.weights.fair_share == 0) return;
    if (ranked_ && now_ - *ranked_ < sched::kRankEvery) return;
    ranked_ = now_;
    users_.set_factors(users_.ranked(limits_.ledger(), TimePoint{now_}));
  }

  void start(sched::Start& one) {
    const auto waiting = waiting_.find(one.job);
    const Waiting& row = waiting->second;
    queue_.remove(row.shape, row.standing, row.key);
    shapes_.release(row.shape);
    waiting_.erase(waiting);
    for (MadeRoom& made : schedule_.preemptions) {
      const bool waits = made.job == place_of(one.job) && !made.start;
      if (waits && is_taken_over(one.job)) made.start = now_;
    }
    drop_takeover(one.job);
    const WorkJob& job = work(one.job);
    const Seconds limit = workload_.keys[job.key].limit;
    const uint64_t cpus = cpus_of(one.placement.uses);
    JobRun& run = schedule_.jobs[place_of(one.job)];
    run.start = now_;
    run.end = now_ + job.run;
    if (options_.keep == Keep::placements) run.uses = one.placement.uses;
    hold(job.owner, one.placement.uses, workload_.keys[job.key].licences, run_of(job, now_));
    users_.began(share_of(job.user), cpus, TimePoint{now_});
    add_tenant(one.job, one.placement.partition, job.owner, now_);
    begin(one.job, std::move(one.placement), now_ + job.run, now_ + limit);
  }

  void begin(JobId job, sched::Placement placement, Seconds end, Seconds limit) {
    for (const sched::NodeUse& use : placement.uses) {
      sched::Node& node = nodes_[use.node.value];
      subtract(node.free, use.held);
      const sched::Share share{job, use.held, TimePoint{limit}};
      const auto place = std::upper_bound(
          node.shares.begin(), node.shares.end(), share,
          [](const sched::Share& a, const sched::Share& b) { return a.job < b.job; });
      node.shares.insert(place, share);
    }
    held_.emplace(job, Held{placement.partition, std::move(placement.uses), end, false, false});
    ends_.push({end, job});
  }

  void finish(JobId job) {
    const auto place = held_.find(job);
    GD_CHECK(place != held_.end(), job);
    const Held held = std::move(place->second);
    held_.erase(place);
    tenants_.erase(job);
    const std::vector<sched::NodeUse>& uses = held.uses;
    for (const sched::NodeUse& use : uses) {
      sched::Node& node = nodes_[use.node.value];
      add(node.free, use.held);
      std::erase_if(node.shares, [&](const sched::Share& share) { return share.job == job; });
    }
    const size_t index = place_of(job);
    if (index >= workload_.jobs.size()) {  // it ran before the beginning
      const Running& old = workload_.running[index - workload_.jobs.size()];
      return give_back(old.owner, uses, old.licences, run_of(old));
    }
    const WorkJob& row = workload_.jobs[index];
    const sched::ShapeKey& key = workload_.keys[row.key];
    JobRun& run = schedule_.jobs[index];
    run.end = now_;
    give_back(row.owner, uses, key.licences, run_of(row, run.start));
    users_.withdrew(share_of(row.user), cpus_of(uses), TimePoint{run.start});
    if (held.sent_back) return send_back(job);
    run.preempted = held.preempted;
    limits_.count_submitted(claim_of(row.owner), 1, sched::LimitBook::Sign::less);
    let_dependants_in(index);
  }

  // To the place in line that it had.
  void send_back(JobId id) {
    const WorkJob& job = work(id);
    JobRun& run = schedule_.jobs[place_of(id)];
    run.earlier.push_back(run);
    const sched::ShapeKey& key = workload_.keys[job.key];
    Waiting row{.key = {.eligible = TimePoint{job.submit}, .job = id},
                .standing = standing_of(job),
                .shape = shapes_.intern(key, nodes_, workload_.partitions)};
    enqueue(id, row);
  }

  const Workload& workload_;
  const ReplayOptions& options_;
  Seconds now_{};
  std::vector<sched::Node> nodes_;
  sched::ShapeTable shapes_;
  sched::PendingQueue queue_;
  std::map<JobId, Waiting> waiting_;
  std::map<size_t, Waiting> blocked_;  // by places in Workload::jobs, as all of the next
  std::vector<bool> ended_;            // for good
  std::multimap<size_t, size_t> dependants_;
  std::map<JobId, Held> held_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  sched::FairShare users_;  // all with equal shares
  sched::LimitBook limits_;
  sched::Licences licences_;
  std::optional<sched::PreemptRules> rules_;
  sched::Tenants tenants_;
  std::vector<sched::Takeover> takeovers_;
  std::optional<Seconds> pass_at_;
  std::optional<Seconds> ranked_;
  uint64_t cpus_ = workload_.cpus();
  Schedule schedule_;
};

}  // namespace

size_t place_of(const Workload& workload, JobId id) {
  const size_t order = id.value - 1;
  const size_t old = workload.running.size();
  return order < old ? workload.jobs.size() + order : order - old;
}

Result<Schedule> replay(const Workload& workload, const ReplayOptions& options) {
  return Replay(workload, options).run();
}

}  // namespace gd::sim
