#include "server/agent/explainer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "proto/codec.h"
#include "server/agent/store_answer.h"

namespace gd::agent {

Explainer::~Explainer() {
  for (auto& [fd, run] : runs_) {
    poller_.remove(fd);
    poller_.cancel(run.timer);
    (void)run.child.send_signal(SIGKILL).ok();
    (void)run.child.wait().ok();
  }
}

void Explainer::explain(const NodeExplain& question) {
  const Result<void> started = start(question);
  if (started.ok()) return;
  answer_(NodeExplained{.number = question.number, .error = started.error().text});
}

Result<void> Explainer::start(const NodeExplain& question) {
  if (runs_.size() >= kMaxExplaining) {
    return Error{ErrorCode::exhausted,
                 std::to_string(runs_.size()) + " such questions are being answered; try again"};
  }
  const UniqueFd launch(::memfd_create("launch", MFD_CLOEXEC));
  if (!launch.valid()) return os_error("memory file");
  TRY(write_all(launch.get(), encode(question.launch), "memory file"));
  if (::lseek(launch.get(), 0, SEEK_SET) != 0) return os_error("memory file");
  Pipe pipe = TRY(make_pipe());
  // Our end alone: the program is to wait for us, not to lose its words.
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return os_error("pipe");
  const SpawnOptions options{.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                             .fds = {{pipe.write.get(), 1}, {launch.get(), 3}},
                             .cwd = "/",
                             .group = ProcessGroup::own_session};
  Run run{.number = question.number,
          .child = TRY(spawn({program_, "--settings", settings_, "--explain", "3"}, options)),
          .output = std::move(pipe.read)};
  const int fd = run.output.get();
  const Result<void> added = poller_.add(fd, EPOLLIN, [this, fd](uint32_t) { on_output(fd); });
  if (!added.ok()) {
    (void)run.child.send_signal(SIGKILL).ok();
    (void)run.child.wait().ok();
    return added;
  }
  run.timer = poller_.call_after(kExplainTime, [this, fd] {
    finish(fd, "not answered within " + std::to_string(kExplainTime / Milliseconds(1000)) + " s");
  });
  runs_[fd] = std::move(run);
  return {};
}

void Explainer::on_output(int fd) {
  Run& run = runs_.at(fd);
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;  // it has said all it had to say so far
    if (count == 0) return finish(fd, "");
    run.said.append(block.data(), static_cast<size_t>(count));
    if (run.said.size() > kMaxExplainBytes) {
      return finish(fd, "more than " + std::to_string(kMaxExplainBytes) + " bytes of answer");
    }
  }
}

void Explainer::finish(int fd, const std::string& error) {
  Run run = std::move(runs_.at(fd));
  runs_.erase(fd);
  poller_.remove(fd);
  poller_.cancel(run.timer);
  if (!error.empty()) (void)run.child.send_signal(SIGKILL).ok();
  (void)run.child.wait().ok();
  if (error.empty()) return answer_(parse_explanation(run.number, run.said));
  answer_(NodeExplained{.number = run.number, .error = error});
}

NodeExplained parse_explanation(uint64_t number, std::string_view said) {
  NodeExplained told{.number = number, .error = "the judging process ended without an end"};
  for (const std::string_view whole : split(said, '\n')) {
    std::string_view text = whole;
    if (take_prefix(text, "line ")) told.lines.emplace_back(text);
    text = whole;
    if (take_prefix(text, "refused ")) told.refusals.emplace_back(text);
    if (whole == "done") told.error.clear();
    if (const std::optional<Error> error = parse_store_error(whole)) told.error = error->text;
  }
  return told;
}

}  // namespace gd::agent
