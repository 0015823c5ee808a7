#include "server/controller/mailer.h"

#include "base/log.h"
#include "base/process.h"
#include "base/text.h"

namespace gd::controller {
namespace {

Result<void> deliver(const std::string& program, const core::MailNote& note) {
  std::vector<std::string> argv{program, "-i", "--"};
  for (const std::string_view address : split(note.to, ',')) argv.emplace_back(address);
  const Captured done = TRY(run_and_capture(argv, {.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                                                   .cwd = "/",
                                                   .input = mail_text(note),
                                                   .timeout = kMailPatience}));
  if (done.status.ok()) return {};
  return Error{ErrorCode::unavailable,
               program + ": " + done.status.text() + ": " + printable(trim(done.err), 200)};
}

}  // namespace

std::string mail_text(const core::MailNote& note) {
  return "To: " + note.to + "\nSubject: " + note.subject + "\nAuto-Submitted: auto-generated\n\n";
}

Mailer::Mailer(std::string program) : program_(std::move(program)), thread_([this] { run(); }) {}

Mailer::~Mailer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Mailer::Taken Mailer::send(core::MailNote note) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxMails) return Taken::no;
    waiting_.push_back(std::move(note));
  }
  changed_.notify_one();
  return Taken::yes;
}

void Mailer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const core::MailNote note = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const Result<void> sent = deliver(program_, note);
    if (!sent.ok()) log_warning("mail_not_sent", {{"to", note.to}, {"error", sent.error()}});
    lock.lock();
  }
}

}  // namespace gd::controller
