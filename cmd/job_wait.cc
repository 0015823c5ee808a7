#include "cmd/job_wait.h"

#include <algorithm>

namespace gd::cmd {
namespace {

// A lost connection shows only in silence, so the question is put again now and then.
constexpr Milliseconds kAskAgain = 10s;

}  // namespace

int shell_code(const ExitStatus& exit) {
  return exit.signal != 0 ? 128 + exit.signal : exit.code;
}

int exit_code_of(const JobNotice& notice) {
  const int code = shell_code(notice.exit);
  if (notice.state == JobState::completed) return code;
  return code != 0 ? code : 1;
}

JobNews::JobNews(JobId job, Client& client) : job_(job), client_(client), tag_(client.new_tag()) {
  client_.set_notices([this](const Message& message) { note(message); });
}

void JobNews::note(const Message& message) {
  const auto* notice = std::get_if<JobNotice>(&message);
  if (notice != nullptr && notice->job == job_) happened_ = true;
}

// The first notice comes at once: what happened before this was heard of is not missed.
Result<void> JobNews::subscribe() {
  subscribed_at_ = boot_time();
  return client_.send(tag_, WaitRequest{.job = job_, .until = WaitUntil::ended});
}

Result<void> JobNews::wait(Milliseconds most) {
  const bool anew = !subscribed_at_ || boot_time() - *subscribed_at_ >= kAskAgain;
  if (anew) TRY(subscribe());
  const Deadline deadline = Deadline::after(std::min(most, kAskAgain));
  while (!happened_ && !deadline.passed()) {
    const std::optional<Tagged> news = TRY(client_.receive(deadline.remaining()));
    if (!news) continue;
    const auto* no = std::get_if<ErrorReply>(&news->message);
    if (no != nullptr && news->tag == tag_) return Error{no->code, no->text};
    note(news->message);
  }
  happened_ = false;
  return {};
}

Result<int> wait_for_end(Client& client, JobId job) {
  const WaitRequest request{.job = job, .until = WaitUntil::ended, .keep_alive = false};
  while (true) {
    const uint64_t tag = client.new_tag();
    TRY(client.send(tag, request));
    const Deadline deadline = Deadline::after(kAskAgain);
    while (!deadline.passed()) {
      const std::optional<Tagged> answer = TRY(client.receive(deadline.remaining()));
      if (!answer) continue;
      if (const auto* no = std::get_if<ErrorReply>(&answer->message)) {
        return Error{no->code, no->text};
      }
      const auto* notice = std::get_if<JobNotice>(&answer->message);
      if (notice == nullptr || notice->job != job) continue;
      if (notice->last || ended(notice->state)) return exit_code_of(*notice);
    }
  }
}

}  // namespace gd::cmd
