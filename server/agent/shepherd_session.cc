// The part of a shepherd's life that only terminals have: their screen, their recording, and the
// limit of their idleness.
#include "base/duration.h"
#include "proto/file_pattern.h"
#include "server/agent/shepherd.h"
#include "server/agent/step_files.h"
#include "server/agent/step_plan.h"
#include "server/container/user_file.h"

namespace gd::agent {

// A recording that cannot be had refuses the step; a screen that cannot be kept is a warning.
Result<void> Shepherd::start_screen() {
  if (!launch_.pty) return {};
  ScreenStart start{.program = settings_.screen_program, .uid = launch_.uid, .gid = launch_.gid};
  if (!launch_.record.empty()) {
    start.record = TRY(open_recording());
    const Result<Environment> exported = parse_environment(launch_.environment);
    if (exported.ok() && exported->contains("TERM")) start.term = exported->at("TERM");
    start.title = "job " + std::to_string(launch_.job.value) + " on " + settings_.node;
  }
  if (settings_.screen_program.empty()) return {};
  screen_.emplace(poller_);
  Result<void> started = screen_->start(std::move(start));
  if (started.ok()) return {};
  screen_.reset();
  screen_trouble_ = "the screen is not kept: " + started.error().text;
  if (launch_.record.empty()) return {};
  return std::move(started).error().in("recording");
}

// A new file, with the user's own rights, for her alone: it holds whatever was on the screen.
Result<UniqueFd> Shepherd::open_recording() const {
  const container::Identity identity = TRY(identify(launch_));
  const PatternValues values{.job = launch_.job,
                             .step = launch_.step,
                             .job_name = launch_.spec.name,
                             .user = launch_.user,
                             .node = settings_.node.substr(0, settings_.node.find('.')),
                             .node_index = launch_.node_index};
  std::string path = expand_pattern(launch_.record, values);
  if (!path.starts_with('/')) path = working_folder(launch_, identity.home) + "/" + path;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOCTTY;
  Result<UniqueFd> file = container::open_as_user(path, kFlags, 0600, identity);
  if (!file.ok()) return std::move(file).error().in("recording");
  return file;
}

void Shepherd::on_attached() {
  poller_.cancel(client_timer_);
  if (launch_.pty && container_.running() && !ended()) tell_sample();
}

Milliseconds Shepherd::active_at() const {
  return std::max({started_at_, streams_->active_at(), computed_at_});
}

void Shepherd::check_idle() {
  if (!launch_.session_idle || ended()) return;
  const Milliseconds now = boot_time();
  const Milliseconds limit = *launch_.session_idle;
  const IdleVerdict verdict = judge_idle(limit, now - active_at(), idle_warned_at_ > active_at());
  if (verdict.step == IdleStep::end) return begin_end(EndCause::idle, launch_.kill_wait);
  if (verdict.step == IdleStep::warn) {
    idle_warned_at_ = now;
    const auto left = std::chrono::ceil<Seconds>(verdict.again);
    streams_->notify("nothing happens here: this session ends in " + format_interval(left) +
                     " unless something is typed, shown or computed");
  }
  again(idle_timer_, verdict.again, &Shepherd::check_idle);
}

// Told, not saved: nobody needs it after this process.
void Shepherd::tell_sample() {
  StepSample sample = meter_.sample();
  sample.job = launch_.job;
  sample.launch = launch_.launch;
  sample.step = launch_.step;
  if (launch_.pty) {
    const Milliseconds idle = boot_time() - active_at();
    sample.session =
        SessionNow{.attached = streams_->attached(), .idle = std::chrono::floor<Seconds>(idle)};
  }
  door_.tell(sample);
}

}  // namespace gd::agent
