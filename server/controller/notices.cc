// What goes to those who wait for a job: its state, and the way to its terminal.
#include <algorithm>

#include "proto/codec.h"
#include "server/controller/controller.h"

namespace gd::controller {
namespace {

bool has_started(JobState state) {
  return state >= JobState::starting;
}

// Of an array as a whole: it has ended when all of it has, with the highest code.
JobNotice notice_of_array(const Hub& hub, JobId id) {
  const core::ArrayEntry& array = *hub.cluster.find_array(id);
  const JobRecord& first = *hub.cluster.find_job(id);
  JobNotice notice;
  notice.job = id;
  notice.state = array.running > 0 ? JobState::running : JobState::pending;
  notice.reason = first.reason;
  if (!array.all_ended()) return notice;
  int32_t code = first.array->gone_code;
  bool completed = first.array->gone_other == 0;
  for (const JobId record : array.records) {
    const JobRecord& job = *hub.cluster.find_job(record);
    code = std::max(code, exit_code_of(job));
    completed = completed && job.state == JobState::completed;
  }
  notice.state = completed ? JobState::completed : JobState::failed;
  notice.exit.code = code;
  return notice;
}

JobNotice notice_of(const JobRecord& job) {
  JobNotice notice;
  notice.job = job.id;
  notice.state = job.state;
  notice.reason = job.reason;
  notice.reason_text = job.reason_text;
  notice.exit = job.exit;
  return notice;
}

std::vector<StepAccess> access_for(const Hub& hub, const JobRecord& job,
                                   const std::string& client_key) {
  if (client_key.empty() || job.spec->kind != JobKind::interactive) return {};
  if (!allocated(job.state) && !ended(job.state)) return {};
  for (const StepRecord& step : job.steps) {
    if (step.id == kInteractiveStep) return hub.access_to(job, step, client_key);
  }
  return {};
}

}  // namespace

void send_notices(Hub& hub, const std::set<JobId>& jobs) {
  std::set<JobId> all = jobs;  // and the arrays that they are of
  for (const JobId id : jobs) {
    if (const JobRecord* job = hub.cluster.find_job(id)) all.insert(array_id_of(*job));
  }
  for (const JobId id : all) {
    const JobRecord* job = hub.cluster.find_job(id);
    hub.waiters.visit(id, [&](const Waiter& waiter) {
      JobNotice notice;
      notice.job = id;
      notice.last = true;  // purged: it ended long ago
      if (job != nullptr) {
        const bool array = hub.cluster.find_array(id) != nullptr;
        notice = array ? notice_of_array(hub, id) : notice_of(*job);
        notice.access = access_for(hub, *job, waiter.client_key);
        notice.last = ended(notice.state) ||
                      (waiter.until == WaitUntil::started && has_started(notice.state));
      }
      const bool last = notice.last;
      const Sent sent = hub.parts.outbox->send(waiter.route, waiter.tag, encode(std::move(notice)));
      return sent == Sent::queued && !last;
    });
  }
}

}  // namespace gd::controller
