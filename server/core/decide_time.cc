// What happens because time passes, and the scheduling pass.
#include <algorithm>

#include "server/core/admission.h"
#include "server/core/associations.h"
#include "server/core/dependencies.h"
#include "server/core/image_policy.h"
#include "server/core/life.h"
#include "server/core/mail.h"
#include "server/core/opening_steps.h"
#include "server/core/preempt.h"
#include "server/core/select.h"
#include "server/core/verbs.h"
#include "server/sched/plan.h"

namespace gd::core {

namespace {

constexpr size_t kTimersPerTick = 10'000;  // the next tick goes on
constexpr size_t kReasonsPerShape = 100;   // jobs of a shape whose reason a pass looks at
constexpr size_t kReasonsInARow = 16;      // are right, so the rest of the shape is taken to be
constexpr size_t kReasonsPerPass = 2'000;

void on_timer(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  if (ended(job.state)) {
    // Its end must be in the history first: a batch that holds both would keep neither.
    if (!draft.cluster.changes().jobs.contains(id)) draft.emit(JobPurged{id});
  } else if (job.state == JobState::running) {
    if (const MailEvents marks = time_marks_at(job, draft.now); marks != 0) {
      draft.emit(TimeMarked{id, marks});
    }
    const bool watched = draft.job(id).spec->kind != JobKind::allocation;  // by its shepherd
    if (watched || draft.job(id).start_time + *draft.job(id).time_limit > draft.now) return;
    end_job(draft, id, Ending{.as = JobState::timeout, .reason = Reason::time_limit});
  } else if (job.spec->deadline && *job.spec->deadline <= draft.now) {
    end_job(draft, id, Ending{.as = JobState::deadline});
  } else if (job.reason != Reason::begin_time) {
    settle_dependency(draft, id);  // so long after another one's start
  } else {
    draft.emit(JobEligible{id});
    Obstacle obstacle = obstacle_of(draft.cluster, draft.job(id));
    if (obstacle.reason != Reason::priority) {
      draft.emit(JobWaits{id, obstacle.reason, std::move(obstacle.text)});
    }
  }
}

void watch_node(Draft& draft, const NodeEntry& node) {
  const ClusterConfig& config = draft.cluster.config();
  const Milliseconds silent = draft.now - node.record.last_heard;
  if (node.record.state != NodeState::down && silent > config.node_timeout) {
    NodeRecord record = node.record;
    record.state = NodeState::down;
    if (!record.drained) {
      record.reason = "not heard of";
      record.reason_uid = 0;
      record.reason_time = draft.now;
    }
    draft.emit(NodeChanged{std::move(record)});
  }
  if (config.node_lost_after && silent > *config.node_lost_after && !node.jobs.empty()) {
    lose_node(draft, node,
              "node " + node.record.name + " was not heard of for " +
                  std::to_string(config.node_lost_after->count()) + " s");
  }
}

// Not if the configuration has changed since it was last looked at, so that it may not.
bool start(Draft& draft, const sched::Start& start) {
  const JobRecord& waiting = draft.job(start.job);
  if (std::optional<Obstacle> obstacle = limit_obstacle(draft.cluster, waiting)) {
    draft.emit(JobWaits{waiting.id, obstacle->reason, std::move(obstacle->text)});
    return false;
  }
  const bool several = waiting.array && waiting.array->elements.size() > 1;
  JobId id = waiting.id;
  if (several) id = split_off(draft, id, IndexSet::of(waiting.array->elements.front()));
  const JobRecord& job = draft.job(id);
  JobAllocated event;
  event.job = job.id;
  event.launch = draft.new_launch();
  event.shares = shares_of(draft.cluster, start.placement);
  event.partition = draft.cluster.partitions()[start.placement.partition.value].name;
  event.batch_node = event.shares.front().node;
  event.at = draft.now;
  event.steps = opening_steps(job, event.shares, draft.now);
  draft.emit(std::move(event));
  return true;
}

// Says whether it was another one.
bool give_reason(Draft& draft, JobId id, Reason reason, const std::string& more = {}) {
  const JobRecord& job = draft.job(id);
  if (job.reason == reason) return false;
  // After a failed launch or a lost node the text says more than the pass can.
  const bool keeps_text = reason == Reason::priority || reason == Reason::resources;
  std::string text = keeps_text && job.restarts > 0 ? job.reason_text : std::string();
  if (!more.empty()) text = more;
  if (reason == Reason::partition_config) text = obstacle_of(draft.cluster, job).text;
  draft.emit(JobWaits{id, reason, std::move(text)});
  return true;
}

// What a pass found out about a shape or a lane goes for its jobs that it did not look at.
class GroupReasons {
 public:
  // `done`: the jobs that have their reason already, in order.
  GroupReasons(Draft& draft, const std::vector<JobId>& done) : draft_(draft), done_(done) {}

  void give_to_lane(const sched::PendingQueue::Lanes& lanes, const sched::LaneVerdict& verdict) {
    limited_.emplace(verdict.shape, verdict.standing);
    begin();
    give(lanes.at(verdict.standing), verdict.reason, verdict.text);
  }
  void give_to_shape(const sched::PendingQueue::Lanes& lanes, const sched::ShapeVerdict& verdict) {
    begin();
    for (const auto& [standing, jobs] : lanes) {
      if (limited_.contains({verdict.shape, standing})) continue;
      if (!give(jobs, verdict.reason, {})) return;
    }
  }

 private:
  void begin() {
    left_ = kReasonsPerShape;
    right_ = 0;
  }
  bool give(const sched::PendingQueue::Jobs& jobs, Reason reason, const std::string& text) {
    for (const sched::QueueKey& key : jobs) {
      if (left_ == 0 || budget_ == 0 || right_ == kReasonsInARow) return false;
      if (std::binary_search(done_.begin(), done_.end(), key.job)) continue;
      --left_;
      --budget_;
      right_ = give_reason(draft_, key.job, reason, text) ? 0 : right_ + 1;
    }
    return true;
  }

  Draft& draft_;
  const std::vector<JobId>& done_;
  std::set<std::pair<sched::ShapeId, sched::Standing>> limited_;
  size_t budget_ = kReasonsPerPass;
  size_t left_ = 0;   // of this group
  size_t right_ = 0;  // in a row
};

// The first word on each job counts. In the order of their ids, so that looking so many jobs up
// goes along the table and not to and fro in it. Gives those ids.
std::vector<JobId> give_own_reasons(Draft& draft, const sched::Plan& plan) {
  struct Word {
    JobId job;
    const sched::Verdict* verdict = nullptr;  // null: it has started, or has a reason already
  };
  std::vector<Word> words;
  words.reserve(plan.starts.size() + plan.verdicts.size());
  for (const sched::Start& start : plan.starts) {
    const JobRecord& job = draft.job(start.job);
    if (job.state != JobState::pending || is_refusal(job.reason)) words.push_back({start.job});
  }
  for (const sched::Preemption& one : plan.preemptions) {  // an array's other elements go on
    const JobRecord& job = draft.job(one.job);
    if (!job.takeover.empty() || is_refusal(job.reason)) words.push_back({one.job});
  }
  for (const sched::Verdict& verdict : plan.verdicts) words.push_back({verdict.job, &verdict});
  std::stable_sort(words.begin(), words.end(),
                   [](const Word& a, const Word& b) { return a.job < b.job; });
  std::vector<JobId> done;
  done.reserve(words.size());
  for (const Word& word : words) {
    if (!done.empty() && done.back() == word.job) continue;
    done.push_back(word.job);
    if (word.verdict == nullptr) continue;
    give_reason(draft, word.job, word.verdict->reason, word.verdict->text);
  }
  return done;
}

void give_reasons(Draft& draft, const sched::Plan& plan) {
  const std::vector<JobId> done = give_own_reasons(draft, plan);
  GroupReasons groups(draft, done);
  const auto& by_shape = draft.cluster.queue().by_shape();
  for (const sched::LaneVerdict& verdict : plan.lanes) {
    groups.give_to_lane(by_shape.at(verdict.shape), verdict);
  }
  for (const sched::ShapeVerdict& verdict : plan.shapes) {
    groups.give_to_shape(by_shape.at(verdict.shape), verdict);
  }
}

// Jobs that their partition did not take: the configuration may have changed.
void look_again(Draft& draft) {
  size_t left = kReasonsPerPass;
  for (const JobId id : draft.cluster.refused_jobs()) {
    if (left-- == 0) return;
    Obstacle obstacle = obstacle_of(draft.cluster, draft.job(id));
    if (obstacle.reason == draft.job(id).reason) continue;
    draft.emit(JobWaits{id, obstacle.reason, std::move(obstacle.text)});
  }
}

void note_promises(Draft& draft, const sched::Plan& plan) {
  Promised event;
  std::map<JobId, TimePoint> promises;
  for (const sched::Promise& promise : plan.promises) {
    // Of an array several may be promised: the first is when its record is expected to start.
    if (!promises.emplace(promise.job, promise.at).second) continue;
    event.jobs.push_back({promise.job, promise.at});
  }
  if (promises != draft.cluster.promises()) draft.emit(std::move(event));
}

void note_fetches(Draft& draft, const sched::Plan& plan) {
  FetchesAhead fetches = fetches_ahead(draft.cluster, plan, draft.now);
  if (fetches != draft.cluster.fetches_ahead()) draft.emit(FetchesWanted{std::move(fetches)});
}

// Who has had least, if the last answer is too old; else nothing.
std::vector<double> rank_shares(Draft& draft) {
  if (draft.cluster.config().policy.weights.fair_share == 0) return {};
  const std::optional<TimePoint> last = draft.cluster.ranked_at();
  if (last && *last <= draft.now && draft.now - *last < sched::kRankEvery) return {};
  std::vector<double> factors =
      draft.cluster.fair_share().ranked(draft.cluster.limits().ledger(), draft.now);
  draft.emit(SharesRanked{draft.now, factors});
  return factors;
}

// When the silence of its client ends an interactive job. One that stays is held by nobody once
// it runs: until its end, its time limit, or the idle limit that its node keeps.
std::optional<TimePoint> silence_ends(const JobRecord* job, TimePoint heard,
                                      const ClusterConfig& config) {
  if (job == nullptr || ended(job->state) || job->state == JobState::completing) return {};
  if (job->spec->stays && allocated(job->state)) return {};
  return heard + config.client_silence;
}

}  // namespace

Result<Reply> tick(Draft& draft) {
  size_t left = kTimersPerTick;
  for (const auto& [due, id] : draft.cluster.timers()) {
    if (due > draft.now || left-- == 0) break;
    on_timer(draft, id);
  }
  for (const auto& [name, node] : draft.cluster.nodes()) watch_node(draft, node);
  watch_reservations(draft);
  watch_usage_reset(draft);
  const std::optional<TimePoint> pass_at = draft.cluster.pass_at();
  if (pass_at && *pass_at <= draft.now) draft.emit(PassDue{});
  for (const auto& [id, heard] : draft.cluster.clients()) {
    const auto end = silence_ends(draft.find(id), heard, draft.cluster.config());
    if (!end || draft.now <= *end) continue;
    end_job(draft, id,
            Ending{.as = JobState::cancelled,
                   .reason = Reason::none,
                   .text = "its client was not heard of"});
  }
  return Reply{Done{}};
}

std::optional<TimePoint> next_timer(const Cluster& cluster, TimePoint now) {
  std::optional<TimePoint> next;
  const auto at = [&](TimePoint due) { next = next ? std::min(*next, due) : due; };
  if (!cluster.timers().empty()) at(cluster.timers().begin()->first);
  const ClusterConfig& config = cluster.config();
  for (const auto& [name, node] : cluster.nodes()) {
    const TimePoint heard = node.record.last_heard + Milliseconds{1};
    if (node.record.state != NodeState::down) at(heard + config.node_timeout);
    if (config.node_lost_after && !node.jobs.empty()) at(heard + *config.node_lost_after);
  }
  for (const auto& [id, heard] : cluster.clients()) {
    const auto end = silence_ends(cluster.find_job(id), heard, config);
    if (end) at(*end + Milliseconds{1});
  }
  for (const auto& [name, entry] : cluster.reservations()) {
    at(entry.begun ? entry.record.end : entry.record.start);
  }
  if (cluster.pass_at()) at(*cluster.pass_at());
  if (const auto due = usage_reset_due(cluster)) at(*due);
  if (next) next = std::max(*next, now);
  return next;
}

Result<Reply> schedule(Draft& draft) {
  sched::View view = draft.cluster.view(draft.now);
  const std::vector<double> factors = rank_shares(draft);
  if (!factors.empty()) view.fair_share = factors;
  const sched::Plan plan = sched::plan(draft.cluster.config().policy, view);
  uint32_t started = 0;
  for (const sched::Start& one : plan.starts) started += start(draft, one) ? 1 : 0;
  for (const sched::Preemption& one : plan.preemptions) preempt(draft, one);
  for (const JobId job : plan.dropped) give_up_place(draft, job);
  if (plan.again_at != draft.cluster.pass_at()) draft.emit(PassWanted{plan.again_at});
  give_reasons(draft, plan);
  look_again(draft);
  note_promises(draft, plan);
  note_fetches(draft, plan);
  return Reply{Passed{started, plan.more || started < plan.starts.size()}};
}

}  // namespace gd::core
