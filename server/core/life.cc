// What ends, what is lost, what is sent back.
#include "server/core/life.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "server/core/admission.h"
#include "server/core/more_memory.h"

namespace gd::core {

namespace {

struct Outcome {
  JobState as = JobState::completed;
  Reason reason = Reason::none;
};

// COMPAT: what sacct shows for each way to end.
ExitStatus exit_of(const StepStatus& status) {
  switch (status.cause) {
    case EndCause::time_limit: return {0, 0};
    case EndCause::out_of_memory: return {0, 125};
    case EndCause::launch_failed:
    case EndCause::refused:
    case EndCause::lost: return {1, 0};
    default: return status.exit;
  }
}

Outcome outcome_of(const StepStatus& status) {
  switch (status.cause) {
    case EndCause::time_limit: return {JobState::timeout, Reason::time_limit};
    case EndCause::out_of_memory: return {JobState::out_of_memory, Reason::out_of_memory};
    case EndCause::launch_failed: return {JobState::boot_fail, Reason::launch_failed};
    case EndCause::lost: return {JobState::node_fail, Reason::system_failure};
    case EndCause::client_gone:
    case EndCause::idle: return {JobState::cancelled, Reason::none};
    case EndCause::refused: return {JobState::failed, Reason::launch_failed};
    case EndCause::exited:
    case EndCause::ordered: break;
  }
  if (status.exit.signal != 0) return {JobState::failed, Reason::raised_signal};
  if (status.exit.code != 0) return {JobState::failed, Reason::non_zero_exit};
  return {JobState::completed, Reason::none};
}

bool has_live_step(const JobRecord& job, std::string_view node) {
  return std::any_of(job.steps.begin(), job.steps.end(), [&](const StepRecord& step) {
    const StepShare* share = share_on(step, node);
    return share != nullptr && share->state != StepState::ended;
  });
}

// The worse of two ends: killed is worse than any code.
ExitStatus worse(const ExitStatus& a, const ExitStatus& b) {
  const auto rank = [](const ExitStatus& exit) { return std::pair(exit.signal != 0, exit.code); };
  return rank(b) > rank(a) ? b : a;
}

// What the step is as a whole, from its shares.
void add_up(StepRecord& step) {
  bool all_ended = true;
  bool all_starting = true;
  step.exit = ExitStatus{};
  step.usage = Usage{};
  for (const StepShare& share : step.shares) {
    all_ended = all_ended && share.state == StepState::ended;
    all_starting = all_starting && share.state == StepState::starting;
    step.exit = worse(step.exit, share.exit);
    add(step.usage, share.usage);
  }
  step.state = all_ended      ? StepState::ended
               : all_starting ? StepState::starting
                              : StepState::running;
}

StepShare& part_on(StepRecord& step, std::string_view node) {
  for (StepShare& share : step.shares) {
    if (share.node == node) return share;
  }
  GD_CHECK(false, node);
  return step.shares.front();
}

// All that makes its containers is there.
bool is_open(const JobRecord& job) {
  return std::ranges::all_of(job.steps, [](const StepRecord& step) {
    return !opens_job(step.id) || std::ranges::none_of(step.shares, [](const StepShare& share) {
      return share.state == StepState::starting;
    });
  });
}

std::string memory_text(const JobSpec& spec) {
  if (spec.memory_per_cpu_mib) return format_mib(*spec.memory_per_cpu_mib) + " a cpu";
  return format_mib(spec.memory_per_node_mib.value_or(0));
}

void send_back(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  std::optional<JobSpec> more;
  if (job.reason == Reason::out_of_memory) more = with_more_memory(draft.cluster, job);
  JobRequeued event{.job = id,
                    .reason = job.reason,
                    .text = job.reason_text,
                    .hold = job.hold,
                    .failed = job.reason == Reason::launch_failed,
                    .at = draft.now};
  const bool stays_held = event.hold != HoldKind::none;
  draft.emit(std::move(event));
  if (more) {
    const JobRecord& back = draft.job(id);
    draft.emit(JobUpdated{id, std::make_shared<const JobSpec>(*std::move(more)), back.time_limit,
                          back.eligible_time});
  }
  if (stays_held) return;
  // The node is avoided only where another one could do it.
  const JobRecord& waiting = draft.job(id);
  const Reason reason = first_reason(waiting, draft.now);
  draft.emit(JobWaits{id, reason, waiting.reason_text});
}

// Its process never ran: elsewhere, a few times; then held, or ended if it may not be requeued.
Ending after_failed_launch(const Draft& draft, const JobRecord& job, const StepStatus& status) {
  const ClusterConfig& config = draft.cluster.config();
  Ending ending{.as = JobState::boot_fail, .reason = Reason::launch_failed, .text = status.error};
  if (job.spec->kind != JobKind::batch) return ending;
  const bool last = job.launch_failures + 1 >= config.launch_retries;
  ending.requeue = !last || may_requeue(config, job);
  if (last) ending.hold = HoldKind::user;
  return ending;
}

Ending after_loss(const Draft& draft, const JobRecord& job, Reason reason, std::string text) {
  const ClusterConfig& config = draft.cluster.config();
  Ending ending{.as = JobState::node_fail, .reason = reason, .text = std::move(text)};
  ending.requeue = may_requeue(config, job);
  if (ending.requeue && job.restarts >= config.max_requeues) {
    ending.hold = HoldKind::user;
    ending.reason = Reason::requeue_limit;
  }
  return ending;
}

// What the end of one share means for the job; nothing while others of the step go on.
std::optional<Ending> ending_of(const Draft& draft, const JobRecord& job, const StepRecord& step,
                                std::string_view node, const StepStatus& status) {
  if (status.cause == EndCause::launch_failed) {
    Ending ending = after_failed_launch(draft, job, status);
    ending.avoid = std::string(node);
    return ending;
  }
  const bool place = step.id == kExternStep;
  if (status.cause == EndCause::lost || (place && status.cause != EndCause::refused)) {
    const bool told = !status.error.empty();
    return after_loss(
        draft, job, Reason::system_failure,
        told ? status.error : "node " + std::string(node) + " lost what held the job's place");
  }
  const bool by_itself = status.cause == EndCause::exited || status.cause == EndCause::ordered;
  if (by_itself && step.state != StepState::ended) return std::nullopt;
  StepStatus whole = status;
  whole.exit = step.exit;
  const Outcome outcome = outcome_of(whole);
  Ending ending{.as = outcome.as, .reason = outcome.reason, .text = status.error};
  if (outcome.as == JobState::out_of_memory) {
    if (const auto more = with_more_memory(draft.cluster, job)) {
      ending.requeue = true;
      ending.text =
          "ran out of " + memory_text(*job.spec) + ", runs again with " + memory_text(*more);
    }
  }
  return ending;
}

// Its program was there, whether a report said so before its end or not.
bool has_run(const StepStatus& status) {
  switch (status.cause) {
    case EndCause::exited:
    case EndCause::time_limit:
    case EndCause::out_of_memory:
    case EndCause::client_gone:
    case EndCause::idle: return true;
    default: return false;
  }
}

// Who would have told it is gone.
void tell_unsaved(Draft& draft, JobId id, const StepRecord& step, const std::string& why) {
  constexpr ptrdiff_t kFactsBefore = 4;  // as the node puts it: of those none is cut off
  if (!is_saved(draft.job(id), step) || draft.job(id).receipts.empty()) return;
  Receipt receipt = received(draft.job(id));
  const auto place = std::min(kFactsBefore, static_cast<ptrdiff_t>(receipt.facts.size()));
  receipt.facts.insert(receipt.facts.begin() + place, "container not saved: " + why);
  draft.emit(JobGot{id, bounded(std::move(receipt))});
}

void finish_share(Draft& draft, JobId id, StepRecord step, std::string_view node,
                  const StepStatus& status) {
  if (status.cause == EndCause::lost) tell_unsaved(draft, id, step, status.error);
  StepShare& share = part_on(step, node);
  const bool first_news = step.state == StepState::starting;
  share.state = StepState::ended;
  share.exit = exit_of(status);
  share.usage = status.usage;
  if (&share == &step.shares.front()) step.series = bounded(status.series);  // of one node
  add_up(step);
  if (first_news && status.started != TimePoint{}) step.start_time = status.started;
  const TimePoint end = status.ended == TimePoint{} ? draft.now : status.ended;
  step.end_time = std::max(step.end_time, end);
  const StepRecord known = step;
  draft.emit(StepChanged{id, std::move(step)});

  const JobRecord& job = draft.job(id);
  if (job.state == JobState::completing) {
    // It was to make room, or another node was lost and it was to run again: not if its script
    // has run to its end by itself.
    const bool for_loss = job.reason == Reason::system_failure || job.reason == Reason::node_down;
    const bool to_go = job.preempted.has_value() || (job.requeue_at_end && for_loss);
    const bool whole = known.state == StepState::ended && status.cause == EndCause::exited;
    if (is_first_step(known.id) && to_go && whole) {
      const Outcome outcome = outcome_of(status);
      draft.emit(JobEndChanged{id, outcome.as, {}, false, HoldKind::none, outcome.reason});
    }
    return settle(draft, id);
  }
  if (!opens_job(known.id)) return;
  // What is short has ended when it is first heard of; that it began is told all the same.
  if (job.state == JobState::starting && is_open(job) && has_run(status)) {
    draft.emit(JobBegan{id});
  }
  if (const auto ending = ending_of(draft, draft.job(id), known, node, status)) {
    end_job(draft, id, *ending);
  }
}

// Its program has ended and its container is still being saved: the job's end is begun.
void program_ended(Draft& draft, JobId id, StepRecord step, std::string_view node,
                   const StepStatus& status) {
  if (!is_first_step(step.id) || draft.job(id).state != JobState::running) return;
  StepRecord lives_on = step;
  StepShare& share = part_on(step, node);
  share.state = StepState::ended;
  share.exit = exit_of(status);
  add_up(step);
  const auto ending = ending_of(draft, draft.job(id), step, node, status);
  if (!ending) return;
  lives_on.end_time = draft.now;
  draft.emit(StepChanged{id, std::move(lives_on)});
  end_job(draft, id, *ending);
}

// Signals that every step they are meant for has been given.
void settle_signals(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  uint64_t done = 0;
  for (const PendingSignal& signal : job.signals) {
    const bool open = std::any_of(job.steps.begin(), job.steps.end(), [&](const StepRecord& step) {
      if (signal.step && *signal.step != step.id) return false;
      if (!signal.step && signal.batch_only && step.id != kBatchStep) return false;
      if (step.id == kExternStep) return false;  // nothing runs there that could be signalled
      const StepKey key{id, job.launch, step.id};
      return std::ranges::any_of(step.shares, [&](const StepShare& share) {
        return share.state != StepState::ended && draft.delivered(key, share.node) < signal.serial;
      });
    });
    if (open) break;
    done = signal.serial;
  }
  if (done != 0) draft.emit(SignalsDone{id, done});
}

}  // namespace

bool is_saved(const JobRecord& job, const StepRecord& step) {
  return is_first_step(step.id) && step.state != StepState::ended && step.end_time != TimePoint{} &&
         !job.spec->image.save.empty();
}

bool may_requeue(const ClusterConfig& config, const JobRecord& job) {
  return job.spec->kind == JobKind::batch && job.spec->requeue.value_or(config.job_requeue);
}

Reason first_reason(const JobRecord& job, TimePoint now) {
  switch (job.dependency.state()) {
    case DependencyState::waiting: return Reason::dependency;
    case DependencyState::failed: return Reason::dependency_never_satisfied;
    case DependencyState::satisfied: break;
  }
  if (job.eligible_time > now) return Reason::begin_time;
  return Reason::priority;
}

void settle(Draft& draft, JobId id) {
  std::vector<std::string> empty;
  for (const NodeShare& share : draft.job(id).nodes) {
    if (!share.released && !has_live_step(draft.job(id), share.node)) empty.push_back(share.node);
  }
  for (std::string& node : empty) draft.emit(ShareReleased{id, std::move(node)});

  const JobRecord& job = draft.job(id);
  const bool all_released = std::all_of(job.nodes.begin(), job.nodes.end(),
                                        [](const NodeShare& share) { return share.released; });
  if (!all_released) return;
  if (job.requeue_at_end) return send_back(draft, id);
  draft.emit(JobEnded{id, job.end_as.value_or(JobState::failed), job.reason, job.reason_text,
                      job.cancelled_by, draft.now});
}

void end_job(Draft& draft, JobId id, const Ending& ending) {
  const JobRecord& job = draft.job(id);
  if (ended(job.state)) return;
  if (job.state == JobState::pending) {
    draft.emit(JobEnded{id, ending.as, ending.reason, ending.text, ending.by, draft.now});
  } else if (job.state == JobState::completing) {
    draft.emit(JobEndChanged{id, ending.as, ending.by, ending.requeue, ending.hold, {}});
  } else {
    draft.emit(JobEnding{id, ending.as, ending.reason, ending.text, ending.by, ending.requeue,
                         ending.hold, ending.avoid, ending.exit, ending.preempted});
    settle(draft, id);
  }
}

void take_status(Draft& draft, std::string_view node, const StepStatus& status) {
  const JobRecord* job = draft.find(status.job);
  if (job == nullptr || job->launch != status.launch || !allocated(job->state)) return;
  const StepRecord* known = find_step(*job, status.step);
  const StepShare* share = known == nullptr ? nullptr : share_on(*known, node);
  if (share == nullptr || share->state == StepState::ended) return;
  const bool place = job->spec->kind == JobKind::allocation && opens_job(status.step);
  const bool tells = is_first_step(status.step) || place;
  // How its container was saved is known at the end.
  const bool more = status.phase == StepPhase::ended && is_first_step(status.step) &&
                    !job->spec->image.save.empty() && bounded(status.receipt) != received(*job);
  if (tells && status.receipt.given() && (job->receipts.empty() || more)) {
    draft.emit(JobGot{job->id, bounded(status.receipt)});
    job = draft.find(status.job);
    known = find_step(*job, status.step);
    share = share_on(*known, node);
  }
  if (status.phase == StepPhase::ended) return finish_share(draft, job->id, *known, node, status);

  const JobId id = job->id;
  const bool news = job->state == JobState::starting && opens_job(status.step) &&
                    status.phase == StepPhase::accepted && status.waits != job->reason_text;
  if (news) {
    const Reason reason = status.waits.empty() ? Reason::none : Reason::image_pull;
    draft.emit(JobWaits{id, reason, status.waits});
  }
  if (status.phase == StepPhase::running && share->state == StepState::starting) {
    StepRecord step = *known;
    if (step.state == StepState::starting) step.start_time = status.started;
    part_on(step, node).state = StepState::running;
    add_up(step);
    draft.emit(StepChanged{id, std::move(step)});
    const JobRecord& now = draft.job(id);
    if (now.state == JobState::starting && is_open(now)) draft.emit(JobBegan{id});
  }
  if (status.phase == StepPhase::running && !status.waits.empty()) {
    program_ended(draft, id, *find_step(draft.job(id), status.step), node, status);
  }
  draft.note_delivered({status.job, status.launch, status.step}, status.signal_serial);
  if (!draft.job(id).signals.empty()) settle_signals(draft, id);
}

bool holds(const JobRecord& job, std::string_view node) {
  return allocated(job.state) &&
         std::any_of(job.nodes.begin(), job.nodes.end(),
                     [&](const NodeShare& share) { return share.node == node && !share.released; });
}

void lose_share(Draft& draft, JobId id, std::string_view node, const std::string& why) {
  if (!holds(draft.job(id), node)) return;  // another loss of this moment has ended it
  for (const StepRecord& known : std::vector<StepRecord>(draft.job(id).steps)) {
    const StepShare* share = share_on(known, node);
    if (share == nullptr || share->state == StepState::ended) continue;
    StepRecord step = known;
    tell_unsaved(draft, id, step, why);
    StepShare& part = part_on(step, node);
    part.state = StepState::ended;
    part.exit = {1, 0};
    add_up(step);
    step.end_time = draft.now;
    draft.emit(StepChanged{id, std::move(step)});
  }
  const JobRecord& job = draft.job(id);
  if (job.state == JobState::completing) return settle(draft, id);
  end_job(draft, id, after_loss(draft, job, Reason::node_down, why));
}

void lose_node(Draft& draft, const NodeEntry& node, const std::string& why) {
  for (const JobId id : node.jobs) lose_share(draft, id, node.record.name, why);
}

}  // namespace gd::core
