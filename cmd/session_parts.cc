#include "cmd/session_parts.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kAgain = 1s;         // a second Ctrl-C within this counts
constexpr Milliseconds kExitPatience = 5s;  // for the nodes, once the controller says it is over

}  // namespace

void JobWatch::keep_alive() {
  if (!owns_job_) return;
  if (tag_ == 0) tag_ = client_.new_tag();
  const WaitRequest request{.job = job_, .until = WaitUntil::ended, .keep_alive = true};
  (void)client_.send(tag_, request).ok();  // the next one may get through
  told_at_ = boot_time();
}

void JobWatch::tick() {
  if (boot_time() - told_at_ >= kClientPing) keep_alive();
}

Result<void> JobWatch::read_notices() {
  while (const std::optional<Tagged> news = TRY(client_.receive(Milliseconds{0}))) {
    const auto* notice = std::get_if<JobNotice>(&news->message);
    if (notice == nullptr || notice->job != job_ || !ended(notice->state)) continue;
    if (!ended_at_) ended_at_ = boot_time();
    last_ = *notice;
  }
  return {};
}

Result<void> JobWatch::cancel_job() {
  CancelRequest request{.request = new_request_id()};
  request.filter.jobs = {job_};
  return client_.send(client_.new_tag(), request);
}

std::optional<StreamExit> JobWatch::given_up() const {
  if (!ended_at_ || boot_time() - *ended_at_ <= kExitPatience) return std::nullopt;
  StreamExit exit{.exit = last_.exit, .cause = EndCause::exited, .error = last_.reason_text};
  const bool silent = last_.state != JobState::completed && exit.exit == ExitStatus{};
  if (silent) exit.exit.code = 1;
  return exit;
}

Interrupts::Means Interrupts::take() {
  const Milliseconds now = boot_time();
  count_ = now - last_ <= kAgain ? count_ + 1 : 1;
  last_ = now;
  if (count_ == 1) return Means::tell;
  return count_ == 2 ? Means::pass_on : Means::end;
}

}  // namespace gd::cmd
