// The list of what can be asked, and submission.
#include "server/core/decide.h"

#include <algorithm>
#include <type_traits>

#include "proto/index_set.h"
#include "server/core/admission.h"
#include "server/core/associations.h"
#include "server/core/cron.h"
#include "server/core/dependencies.h"
#include "server/core/life.h"
#include "server/core/opening_steps.h"
#include "server/core/orders.h"
#include "server/core/query.h"
#include "server/core/verbs.h"
#include "server/sched/plan.h"

namespace gd::core {

namespace {

struct Chooser {
  Draft& draft;
  Result<Reply> operator()(const Submit& c) const { return submit(draft, c); }
  Result<Reply> operator()(const CancelJobs& c) const { return cancel(draft, c); }
  Result<Reply> operator()(const ControlJobs& c) const { return control(draft, c); }
  Result<Reply> operator()(const UpdateJobs& c) const { return update(draft, c); }
  Result<Reply> operator()(const StartStep& c) const { return start_step(draft, c); }
  Result<Reply> operator()(const UpdateNodes& c) const { return update_nodes(draft, c); }
  Result<Reply> operator()(const NodeArrived& c) const { return node_arrived(draft, c); }
  Result<Reply> operator()(const NodeTold& c) const { return node_told(draft, c); }
  Result<Reply> operator()(const ClientHeard& c) const { return client_heard(draft, c); }
  Result<Reply> operator()(const Tick&) const { return tick(draft); }
  Result<Reply> operator()(const SchedulePass&) const { return schedule(draft); }
  Result<Reply> operator()(const Reconfigure& c) const { return reconfigure(draft, c); }
  Result<Reply> operator()(const SetAccounts& c) const { return set_accounts(draft, c); }
  Result<Reply> operator()(const ResetUsage& c) const { return reset_usage(draft, c); }
  Result<Reply> operator()(const ChangeReservation& c) const { return reserve(draft, c); }
  Result<Reply> operator()(const SetCrontab& c) const { return set_crontab(draft, c); }
};

StepLaunch trial_of(const Draft& draft, JobRecord job, const sched::Placement& placement) {
  job.nodes = shares_of(draft.cluster, placement);
  job.partition = draft.cluster.partitions()[placement.partition.value].name;
  job.batch_node = job.nodes.front().node;
  const std::vector<StepRecord> steps = opening_steps(job, job.nodes, draft.now);
  return launch_of(draft.cluster, job, steps.front(), job.batch_node);
}

// --test-only: when it would start, were it the only one waiting.
Reply foretell(const Draft& draft, const JobRecord& job, std::vector<std::string> warnings) {
  Submitted reply;
  reply.warnings = std::move(warnings);
  const sched::ShapeKey key = shape_key_of(draft.cluster, job);
  const sched::Shape shape =
      draft.cluster.shapes().judge(key, draft.cluster.machine(), draft.cluster.partitions());
  if (const auto promise = sched::foresee(draft.cluster.view(draft.now), shape)) {
    reply.expected_start = std::max(promise->at, job.eligible_time);
    for (const sched::NodeUse& use : promise->placement.uses) {
      reply.expected_nodes.push_back(draft.cluster.machine()[use.node.value].name);
    }
    reply.trial = trial_of(draft, job, promise->placement);
  }
  return reply;
}

}  // namespace

JobRecord new_job(const Submit& command, Admitted admitted, TimePoint now) {
  JobRecord job;
  job.request = command.request;
  job.uid = command.actor.uid;
  job.gid = command.actor.gid;
  job.user = command.actor.user;
  job.group = command.actor.group;
  job.spec = std::move(admitted.spec);
  job.script = command.script;
  job.environment = command.environment;
  job.submit_time = now;
  job.eligible_time = std::max(now, job.spec->begin.value_or(now));
  job.time_limit = admitted.time_limit;
  job.reason = admitted.reason;
  job.reason_text = std::move(admitted.reason_text);
  job.array = std::move(admitted.array);
  job.dependency = std::move(admitted.dependency);
  if (!job.dependency.terms.empty()) job.reason = Reason::dependency;
  if (job.eligible_time > now && job.reason == Reason::priority) job.reason = Reason::begin_time;
  if (job.spec->hold) {
    job.hold = HoldKind::user;
    job.reason = Reason::job_held_user;
    job.reason_text.clear();
  }
  return job;
}

Error no_such_job(JobId id) {
  return Error{ErrorCode::not_found, "job " + std::to_string(id.value) + ": no such job"};
}

Error not_yours(const Actor& actor, JobId id) {
  return Error{ErrorCode::denied, "job " + std::to_string(id.value) + ": user " + actor.user +
                                      " neither owns it nor is an administrator"};
}

void audit(Draft& draft, const Actor& actor, std::string text) {
  draft.emit(AuditEntry{draft.now, actor.uid, actor.user, std::move(text)});
}

Result<Reply> submit(Draft& draft, const Submit& command) {
  const Cluster& cluster = draft.cluster;
  if (const JobRecord* known =
          command.request.given() ? cluster.find_request(command.request) : nullptr) {
    if (known->uid != command.actor.uid || known->request != command.request) {
      return Error{ErrorCode::exists, "this request id was used for something else"};
    }
    Submitted repeated;
    repeated.job = known->id;
    repeated.repeated = true;
    return Reply{repeated};
  }
  if (!command.spec.cron.empty()) {
    return Error{ErrorCode::invalid, "jobs recur by their user's crontab, not by submission"};
  }
  Admitted admitted = TRY(admit(cluster, command.actor, command.spec));
  if (command.spec.kind == JobKind::batch && !command.script && !command.test_only) {
    return Error{ErrorCode::invalid, "a batch job without a script"};
  }
  if (cluster.jobs().size() >= cluster.config().max_jobs) {
    return Error{ErrorCode::exhausted, std::to_string(cluster.jobs().size()) +
                                           " jobs are known, max_jobs is " +
                                           std::to_string(cluster.config().max_jobs)};
  }
  std::vector<std::string> warnings = std::move(admitted.warnings);
  JobRecord job = new_job(command, std::move(admitted), draft.now);
  if (job.spec->deadline && *job.spec->deadline <= draft.now) {
    return Error{ErrorCode::invalid, "the deadline has passed"};
  }
  TRY(check_submit_limits(cluster, job));
  TRY(check_submit_rate(cluster, command.actor, draft.now));
  if (command.test_only) return foretell(draft, job, std::move(warnings));
  job.id = draft.new_job();
  const JobId id = job.id;
  if (job.array) job.array->array = id;
  Submitted reply;
  reply.job = job.id;
  reply.warnings = std::move(warnings);
  draft.emit(JobAdded{std::move(job)});
  if (!draft.job(id).dependency.terms.empty()) settle_dependency(draft, id);
  return Reply{std::move(reply)};
}

Result<Decision> decide(const Cluster& cluster, const Command& command, TimePoint now) {
  Draft draft(cluster, now);
  Reply reply = TRY(std::visit(Chooser{draft}, command));
  follow_up(draft);
  recur(draft);
  return draft.done(std::move(reply));
}

}  // namespace gd::core
