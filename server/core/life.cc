// What ends, what is lost, what is sent back.
#include "server/core/life.h"

#include <algorithm>

#include "server/core/admission.h"

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
    case EndCause::client_gone: return {JobState::cancelled, Reason::none};
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
    return step.node == node && step.state != StepState::ended;
  });
}

void send_back(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  JobRequeued event{.job = id,
                    .reason = job.reason,
                    .text = job.reason_text,
                    .hold = job.hold,
                    .failed = false,
                    .avoid = {},
                    .at = draft.now};
  if (job.reason == Reason::launch_failed) {
    event.failed = true;
    event.avoid = job.batch_node;
  }
  const bool stays_held = event.hold != HoldKind::none;
  draft.emit(std::move(event));
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

void finish_step(Draft& draft, JobId id, StepRecord step, const StepStatus& status) {
  step.state = StepState::ended;
  step.exit = exit_of(status);
  step.usage = status.usage;
  if (status.started != TimePoint{}) step.start_time = status.started;
  step.end_time = status.ended == TimePoint{} ? draft.now : status.ended;
  const StepId step_id = step.id;
  draft.emit(StepChanged{id, std::move(step)});

  const JobRecord& job = draft.job(id);
  if (job.state == JobState::completing) return settle(draft, id);
  if (!is_first_step(step_id)) return;
  Ending ending;
  if (status.cause == EndCause::launch_failed) {
    ending = after_failed_launch(draft, job, status);
  } else if (status.cause == EndCause::lost) {
    ending = after_loss(draft, job, Reason::system_failure, status.error);
  } else {
    const Outcome outcome = outcome_of(status);
    ending = Ending{.as = outcome.as, .reason = outcome.reason, .text = status.error};
  }
  end_job(draft, id, ending);
}

// Signals that every step they are meant for has been given.
void settle_signals(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  uint64_t done = 0;
  for (const PendingSignal& signal : job.signals) {
    const bool open = std::any_of(job.steps.begin(), job.steps.end(), [&](const StepRecord& step) {
      if (step.state == StepState::ended) return false;
      if (signal.step && *signal.step != step.id) return false;
      if (!signal.step && signal.batch_only && step.id != kBatchStep) return false;
      return draft.delivered({id, job.launch, step.id}, step.node) < signal.serial;
    });
    if (open) break;
    done = signal.serial;
  }
  if (done != 0) draft.emit(SignalsDone{id, done});
}

}  // namespace

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
    draft.emit(JobEndChanged{id, ending.as, ending.by, ending.requeue, ending.hold});
  } else {
    draft.emit(JobEnding{id, ending.as, ending.reason, ending.text, ending.by, ending.requeue,
                         ending.hold});
    settle(draft, id);
  }
}

void take_status(Draft& draft, std::string_view node, const StepStatus& status) {
  const JobRecord* job = draft.find(status.job);
  if (job == nullptr || job->launch != status.launch || !allocated(job->state)) return;
  const StepRecord* known = find_step(*job, status.step);
  if (known == nullptr || known->node != node || known->state == StepState::ended) return;
  if (status.phase == StepPhase::ended) return finish_step(draft, job->id, *known, status);

  const JobId id = job->id;
  const bool news = job->state == JobState::starting && is_first_step(status.step) &&
                    status.phase == StepPhase::accepted && status.waits != job->reason_text;
  if (news) {
    const Reason reason = status.waits.empty() ? Reason::none : Reason::image_pull;
    draft.emit(JobWaits{id, reason, status.waits});
  }
  if (status.phase == StepPhase::running && known->state == StepState::starting) {
    StepRecord step = *known;
    step.state = StepState::running;
    step.start_time = status.started;
    const bool first = is_first_step(step.id);
    draft.emit(StepChanged{id, std::move(step)});
    if (first && draft.job(id).state == JobState::starting) draft.emit(JobBegan{id});
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
    if (known.node != node || known.state == StepState::ended) continue;
    StepRecord step = known;
    step.state = StepState::ended;
    step.exit = {1, 0};
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
