// Submissions, and what is asked of jobs that exist.
#include "base/text.h"
#include "server/controller/handlers.h"

namespace gd::controller {
namespace {

// Ended, or never there: one text for both, and for what may not be seen.
Error no_such_job(JobId job) {
  return {ErrorCode::not_found, "job " + std::to_string(job.value) + ": no such job"};
}

Result<void> check_sizes(const SubmitRequest& request) {
  if (request.script.size() > kMaxScriptBytes) {
    return Error{ErrorCode::invalid, "script has " + std::to_string(request.script.size()) +
                                         " bytes, at most " + std::to_string(kMaxScriptBytes) +
                                         " are allowed"};
  }
  if (request.environment.size() > kMaxEnvironmentBytes) {
    return Error{ErrorCode::invalid,
                 "environment has " + std::to_string(request.environment.size()) +
                     " bytes, at most " + std::to_string(kMaxEnvironmentBytes) + " are allowed"};
  }
  return {};
}

Result<SubmitReply> submit(Hub& hub, const Origin& origin, SubmitRequest&& request) {
  TRY(auth::may_act(origin.caller, auth::Action::submit, origin.caller.uid, hub.rules()));
  TRY(check_sizes(request));
  if (!request.test_only) TRY(hub.parts.store->check_space());
  core::Submit command;
  command.actor = hub.actor_of(origin.caller);
  command.request = request.request;
  command.spec = std::move(request.spec);
  command.test_only = request.test_only;
  if (!request.test_only) {
    const bool has_script = command.spec.kind == JobKind::batch || !request.script.empty();
    if (has_script) command.script = hub.blobs.add(request.script, hub.turn.writes);
    command.environment = hub.blobs.add(request.environment, hub.turn.writes);
  }
  core::Decision decision = TRY(hub.run(command));
  auto& submitted = std::get<core::Submitted>(decision.reply);
  return SubmitReply{submitted.job, std::move(submitted.warnings), submitted.expected_start,
                     std::move(submitted.expected_nodes)};
}

// Runs a command about several jobs and answers with what came of each.
void run_for_jobs(Hub& hub, const Origin& origin, const core::Command& command) {
  Result<core::Decision> reply = hub.run(command);
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.reply(origin, std::get<JobsReply>(reply->reply));
}

// The job, if this caller may do that with it.
Result<const JobRecord*> find_for(Hub& hub, const Origin& origin, JobId id, auth::Action action) {
  const JobRecord* job = hub.cluster.find_job(id);
  if (job == nullptr) return no_such_job(id);
  if (!auth::may_act(origin.caller, auth::Action::see, job->uid, hub.rules()).ok()) {
    return no_such_job(id);
  }
  TRY(auth::may_act(origin.caller, action, job->uid, hub.rules()));
  return job;
}

const StepRecord* find_step(const JobRecord& job, StepId id) {
  for (const StepRecord& step : job.steps) {
    if (step.id == id) return &step;
  }
  return nullptr;
}

Result<StepReply> answer_with_access(Hub& hub, const Origin& origin, JobId id, StepId step_id) {
  const JobRecord* job = hub.cluster.find_job(id);
  if (job == nullptr) return no_such_job(id);
  const std::string name = "job " + std::to_string(id.value);
  const StepRecord* step = find_step(*job, step_id);
  if (step == nullptr) {
    return Error{ErrorCode::not_found, name + " has no step " + std::to_string(step_id.value)};
  }
  if (step->id == kExternStep) {  // a batch step's files can be followed
    return Error{ErrorCode::conflict, name + ": its step has no streams that a client could open"};
  }
  std::vector<StepAccess> access = hub.access_to(*job, *step, origin.peer.public_key);
  if (access.empty()) {
    return Error{ErrorCode::conflict,
                 name + ": a node of it has told no address for interactive steps"};
  }
  return StepReply{id, step->id, std::move(access)};
}

// The job's own terminal, or else its only one.
Result<StepId> one_session(const JobRecord& job) {
  if (find_step(job, kInteractiveStep) != nullptr) return kInteractiveStep;
  const std::string name = "job " + std::to_string(job.id.value);
  std::vector<std::string> found;
  StepId last;
  for (const StepRecord& step : job.steps) {
    if (!step.pty || step.state == StepState::ended) continue;
    last = step.id;
    found.push_back(std::to_string(job.id.value) + "." + std::to_string(step.id.value));
  }
  if (found.empty()) {
    return Error{ErrorCode::not_found, name + " has no interactive step to attach to"};
  }
  if (found.size() > 1) {
    return Error{ErrorCode::conflict, name + " has " + std::to_string(found.size()) +
                                          " sessions; attach to one of " + join(found, ", ")};
  }
  return last;
}

Result<StepReply> attach(Hub& hub, const Origin& origin, const StepRequest& request) {
  const JobRecord* job = TRY(find_for(hub, origin, request.job, auth::Action::attach));
  const std::string name = "job " + std::to_string(request.job.value);
  // Of a job whose output is followed the node keeps the rest for a while.
  const bool rest = job->spec->followed && ended(job->state) && request.attach == kBatchStep;
  if (!allocated(job->state) && !rest) {
    return Error{ErrorCode::conflict,
                 name + " is " + std::string(long_name(job->state)) + ", not running"};
  }
  const StepId wanted = request.attach ? *request.attach : TRY(one_session(*job));
  return answer_with_access(hub, origin, request.job, wanted);
}

Result<StepReply> start_step(Hub& hub, const Origin& origin, StepRequest&& request) {
  TRY(find_for(hub, origin, request.job, auth::Action::attach));
  if (request.environment.size() > kMaxEnvironmentBytes) {
    return Error{ErrorCode::invalid, "environment of the step is too large"};
  }
  core::StartStep command;
  command.actor = hub.actor_of(origin.caller);
  command.environment = hub.blobs.add(request.environment, hub.turn.writes);
  request.environment.clear();
  command.request = std::move(request);
  const core::Decision decision = TRY(hub.run(command));
  const auto& given = std::get<core::StepGiven>(decision.reply);
  return answer_with_access(hub, origin, given.job, given.step);
}

}  // namespace

void on_submit(Hub& hub, const Origin& origin, SubmitRequest&& request) {
  if (request.explain) {
    Result<void> allowed =
        auth::may_act(origin.caller, auth::Action::submit, origin.caller.uid, hub.rules());
    if (allowed.ok()) allowed = check_sizes(request);
    if (!allowed.ok()) return hub.refuse(origin, allowed.error());
    return explain_submission(hub, origin, std::move(request));
  }
  const Result<SubmitReply> reply = submit(hub, origin, std::move(request));
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.reply(origin, *reply);
}

void on_cancel(Hub& hub, const Origin& origin, CancelRequest&& request) {
  run_for_jobs(hub, origin, core::CancelJobs{hub.actor_of(origin.caller), std::move(request)});
}

void on_control(Hub& hub, const Origin& origin, JobControlRequest&& request) {
  run_for_jobs(hub, origin, core::ControlJobs{hub.actor_of(origin.caller), std::move(request)});
}

void on_update(Hub& hub, const Origin& origin, JobUpdateRequest&& request) {
  run_for_jobs(hub, origin, core::UpdateJobs{hub.actor_of(origin.caller), std::move(request)});
}

void on_step(Hub& hub, const Origin& origin, StepRequest&& request) {
  const bool attaching = request.attach.has_value() || request.attach_any;
  const Result<StepReply> reply =
      attaching ? attach(hub, origin, request) : start_step(hub, origin, std::move(request));
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.reply(origin, *reply);
}

void on_wait(Hub& hub, const Origin& origin, WaitRequest&& request) {
  const Result<const JobRecord*> job = find_for(hub, origin, request.job, auth::Action::see);
  if (!job.ok()) return hub.refuse(origin, job.error());
  const bool own =
      auth::may_act(origin.caller, auth::Action::attach, (*job)->uid, hub.rules()).ok();
  if (own && request.keep_alive) {
    const Result<core::Decision> heard =
        hub.run(core::ClientHeard{hub.actor_of(origin.caller), request.job});
    if (!heard.ok()) return hub.refuse(origin, heard.error());
  }
  const Result<void> added =
      hub.waiters.add(request.job, {.route = origin.route,
                                    .tag = origin.tag,
                                    .until = request.until,
                                    .client_key = own ? origin.peer.public_key : ""});
  if (!added.ok()) return hub.refuse(origin, added.error());
  hub.turn.effects.notify.insert(request.job);  // one notice at once, after the commit
}

}  // namespace gd::controller
