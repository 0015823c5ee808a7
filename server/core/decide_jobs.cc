// What users and administrators ask of jobs that exist.
#include <algorithm>

#include "server/core/admission.h"
#include "server/core/check_form.h"
#include "server/core/cron.h"
#include "server/core/dependencies.h"
#include "server/core/image_policy.h"
#include "server/core/life.h"
#include "server/core/query.h"
#include "server/core/select.h"
#include "server/core/step_layout.h"
#include "server/core/verbs.h"

namespace gd::core {

namespace {

constexpr size_t kMaxPendingSignals = 64;  // of one job, not yet confirmed by its nodes

std::string job_text(JobId id) {
  return "job " + std::to_string(id.value) + ": ";
}

Error conflict(JobId id, const std::string& text) {
  return Error{ErrorCode::conflict, job_text(id) + text};
}

Result<void> check_owner(const Draft& draft, const Actor& actor, JobId id) {
  const JobRecord* job = draft.find(id);
  if (job == nullptr) return no_such_job(id);
  if (!owns(actor, *job)) return not_yours(actor, id);
  return {};
}

bool can_be_signalled(const JobRecord& job) {
  return job.state == JobState::running || job.state == JobState::starting;
}

Result<void> send_signal(Draft& draft, JobId id, const CancelRequest& request) {
  const JobRecord& job = draft.job(id);
  if (!can_be_signalled(job)) {
    return conflict(id, "only running jobs can be sent a signal, this one is " +
                            std::string(long_name(job.state)));
  }
  if (request.step && find_step(job, *request.step) == nullptr) {
    return Error{ErrorCode::not_found,
                 job_text(id) + "no step " + std::to_string(request.step->value)};
  }
  if (job.signals.size() >= kMaxPendingSignals) {
    return Error{ErrorCode::exhausted, job_text(id) + std::to_string(kMaxPendingSignals) +
                                           " signals have not been delivered yet"};
  }
  draft.emit(
      JobSignalled{id, {draft.new_signal(), *request.signal, request.step, request.batch_only}});
  return {};
}

Result<void> cancel_one(Draft& draft, const CancelJobs& command, JobId id) {
  TRY(check_owner(draft, command.actor, id));
  if (command.request.signal) return send_signal(draft, id, command.request);
  if (recurs(draft.job(id)) && !command.request.cron) {
    return Error{ErrorCode::denied,
                 job_text(id) + "Cannot cancel scrontab jobs without --cron flag."};
  }
  end_job(draft, id, Ending{.as = JobState::cancelled, .by = command.actor.uid});
  return {};
}

// Of all jobs, those that are the actor's to end and can be.
std::vector<JobId> found_by(const Cluster& cluster, const CancelJobs& command) {
  std::vector<JobId> found;
  for (const auto& [id, entry] : cluster.jobs()) {
    const JobRecord& job = entry.record;
    if (ended(job.state) || !owns(command.actor, job)) continue;
    if (recurs(job) && !command.request.cron && !command.request.signal) continue;
    if (!matches(command.request.filter, job)) continue;
    if (command.request.signal && !can_be_signalled(job)) continue;
    found.push_back(id);
  }
  return found;
}

// Each record by itself: the first one's id is its array's too, and the others may not match.
JobsReply cancel_found(Draft& draft, const CancelJobs& command) {
  JobsReply reply;
  for (const JobId id : found_by(draft.cluster, command)) {
    const Result<void> done = cancel_one(draft, command, id);
    if (done.ok())
      ++reply.done;
    else
      reply.refused.push_back({id, done.error().code, done.error().text});
  }
  return reply;
}

HoldKind hold_by(const Actor& actor, JobAction action) {
  return actor.administrator && action != JobAction::user_hold ? HoldKind::administrator
                                                               : HoldKind::user;
}

Reason reason_of(HoldKind hold) {
  return hold == HoldKind::administrator ? Reason::job_held_admin : Reason::job_held_user;
}

Result<void> hold_one(Draft& draft, const ControlJobs& command, JobId id) {
  const JobRecord& job = draft.job(id);
  if (job.state != JobState::pending) {
    return conflict(
        id, "only waiting jobs can be held, this one is " + std::string(long_name(job.state)));
  }
  const HoldKind hold = hold_by(command.actor, command.request.action);
  if (job.hold == HoldKind::administrator && hold == HoldKind::user) return {};
  if (job.hold == hold) return {};
  draft.emit(JobHeld{id, hold, reason_of(hold), {}});
  return {};
}

Result<void> release_one(Draft& draft, const ControlJobs& command, JobId id) {
  const JobRecord& job = draft.job(id);
  if (job.state != JobState::pending) {
    return conflict(
        id, "only waiting jobs can be released, this one is " + std::string(long_name(job.state)));
  }
  if (job.hold == HoldKind::none) return {};
  if (job.hold == HoldKind::administrator && !command.actor.administrator) {
    return Error{ErrorCode::denied, job_text(id) + "it is held by an administrator"};
  }
  draft.emit(JobReleased{id});
  draft.emit(waiting_again(draft, draft.job(id)));
  return {};
}

Result<void> requeue_one(Draft& draft, const ControlJobs& command, JobId id) {
  const JobRecord& job = draft.job(id);
  if (job.state == JobState::pending) return conflict(id, "it is waiting already");
  if (ended(job.state) && !job.spec->cron.empty()) {
    return conflict(id, "its crontab has it run again, as another job");
  }
  if (!may_requeue(draft.cluster.config(), job) && !command.actor.administrator) {
    return conflict(id, "it was submitted so that it is not requeued");
  }
  if (job.spec->kind != JobKind::batch) return conflict(id, "only batch jobs can be requeued");
  const bool hold_it = command.request.action == JobAction::requeue_hold;
  const HoldKind hold = hold_it ? hold_by(command.actor, command.request.action) : HoldKind::none;
  if (!ended(job.state)) {
    end_job(draft, id,
            Ending{.as = JobState::cancelled,
                   .reason = hold_it ? reason_of(hold) : Reason::none,
                   .text = {},
                   .by = {},
                   .requeue = true,
                   .hold = hold});
    return {};
  }
  draft.emit(JobRequeued{.job = id,
                         .reason = hold_it ? reason_of(hold) : Reason::priority,
                         .text = {},
                         .hold = hold,
                         .failed = false,
                         .at = draft.now});
  if (!hold_it) draft.emit(waiting_again(draft, draft.job(id)));
  return {};
}

Result<void> finish_one(Draft& draft, const ControlJobs& command, JobId id) {
  const JobRecord& job = draft.job(id);
  if (job.spec->kind != JobKind::allocation) {
    return conflict(id, "it ends with its script or command; only allocations are finished so");
  }
  if (ended(job.state)) return {};
  const int32_t code = command.request.exit_code;
  const bool waited = job.state == JobState::pending;
  Ending ending{.as = waited      ? JobState::cancelled
                      : code == 0 ? JobState::completed
                                  : JobState::failed};
  if (ending.as == JobState::failed) ending.reason = Reason::non_zero_exit;
  if (waited) ending.by = command.actor.uid;
  ending.exit = ExitStatus{.code = code & 0xff, .signal = 0};
  end_job(draft, id, ending);
  return {};
}

Result<void> control_one(Draft& draft, const ControlJobs& command, JobId id) {
  TRY(check_owner(draft, command.actor, id));
  switch (command.request.action) {
    case JobAction::hold:
    case JobAction::user_hold: return hold_one(draft, command, id);
    case JobAction::release: return release_one(draft, command, id);
    case JobAction::requeue:
    case JobAction::requeue_hold: return requeue_one(draft, command, id);
    case JobAction::finish: return finish_one(draft, command, id);
  }
  return Error{ErrorCode::invalid, "unknown action"};
}

bool only_for_running(const JobUpdateRequest& request) {
  return !request.name && !request.partition && !request.begin && !request.nice &&
         !request.priority && !request.cpus_per_task && !request.tasks &&
         !request.memory_per_node_mib && !request.dependency && !request.qos && !request.account &&
         !request.reservation;
}

JobSpec changed(JobSpec spec, const JobUpdateRequest& request) {
  if (request.name) spec.name = *request.name;
  if (request.partition) spec.partition = *request.partition;
  if (request.qos) spec.qos = *request.qos;
  if (request.account) spec.account = *request.account;
  if (request.reservation) spec.reservation = *request.reservation;
  if (request.comment) spec.comment = *request.comment;
  if (request.time_limit) spec.time_limit = request.time_limit;
  if (request.begin) spec.begin = request.begin;
  if (request.nice) spec.nice = *request.nice;
  if (request.priority) spec.priority = request.priority;
  if (request.cpus_per_task) spec.cpus_per_task = request.cpus_per_task;
  if (request.tasks) spec.tasks = request.tasks;
  if (request.requeue) spec.requeue = request.requeue;
  if (request.dependency) spec.dependency = *request.dependency;
  if (request.memory_per_node_mib) {
    spec.memory_per_node_mib = request.memory_per_node_mib;
    spec.memory_per_cpu_mib.reset();
  }
  return spec;
}

Result<void> update_running(Draft& draft, const UpdateJobs& command, const JobRecord& job) {
  if (!only_for_running(command.request)) {
    return conflict(job.id,
                    "of a job that has started only time limit, comment and requeue can "
                    "be changed");
  }
  const std::optional<Seconds> asked = command.request.time_limit;
  const bool longer = asked && job.time_limit && *asked > *job.time_limit;
  if (longer && !command.actor.administrator) {
    return Error{ErrorCode::denied, job_text(job.id) + "the time limit of a running job is " +
                                        std::to_string(job.time_limit->count()) +
                                        " s; only an administrator may raise it"};
  }
  JobSpec spec = changed(*job.spec, command.request);
  TRY(check_form(spec));
  draft.emit(JobUpdated{job.id, std::make_unique<const JobSpec>(std::move(spec)),
                        asked ? asked : job.time_limit, job.eligible_time});
  return {};
}

Result<void> update_waiting(Draft& draft, const UpdateJobs& command, const JobRecord& job) {
  const JobUpdateRequest& request = command.request;
  // Rights that the job was given at another time are kept unless they are asked for again.
  JobSpec asked = changed(*job.spec, request);
  JobSpec judged = asked;
  if (!request.nice) judged.nice = 0;
  if (!request.priority) judged.priority.reset();
  Actor owner = command.actor;
  if (owner.administrator) {  // it stays its user's job, whoever changes it
    owner.uid = job.uid;
    owner.user = job.user;
  }
  Admitted admitted = TRY(admit(draft.cluster, owner, judged));
  judged = *admitted.spec;
  judged.nice = asked.nice;
  judged.priority = asked.priority;

  const JobId id = job.id;
  const TimePoint eligible =
      request.begin ? std::max(job.submit_time, *request.begin) : job.eligible_time;
  draft.emit(JobUpdated{id, std::make_unique<const JobSpec>(std::move(judged)), admitted.time_limit,
                        eligible});
  if (request.dependency) {
    draft.emit(DependencySet{id, std::move(admitted.dependency), eligible});
    settle_dependency(draft, id);
  }
  const JobRecord& now = draft.job(id);
  const bool free = now.state == JobState::pending && now.hold == HoldKind::none;
  if (free) draft.emit(waiting_again(draft, now));
  return {};
}

// How many elements may run at once: of the array as a whole, whichever record was named.
Result<void> update_limit(Draft& draft, const UpdateJobs& command, const JobRecord& job) {
  if (!job.array) return conflict(job.id, "it is no array");
  draft.emit(ArrayLimitSet{job.array->array, *command.request.array_limit});
  return {};
}

Result<void> check_not_own(const JobRecord& job, const JobUpdateRequest& request) {
  const Dependency asked = TRY(parse_dependency(request.dependency.value_or("")));
  for (const DependencyTerm& term : asked.terms) {
    if (term.job != job.id && term.job != array_id_of(job)) continue;
    return Error{ErrorCode::invalid,
                 "dependency: job " + std::to_string(job.id.value) + " would wait for itself"};
  }
  return {};
}

// Terms that could never be satisfied, since they come back to the job.
Result<void> check_circle(const Draft& draft, const JobRecord& job,
                          const JobUpdateRequest& request) {
  if (!request.dependency || job.state != JobState::pending) return {};
  return check_no_circle(draft, job, TRY(parse_dependency(*request.dependency)));
}

Result<void> update_one(Draft& draft, const UpdateJobs& command, JobId id) {
  TRY(check_owner(draft, command.actor, id));
  const JobRecord job = draft.job(id);
  if (command.request.array_limit) {
    TRY(update_limit(draft, command, job));
    JobUpdateRequest nothing{.request = command.request.request, .jobs = command.request.jobs};
    nothing.elements = command.request.elements;
    nothing.array_limit = command.request.array_limit;
    if (nothing == command.request) return {};
  }
  if (ended(job.state) || job.state == JobState::completing) {
    return conflict(id, "it has ended");
  }
  TRY(check_not_own(job, command.request));
  TRY(check_circle(draft, job, command.request));
  if (job.state == JobState::pending) return update_waiting(draft, command, job);
  return update_running(draft, command, job);
}

}  // namespace

JobWaits waiting_again(const Draft& draft, const JobRecord& job) {
  const Reason first = first_reason(job, draft.now);
  if (first != Reason::priority) return {job.id, first, {}};
  Obstacle obstacle = obstacle_of(draft.cluster, job);
  return {job.id, obstacle.reason, std::move(obstacle.text)};
}

Result<Reply> cancel(Draft& draft, const CancelJobs& command) {
  const CancelRequest& request = command.request;
  if (is_empty(request.filter)) {
    return Error{ErrorCode::usage, "no jobs are named, and no condition is given"};
  }
  if (request.signal && (*request.signal < 1 || *request.signal > kMaxSignal)) {
    return Error{ErrorCode::invalid, "signal " + std::to_string(*request.signal) +
                                         " is not between 1 and " + std::to_string(kMaxSignal)};
  }
  const JobFilter& filter = request.filter;
  const bool named = !filter.jobs.empty() || !filter.elements.empty();
  if (!named) return Reply{cancel_found(draft, command)};
  JobFilter rest = filter;
  rest.jobs.clear();
  rest.elements.clear();
  const auto one = [&](JobId id) -> Result<void> {
    const JobRecord* job = draft.find(id);
    if (job != nullptr && !matches(rest, *job)) return {};
    return cancel_one(draft, command, id);
  };
  const Named which = request.signal ? Named::started_only : Named::waiting_too;
  return Reply{for_each_named(draft, {filter.jobs, filter.elements}, which, one)};
}

Result<Reply> control(Draft& draft, const ControlJobs& command) {
  const JobControlRequest& request = command.request;
  const bool again = request.action == JobAction::requeue ||
                     request.action == JobAction::requeue_hold ||
                     request.action == JobAction::finish;
  return Reply{for_each_named(draft, {request.jobs, request.elements},
                              again ? Named::started_only : Named::waiting_too,
                              [&](JobId id) { return control_one(draft, command, id); })};
}

Result<Reply> update(Draft& draft, const UpdateJobs& command) {
  const JobUpdateRequest& request = command.request;
  return Reply{for_each_named(draft, {request.jobs, request.elements}, Named::waiting_too,
                              [&](JobId id) { return update_one(draft, command, id); })};
}

namespace {

StepRecord step_of(const StepRequest& request, std::vector<StepShare> shares) {
  StepRecord step;
  step.request = request.request;
  step.name = request.name;
  if (step.name.empty() && !request.argv.empty()) {
    step.name = request.argv[0].substr(request.argv[0].rfind('/') + 1);
  }
  if (step.name.empty()) step.name = request.programs.empty() ? "shell" : "programs";
  step.shares = std::move(shares);
  step.cyclic = request.cyclic;
  step.cpu_bind = request.cpu_bind;
  step.cpus_per_task = request.cpus_per_task;
  step.memory_mib = request.memory_mib;
  if (request.memory_per_cpu_mib) {  // the same limit on all nodes: that of the one with most
    uint64_t most = 0;
    for (const StepShare& share : step.shares) most = std::max<uint64_t>(most, share.tasks);
    step.memory_mib = *request.memory_per_cpu_mib * most * request.cpus_per_task.value_or(1);
  }
  step.time_limit = request.time_limit;
  step.programs = request.programs;
  step.argv = request.argv;
  step.chdir = request.chdir;
  step.pty = request.pty;
  step.record = request.record;
  step.mounts = request.mounts;
  return step;
}

}  // namespace

Result<Reply> start_step(Draft& draft, const StartStep& command) {
  const StepRequest& request = command.request;
  const JobRecord* job = draft.find(request.job);
  if (job == nullptr) return no_such_job(request.job);
  if (job->uid != command.actor.uid) return not_yours(command.actor, job->id);
  for (const StepRecord& step : job->steps) {
    if (!request.request.given() || step.request != request.request) continue;
    return Reply{StepGiven{job->id, step.id}};
  }
  if (request.request.given() && draft.cluster.find_request(request.request) != nullptr) {
    return Error{ErrorCode::exists, "this request id was used for something else"};
  }
  if (job->state == JobState::starting) {
    // The node's word that it runs may still be on its way: its script can be faster.
    Error error = nodes_busy().in("job " + std::to_string(job->id.value));
    error.text += ": it is " + std::string(long_name(job->state));
    return error;
  }
  if (job->state != JobState::running) {
    return conflict(
        job->id, "steps are for running jobs, this one is " + std::string(long_name(job->state)));
  }
  if (job->steps.size() >= draft.cluster.config().max_steps) {
    return Error{ErrorCode::exhausted,
                 job_text(job->id) + "it has had " + std::to_string(job->steps.size()) +
                     " steps, the limit is " + std::to_string(draft.cluster.config().max_steps)};
  }
  TRY(check_step_form(request));
  std::optional<ImageSpec> image;
  if (request.image) image = TRY(admit_step_image(draft.cluster, *job, *request.image));
  Result<std::vector<StepShare>> shares = lay_out(rooms_of(*job), request);
  if (!shares.ok()) return std::move(shares).error().in("job " + std::to_string(job->id.value));
  StepRecord step = step_of(request, *std::move(shares));
  step.id = StepId{job->next_step};
  step.environment = command.environment;
  step.join_container = !image;
  step.image = std::move(image);
  step.start_time = draft.now;
  StepGiven reply{job->id, step.id};
  draft.emit(StepAdded{job->id, std::move(step)});
  return Reply{std::move(reply)};
}

Result<Reply> client_heard(Draft& draft, const ClientHeard& command) {
  TRY(check_owner(draft, command.actor, command.job));
  const JobRecord& job = draft.job(command.job);
  if (!ended(job.state)) draft.emit(ClientSeen{command.job, draft.now});
  return Reply{Done{}};
}

}  // namespace gd::core
