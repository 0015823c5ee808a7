// What goes to those who wait for a job: its state, and the way to its terminal.
#include "proto/codec.h"
#include "server/controller/controller.h"

namespace gd::controller {
namespace {

bool has_started(JobState state) {
  return state >= JobState::starting;
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

std::optional<StreamAccess> access_for(const Hub& hub, const JobRecord& job,
                                       const std::string& client_key) {
  if (client_key.empty() || job.spec->kind != JobKind::interactive) return std::nullopt;
  if (!allocated(job.state) && !ended(job.state)) return std::nullopt;
  for (const StepRecord& step : job.steps) {
    if (step.id == kInteractiveStep) return hub.access_to(job, step, client_key);
  }
  return std::nullopt;
}

}  // namespace

void send_notices(Hub& hub, const std::set<JobId>& jobs) {
  for (const JobId id : jobs) {
    const JobRecord* job = hub.cluster.find_job(id);
    hub.waiters.visit(id, [&](const Waiter& waiter) {
      JobNotice notice;
      notice.job = id;
      notice.last = true;  // purged: it ended long ago
      if (job != nullptr) {
        notice = notice_of(*job);
        notice.access = access_for(hub, *job, waiter.client_key);
        notice.last =
            ended(job->state) || (waiter.until == WaitUntil::started && has_started(job->state));
      }
      const bool last = notice.last;
      const Sent sent = hub.parts.outbox->send(waiter.route, waiter.tag, encode(std::move(notice)));
      return sent == Sent::queued && !last;
    });
  }
}

}  // namespace gd::controller
