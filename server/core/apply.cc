// One function for each event on a job's record, one for each on the cluster.
#include "server/core/apply.h"

#include <algorithm>
#include <type_traits>

#include "base/check.h"
#include "server/core/transition.h"

namespace gd::core {

namespace {

void move_to(JobRecord& job, Happening on, JobState to) {
  GD_CHECK(may(job.state, on, to), job.id, static_cast<int>(job.state), static_cast<int>(on),
           static_cast<int>(to));
  job.state = to;
}

void forget_life(JobRecord& job) {
  job.nodes.clear();
  job.steps.clear();
  job.signals.clear();
  job.batch_node.clear();
  job.partition.clear();
  job.end_as.reset();
  job.cancelled_by.reset();
  job.requeue_at_end = false;
  job.start_time = TimePoint{};
  job.end_time = TimePoint{};
  job.exit = ExitStatus{};
  job.next_step = 0;
  job.told = 0;
  job.receipts.clear();
  job.preempted.reset();
}

struct JobApplier {
  JobRecord& job;

  void operator()(const JobWaits& e) const {
    job.reason = e.reason;
    job.reason_text = e.text;
  }
  void operator()(const JobHeld& e) const {
    job.hold = e.kind;
    job.reason = e.reason;
    job.reason_text = e.text;
  }
  void operator()(const JobReleased&) const {
    job.hold = HoldKind::none;
    job.reason = Reason::none;
    job.reason_text.clear();
    job.launch_failures = 0;
    job.avoid.clear();
  }
  void operator()(const JobEligible&) const { job.reason = Reason::priority; }
  void operator()(const JobUpdated& e) const {
    job.takeover.clear();  // it may need something else now
    job.spec = e.spec;
    job.time_limit = e.time_limit;
    job.eligible_time = e.eligible;
  }
  void operator()(const JobSplit& e) const {
    job.array->elements = job.array->elements.minus(e.part.array->elements);
  }
  void operator()(const DependencySet& e) const {
    job.dependency = e.dependency;
    job.eligible_time = e.eligible;
  }
  void operator()(const ArrayLimitSet& e) const { job.array->limit = e.limit; }
  void operator()(const JobAllocated& e) const {
    move_to(job, Happening::allocated, JobState::starting);
    job.reason = Reason::none;
    job.reason_text.clear();
    job.launch = e.launch;
    job.nodes = e.shares;
    job.partition = e.partition;
    job.batch_node = e.batch_node;
    job.steps = e.steps;
    job.start_time = e.at;
  }
  void operator()(const JobBegan&) const {
    move_to(job, Happening::began, JobState::running);
    job.reason = Reason::none;  // it may have waited for its image
    job.reason_text.clear();
    job.launch_failures = 0;
    job.avoid.clear();
  }
  void operator()(const JobGot& e) const { job.receipts = {e.receipt}; }
  void operator()(const TakeoverBegun& e) const { job.takeover = {e.takeover}; }
  void operator()(const TakeoverEnded&) const { job.takeover.clear(); }
  void operator()(const JobEnding& e) const {
    move_to(job, Happening::end_begun, JobState::completing);
    job.end_as = e.end_as;
    job.reason = e.reason;
    job.reason_text = e.text;
    job.cancelled_by = e.by;
    job.requeue_at_end = e.requeue;
    job.hold = e.hold;
    if (e.avoid) job.avoid.push_back(*e.avoid);
    if (e.exit) job.exit = *e.exit;
    job.preempted = e.preempted;
    job.signals.clear();  // what is being ended is not signalled any more
  }
  void operator()(const JobEndChanged& e) const {
    job.end_as = e.end_as;
    job.cancelled_by = e.by;
    job.requeue_at_end = e.requeue;
    job.hold = e.hold;
    if (e.end_as != JobState::preempted) job.preempted.reset();
    if (!e.reason) return;
    job.reason = *e.reason;
    job.reason_text.clear();
  }
  void operator()(const ShareReleased& e) const {
    for (NodeShare& share : job.nodes) {
      if (share.node == e.node) share.released = true;
    }
  }
  void operator()(const JobEnded& e) const {
    const Happening on = job.state == JobState::completing ? Happening::released
                         : e.state == JobState::deadline   ? Happening::expired
                                                           : Happening::withdrawn;
    move_to(job, on, e.state);
    job.reason = e.reason;
    job.reason_text = e.text;
    job.cancelled_by = e.by;
    job.hold = HoldKind::none;
    job.end_as.reset();
    job.requeue_at_end = false;
    job.signals.clear();
    job.end_time = e.at;
  }
  void operator()(const JobRequeued& e) const {
    move_to(job, Happening::sent_back, JobState::pending);
    forget_life(job);
    job.reason = e.reason;
    job.reason_text = e.text;
    job.hold = e.hold;
    ++job.restarts;
    job.launch_failures = e.failed ? job.launch_failures + 1 : 0;
  }
  void operator()(const JobSignalled& e) const { job.signals.push_back(e.signal); }
  void operator()(const TimeMarked& e) const { job.told |= e.marks; }
  void operator()(const SignalsDone& e) const {
    std::erase_if(job.signals, [&](const PendingSignal& s) { return s.serial <= e.serial; });
  }
  void operator()(const StepAdded& e) const {
    job.steps.push_back(e.step);
    if (e.step.id.value >= job.next_step && e.step.id < kInteractiveStep) {
      job.next_step = e.step.id.value + 1;
    }
  }
  void operator()(const StepChanged& e) const {
    for (StepRecord& step : job.steps) {
      if (step.id == e.step.id) step = e.step;
    }
    if (e.step.state != StepState::ended) return;
    if (is_first_step(e.step.id)) job.exit = e.step.exit;
  }
};

template <class E>
concept OnJob = requires(JobApplier on, const E& event) {
  on(event);
};

template <OnJob E>
void apply_one(JobRecord& job, const E& event) {
  JobApplier{job}(event);
  if (!belongs_in_queue(job)) job.takeover.clear();  // only who could start has something kept
}

}  // namespace

void apply_to_job(JobRecord& job, const Event& event) {
  std::visit(
      [&](const auto& one) {
        if constexpr (OnJob<std::remove_cvref_t<decltype(one)>>) apply_one(job, one);
      },
      event);
}

// ---- the cluster

struct Applier {
  Cluster& c;

  template <OnJob E>
  void operator()(const E& event) const {
    JobEntry& entry = entry_of(event.job);
    c.unindex_job(entry);
    if constexpr (std::is_same_v<E, JobEnded> || std::is_same_v<E, JobRequeued>) {
      charge_life(entry, event.at);
    }
    const bool was_ended = ended(entry.record.state);
    const FinishedKey history{entry.record.end_time, event.job};
    apply_one(entry.record, event);
    if constexpr (std::is_same_v<E, JobUpdated>) entry.record.spec = c.share(entry.record.spec);
    c.index_job(entry);
    c.changes_.jobs.insert(event.job);
    if (was_ended && !ended(entry.record.state)) c.changes_.unfinished.insert(history);
    count(event);
  }

  // A life of a job is over: what it held counts as used by whom it belonged to.
  void charge_life(const JobEntry& entry, TimePoint at) const {
    if (!allocated(entry.record.state)) return;
    const sched::Owner owner = owner_of(entry.record);
    const sched::Run run = run_of(*c.config_, entry.record);
    c.limits_.charge(owner, run, held_by_nodes(entry.record), at);
    c.changes_.usage.insert({run.share, ""});
    c.changes_.usage.insert({{}, owner.qos});
  }

  void operator()(const JobAdded& e) const {
    c.counters_.job = std::max(c.counters_.job, e.job.id.value + 1);
    c.changes_.counters = true;
    if (e.job.spec->kind == JobKind::interactive) c.clients_[e.job.id] = e.job.submit_time;
    c.submit_rate_.count(e.job.uid, c.config_->max_submit_rate, e.job.submit_time);
    c.add_job(e.job);
    c.changes_.jobs.insert(e.job.id);
  }
  void operator()(const JobPurged& e) const {
    const JobRecord gone = entry_of(e.job).record;
    c.remove_job(e.job);
    if (gone.array && gone.id != gone.array->array) remember(gone);
    c.changes_.jobs.insert(e.job);
  }

  void operator()(const NodeCame& e) const {
    c.counters_.session = std::max(c.counters_.session, e.session + 1);
    c.changes_.counters = true;
    NodeEntry& node = c.node_entry(e.info.name);
    node.record.info = e.info;
    node.record.state = node.record.set_down ? NodeState::down : NodeState::up;
    node.record.last_heard = e.at;
    if (!node.record.drained && !node.record.set_down) node.record.reason.clear();
    node.link = NodeLink{};
    node.samples.clear();
    node.link.session = e.session;
    node.link.nonce = e.nonce;
    c.changes_.nodes.insert(e.info.name);
    c.refresh_node(node);
  }
  void operator()(const NodeReported& e) const;
  void operator()(const NodeChanged& e) const {
    NodeEntry& node = c.node_entry(e.node.name);
    node.record = e.node;
    c.changes_.nodes.insert(e.node.name);
    // What it has when it comes back must be told anew before it is given more.
    if (e.node.state != NodeState::up) node.link.complete = false;
    c.refresh_node(node);
  }
  void operator()(const NodeRemoved& e) const {
    c.remove_node(e.node);
    c.changes_.nodes.insert(e.node);
  }
  void operator()(const NodeUnknown&) const {}

  void operator()(const ReservationSet& e) const {
    ReservationEntry& entry = c.reservations_[e.record.name];
    if (entry.id == 0) entry.id = c.next_reservation_++;
    entry.record = e.record;
    entry.begun = false;
    c.changes_.reservations.insert(e.record.name);
    c.refresh_reservations();
  }
  void operator()(const CrontabSet& e) const {
    c.crontabs_[e.record.uid] = e.record;
    c.changes_.crontabs.insert(e.record.uid);
  }
  void operator()(const CrontabRemoved& e) const {
    c.crontabs_.erase(e.uid);
    c.changes_.crontabs.insert(e.uid);
  }
  void operator()(const ReservationBegan& e) const { c.reservations_.at(e.name).begun = true; }
  void operator()(const ReservationRemoved& e) const {
    c.reservations_.erase(e.name);
    c.changes_.reservations.insert(e.name);
    c.refresh_reservations();
  }

  void operator()(const ClientSeen& e) const { c.clients_[e.job] = e.at; }
  void operator()(const PassWanted& e) const { c.pass_at_ = e.at; }
  void operator()(const PassDue&) const { c.pass_at_.reset(); }
  void operator()(const SharesRanked& e) const {
    c.ranked_at_ = e.at;
    c.fair_share_.set_factors(e.factors);
    FairFactors factors;
    for (const auto& [name, share] : c.fair_share_.names()) factors[name] = e.factors[share];
    c.fair_factors_ = std::make_shared<const FairFactors>(std::move(factors));
  }
  void operator()(const UsageReset& e) const {
    c.reset_usage(e.names, e.at);
    if (!e.by_calendar) return;
    c.counters_.usage_reset = e.at;
    c.changes_.counters = true;
  }
  void operator()(const Promised& e) const {
    c.promises_.clear();
    for (const Promised::One& one : e.jobs) c.promises_[one.job] = one.at;
  }
  void operator()(const FetchesWanted& e) const {
    c.fetches_ahead_ = e.by_node;
    for (auto& [name, node] : c.nodes_) {
      const auto wanted = e.by_node.find(name);
      std::erase_if(node.link.fetches_sent, [&](const ImageFetch& sent) {
        return wanted == e.by_node.end() || !wanted->second.contains(sent);
      });
    }
  }
  void operator()(const Reconfigured& e) const { c.set_config(e.config); }
  void operator()(const AuditEntry& e) const { c.changes_.audit.push_back(e); }

 private:
  JobEntry& entry_of(JobId id) const {
    const auto found = c.jobs_.find(id);
    GD_CHECK(found != c.jobs_.end(), id);
    return found->second;
  }

  // The first record of the array keeps how the others ended.
  void remember(const JobRecord& gone) const {
    JobEntry& first = entry_of(gone.array->array);
    ArrayPart& array = *first.record.array;
    const uint32_t elements = gone.array->elements.size();
    (gone.state == JobState::completed ? array.gone_ok : array.gone_other) += elements;
    array.gone_code = std::max(array.gone_code, exit_code_of(gone));
    c.changes_.jobs.insert(first.record.id);
  }

  // Of steps that are recorded as this node's, and no others: one a step.
  void keep_samples(NodeEntry& node, const std::vector<StepSample>& samples) const {
    node.samples.clear();
    std::set<StepKey> seen;
    for (const StepSample& sample : samples) {
      const StepKey key{sample.job, sample.launch, sample.step};
      if (!c.step_is_current(node.record.name, key) || !seen.insert(key).second) continue;
      StepSample& kept = node.samples[sample.job].emplace_back(sample);
      kept.node = node.record.name;
    }
  }

  // Numbers that were given by this event are not given again.
  void count(const JobAllocated& e) const {
    c.counters_.launch = std::max(c.counters_.launch, e.launch.value + 1);
    c.changes_.counters = true;
    c.promises_.erase(e.job);
  }
  void count(const JobSplit& e) const {
    c.counters_.job = std::max(c.counters_.job, e.part.id.value + 1);
    c.changes_.counters = true;
    c.add_job(e.part);
    c.changes_.jobs.insert(e.part.id);
  }
  void count(const JobSignalled& e) const {
    c.counters_.signal = std::max(c.counters_.signal, e.signal.serial + 1);
    c.changes_.counters = true;
  }
  template <class E>
  void count(const E&) const {}
};

void Applier::operator()(const NodeReported& e) const {
  NodeEntry& node = c.node_entry(e.node);
  NodeLink& link = node.link;
  node.record.last_heard = e.at;
  node.load = e.report.load;
  node.free_memory_mib = e.report.free_memory_mib;
  link.last_report = e.report.number;
  if (e.report.full) {
    link.steps.clear();
    link.strays.clear();
    link.complete = true;
    // What was sent before the last full report and is still not known there was lost.
    std::erase_if(link.launches_sent,
                  [&](const auto& sent) { return sent.second <= link.orders_at_full; });
    link.orders_at_full = link.last_orders;
    keep_samples(node, e.report.samples);
  }
  for (const StepStatus& status : e.report.steps) {
    const StepKey key{status.job, status.launch, status.step};
    link.steps[key] = {status.phase, status.signal_serial, status.time_limit};
    if (status.phase != StepPhase::ended && !c.step_is_current(e.node, key)) {
      link.strays.insert(key);
    } else {
      link.strays.erase(key);
    }
    link.launches_sent.erase(key);
  }
  const sched::Node& row = c.machine_[node.index.value];
  const bool was_open = row.open;
  c.refresh_node(node);
  if (!was_open && row.open) link.opened_by = e.report.number;
}

void apply(Cluster& cluster, const Event& event) {
  std::visit(Applier{cluster}, event);
}

}  // namespace gd::core
