#include "server/core/cron.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/cron_schedule.h"
#include "server/core/associations.h"
#include "server/core/life.h"
#include "server/core/verbs.h"

namespace gd::core {

namespace {

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

// What cannot be said of a job that runs again and again.
Result<void> check_entry(const JobSpec& spec) {
  const auto refuse = [](std::string_view name) {
    return invalid("--" + std::string(name) + " has no meaning for a job that recurs");
  };
  if (spec.kind != JobKind::batch) return invalid("only batch jobs can recur");
  if (!spec.array.empty()) return refuse("array");
  if (!spec.dependency.empty()) return refuse("dependency");
  if (spec.begin) return refuse("begin");
  if (spec.deadline) return refuse("deadline");
  if (spec.followed) return refuse("follow");
  return {};
}

std::optional<TimePoint> next_of(const Draft& draft, const JobSpec& spec) {
  const Result<CronSchedule> schedule = parse_cron_schedule(spec.cron);
  if (!schedule.ok()) return std::nullopt;
  return next_run(*schedule, draft.now, *draft.cluster.config().zone);
}

void wait_until(JobRecord& job, TimePoint next) {
  job.eligible_time = next;
  job.reason_text.clear();
  if (job.hold == HoldKind::none) job.reason = Reason::begin_time;
}

Result<JobRecord> new_entry(const Draft& draft, const SetCrontab& command,
                            const SetCrontab::Entry& entry, std::vector<std::string>& warnings) {
  TRY(check_entry(entry.spec));
  (void)TRY(parse_cron_schedule(entry.spec.cron));
  const std::optional<TimePoint> next = next_of(draft, entry.spec);
  if (!next) return invalid("'" + entry.spec.cron + "' names a day that never comes");
  if (!entry.script) return invalid("a batch job without a script");
  Admitted admitted = TRY(admit(draft.cluster, command.actor, entry.spec));
  warnings.insert(warnings.end(), admitted.warnings.begin(), admitted.warnings.end());
  const Submit submission{.actor = command.actor,
                          .request = {},
                          .spec = {},
                          .script = entry.script,
                          .environment = entry.environment};
  JobRecord job = new_job(submission, std::move(admitted), draft.now);
  TRY(check_submit_limits(draft.cluster, job));
  wait_until(job, *next);
  return job;
}

Result<std::vector<JobRecord>> new_entries(const Draft& draft, const SetCrontab& command,
                                           std::vector<std::string>& warnings) {
  if (command.text.size() > kMaxCrontabBytes) {
    return invalid("the crontab has " + std::to_string(command.text.size()) + " bytes, at most " +
                   std::to_string(kMaxCrontabBytes) + " are allowed");
  }
  if (command.entries.size() > kMaxCronEntries) {
    return Error{ErrorCode::exhausted, "the crontab has " + std::to_string(command.entries.size()) +
                                           " entries, at most " + std::to_string(kMaxCronEntries) +
                                           " are allowed"};
  }
  const ClusterConfig& config = draft.cluster.config();
  if (draft.cluster.jobs().size() + command.entries.size() > config.max_jobs) {
    return Error{ErrorCode::exhausted, std::to_string(draft.cluster.jobs().size()) +
                                           " jobs are known, max_jobs is " +
                                           std::to_string(config.max_jobs)};
  }
  std::vector<JobRecord> jobs;
  uint32_t last = 0;
  for (const SetCrontab::Entry& entry : command.entries) {
    if (entry.spec.cron_line <= last) return invalid("the entries are not in the order of lines");
    last = entry.spec.cron_line;
    Result<JobRecord> job = new_entry(draft, command, entry, warnings);
    if (!job.ok()) return std::move(job).error().in("line " + std::to_string(last));
    jobs.push_back(std::move(job).take());
  }
  return jobs;
}

bool is_recurring(const JobRecord& job, Uid uid) {
  return job.uid == uid && recurs(job);
}

// What waits is withdrawn; what runs goes on to its end, and nothing follows on it.
void drop_entries(Draft& draft, Uid uid, Uid by) {
  for (const auto& [id, entry] : draft.cluster.jobs()) {
    const JobRecord& job = entry.record;
    if (!is_recurring(job, uid)) continue;
    JobSpec spec = *job.spec;
    spec.cron.clear();
    spec.cron_line = 0;
    draft.emit(JobUpdated{id, std::make_shared<const JobSpec>(std::move(spec)), job.time_limit,
                          job.eligible_time});
    if (job.state != JobState::pending) continue;
    end_job(draft, id, Ending{.as = JobState::cancelled, .by = by});
  }
}

// As it was submitted, but for what belongs to one life, and a moment that was set for it alone.
JobRecord following(Draft& draft, const JobRecord& last, TimePoint at) {
  JobRecord job;
  job.id = draft.new_job();
  job.uid = last.uid;
  job.gid = last.gid;
  job.user = last.user;
  job.group = last.group;
  job.spec = last.spec;
  if (last.spec->begin) {
    JobSpec spec = *last.spec;
    spec.begin.reset();
    job.spec = std::make_shared<const JobSpec>(std::move(spec));
  }
  job.script = last.script;
  job.environment = last.environment;
  job.submit_time = draft.now;
  job.time_limit = last.time_limit;
  wait_until(job, at);
  return job;
}

}  // namespace

bool recurs(const JobRecord& job) {
  return !job.spec->cron.empty() && !ended(job.state);
}

Result<Reply> set_crontab(Draft& draft, const SetCrontab& command) {
  const CrontabRecord* known = draft.cluster.find_crontab(command.owner);
  const bool mine = command.owner == command.actor.uid;
  if (!mine && !(command.remove && command.actor.administrator)) {
    return Error{ErrorCode::denied,
                 "user " + command.actor.user +
                     (command.actor.administrator ? ": a crontab is written by its own user alone"
                                                  : " is not an administrator")};
  }
  if (command.remove) {
    if (known == nullptr) return Error{ErrorCode::not_found, "no crontab"};
    drop_entries(draft, command.owner, command.actor.uid);
    if (!mine) audit(draft, command.actor, "remove crontab of " + known->user);
    draft.emit(CrontabRemoved{command.owner});
    return Reply{Done{}};
  }
  if (known != nullptr && command.request.given() && known->request == command.request) {
    return Reply{Done{}};  // asked again
  }
  Done reply;
  std::vector<JobRecord> jobs = TRY(new_entries(draft, command, reply.warnings));
  drop_entries(draft, command.owner, command.actor.uid);
  draft.emit(CrontabSet{{.uid = command.owner,
                         .user = command.actor.user,
                         .text = command.text,
                         .request = command.request,
                         .changed = draft.now}});
  for (JobRecord& job : jobs) {
    job.id = draft.new_job();
    draft.emit(JobAdded{std::move(job)});
  }
  return Reply{std::move(reply)};
}

void recur(Draft& draft) {
  std::vector<JobId> over;
  for (const auto& [id, job] : draft.ahead()) {
    if (job.spec->cron.empty() || !ended(job.state)) continue;
    const JobRecord* before = draft.cluster.find_job(id);
    if (before != nullptr && !ended(before->state)) over.push_back(id);
  }
  std::map<Uid, CrontabRecord> disabled;
  for (const JobId id : over) {
    const JobRecord last = draft.job(id);
    const CrontabRecord* crontab = draft.cluster.find_crontab(last.uid);
    if (crontab == nullptr) continue;
    if (last.state == JobState::cancelled && last.cancelled_by) {
      CrontabRecord& record = disabled.emplace(last.uid, *crontab).first->second;
      record.text = with_line_disabled(record.text, last.spec->cron_line);
      record.changed = draft.now;
      continue;
    }
    const std::optional<TimePoint> next = next_of(draft, *last.spec);
    if (next) draft.emit(JobAdded{following(draft, last, *next)});
  }
  for (auto& [uid, record] : disabled) draft.emit(CrontabSet{std::move(record)});
}

std::vector<CronRun> cron_runs(const Cluster& cluster, Uid uid) {
  std::vector<CronRun> runs;
  for (const auto& [id, entry] : cluster.jobs()) {
    const JobRecord& job = entry.record;
    if (!is_recurring(job, uid)) continue;
    const bool waits = job.state == JobState::pending;
    runs.push_back({job.spec->cron_line, id, waits ? job.eligible_time : job.start_time});
  }
  std::ranges::sort(runs, {}, &CronRun::line);
  return runs;
}

}  // namespace gd::core
