#include "cmd/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "base/poller.h"
#include "base/process.h"
#include "base/terminal_modes.h"
#include "base/text.h"
#include "cmd/fd_writer.h"
#include "cmd/job_wait.h"
#include "cmd/port_forward.h"
#include "cmd/session_parts.h"
#include "cmd/stream_client.h"
#include "cmd/terminal.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kTick = 1s;
constexpr size_t kReadChunk = size_t{32} << 10;

class Session {
 public:
  Session(const SessionOptions& options, Client& client, Context& context)
      : options_(options),
        client_(client),
        context_(context),
        streams_(client.sockets(), options.access, client.keys(), events()),
        out_(1),
        err_(2),
        watch_(client, options.job, options.owns_job) {}

  Result<SessionEnd> run() {
    poller_ = TRY(Poller::create());
    TRY(poller_->handle_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH},
                                [this](int signal) { on_signal(signal); }));
    out_.start(*poller_, [this](size_t n) { streams_.written(StreamId::output, n); });
    err_.start(*poller_, [this](size_t n) { streams_.written(StreamId::error, n); });
    const bool terminal = ::isatty(0) != 0;
    if (terminal) raw_.emplace(TRY(RawTerminal::enter(0)));
    TRY(listen());
    TRY(streams_.open(terminal_size(terminal ? 0 : 1), get_env("TERM").value_or("dumb")));
    watch_.keep_alive();
    schedule_tick();
    Result<void> lasting;
    while (!done_ && lasting.ok()) lasting = step();
    leave_terminal();
    TRY(std::move(lasting));
    TRY(check_written(out_.error(), "output"));
    TRY(check_written(err_.error(), "error"));
    return std::move(*done_);
  }

 private:
  StreamEvents events() {
    StreamEvents all;
    all.on_opened = [this](const StreamOpened&) {
      watch_input();
      if (forward_ && forward_->waits()) forward_->begin(options_.job, kForwardPatience);
    };
    all.on_output = [this](StreamId stream, std::string_view bytes) {
      output_at_ = boot_time();
      if (raw_) modes_.take(bytes);
      (stream == StreamId::error ? err_ : out_).add(bytes);
    };
    all.on_screen = [this](std::string_view bytes) {
      if (raw_) modes_.take(bytes);
      out_.add(bytes);
    };
    all.on_notice = [this](const std::string& text) { tell(printable(text)); };
    all.on_exit = [this](const StreamExit& exit) { exit_ = exit; };
    all.on_taken_over = [this] { finish(SessionEndKind::taken_over); };
    all.on_gap = [this](uint64_t bytes) {
      say(std::to_string(bytes) + " bytes of output were lost");
    };
    return all;
  }

  Result<void> step() {
    std::vector<WaitItem> items{WaitItem(streams_.socket()), WaitItem(client_.socket()),
                                WaitItem(poller_->fd())};
    if (forwards()) items.emplace_back(forward_->socket());
    (void)wait(items, input_ready() ? Milliseconds{0} : kTick);
    TRY(poller_->run_once(Milliseconds{0}));
    TRY(std::exchange(trouble_, {}));
    if (done_) return {};
    if (input_is_file_) read_input();
    TRY(streams_.receive());
    if (streams_.is_open() && streams_.input_room() > 1) watch_input();  // it waited for credit
    TRY(watch_.read_notices());
    if (forwards()) forward_->receive();
    // The exit follows the output; it counts when that has been written, too.
    if (exit_ && out_.idle() && err_.idle()) finish(SessionEndKind::exited);
    return {};
  }

  // ---- forwarded ports

  Result<void> listen() {
    if (options_.forwards.empty()) return {};
    forward_.emplace(*poller_, client_, [this](const std::string& text) { tell(text); });
    return forward_->listen(options_.forwards);
  }
  [[nodiscard]] bool forwards() const { return forward_ && forward_->active(); }

  static Result<void> check_written(int number, const char* stream) {
    if (number == 0) return {};
    return Error{ErrorCode::exhausted, std::string("standard ") + stream + ": " +
                                           std::generic_category().message(number) +
                                           ": the rest of it is lost"};
  }

  void finish(SessionEndKind kind) {
    if (!done_) done_ = SessionEnd{kind, exit_.value_or(StreamExit{})};
  }

  // Whatever the program there has switched on is still on here.
  void leave_terminal() {
    if (!raw_) return;
    Bytes last = modes_.undo();
    const bool stays_there = !done_ || done_->kind != SessionEndKind::exited;
    if (stays_there) last += "\r\n";
    if (::isatty(1) != 0) (void)write_all(1, last, "terminal").ok();
    raw_.reset();
  }

  void leave() {
    streams_.leave();
    finish(SessionEndKind::detached);
  }

  // ---- input

  void watch_input() {
    if (input_watched_ || input_over_) return;
    struct stat info {};
    input_is_file_ = ::fstat(0, &info) != 0 || S_ISREG(info.st_mode);
    input_watched_ = true;
    if (!input_is_file_) {
      const Result<void> added = poller_->add(0, EPOLLIN, [this](uint32_t) { read_input(); });
      if (!added.ok()) input_is_file_ = true;  // /dev/null and the like: always readable
    }
  }
  [[nodiscard]] bool input_ready() const {
    return input_is_file_ && input_watched_ && !input_over_ && streams_.input_room() > 1;
  }

  void read_input() {
    if (input_over_ || !input_watched_) return;
    if (streams_.input_room() <= 1) return pause_input();
    // One byte less: the filter may have kept a tilde.
    const size_t room = std::min(kReadChunk, streams_.input_room() - 1);
    std::array<char, kReadChunk> bytes{};
    const ssize_t count = ::read(0, bytes.data(), room);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) return end_input();
    const std::string_view typed(bytes.data(), static_cast<size_t>(count));
    if (!raw_ || !options_.may_detach) return streams_.send_input(typed);
    const EscapeFilter::Taken taken = escape_.take(typed);
    streams_.send_input(taken.to_send);
    if (taken.help) tell("~d leaves this session, which goes on; ~~ is one ~");
    if (taken.detach) leave();
  }

  // No credit: the descriptor would be ready again and again. step() looks anew.
  void pause_input() {
    if (input_is_file_) return;
    poller_->remove(0);
    input_watched_ = false;
  }

  // A terminal that is gone is no end of what was typed: somebody may come back to the session.
  void end_input() {
    if (raw_ && options_.may_detach) return leave();
    input_over_ = true;
    if (!input_is_file_) poller_->remove(0);
    streams_.end_input();
  }

  // ---- signals

  void on_signal(int signal) {
    if (signal == SIGWINCH) {
      if (const auto size = terminal_size(raw_ ? 0 : 1)) streams_.resize(*size);
      return;
    }
    const bool hangs_up = signal == SIGHUP || signal == SIGTERM;
    if (hangs_up && options_.may_detach) return leave();
    if (signal != SIGINT) return streams_.send_signal(signal);
    const std::string job = "job " + std::to_string(options_.job.value);
    switch (interrupts_.take()) {
      case Interrupts::Means::tell:
        say("interrupt (one more within 1 sec to abort)");
        return say(job + " is running");
      case Interrupts::Means::pass_on:
        say("sending Ctrl-C to " + job);
        return streams_.send_signal(SIGINT);
      case Interrupts::Means::end:
        say("forcing " + job + " to end");
        if (options_.owns_job) return note(watch_.cancel_job());
        streams_.send_signal(SIGKILL);
    }
  }

  // ---- the controller

  void schedule_tick() {
    poller_->call_after(kTick, [this] {
      note(streams_.tick());
      if (forwards()) forward_->tick();
      watch_.tick();
      if (!exit_) exit_ = watch_.given_up();
      schedule_tick();
    });
  }

  void note(Result<void> done) {
    if (!done.ok() && trouble_.ok()) trouble_ = std::move(done);
  }

  void say(std::string_view text) {
    if (!options_.quiet) tell(text);
  }

  void tell(std::string_view text) {
    context_.err << (raw_ ? "\r" : "") << context_.program << ": " << text
                 << (raw_ ? "\r\n" : "\n");
    (void)context_.err.flush();
  }

  const SessionOptions& options_;
  Client& client_;
  Context& context_;
  StreamClient streams_;
  FdWriter out_, err_;
  std::unique_ptr<Poller> poller_;
  std::optional<PortForward> forward_;
  std::optional<RawTerminal> raw_;
  TerminalModes modes_;  // of this terminal, as the program there has set them
  EscapeFilter escape_;
  bool input_watched_ = false;
  bool input_is_file_ = false;
  bool input_over_ = false;
  JobWatch watch_;
  Interrupts interrupts_;
  Milliseconds output_at_{};
  std::optional<StreamExit> exit_;
  std::optional<SessionEnd> done_;
  Result<void> trouble_;
};

// Ctrl-C while the job waits: a flag, looked at between two waits.
volatile sig_atomic_t interrupted = 0;

class InterruptWatch {
 public:
  InterruptWatch() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    for (size_t i = 0; i < kSignals.size(); ++i) (void)::sigaction(kSignals[i], &action, &old_[i]);
  }
  ~InterruptWatch() {
    for (size_t i = 0; i < kSignals.size(); ++i) (void)::sigaction(kSignals[i], &old_[i], nullptr);
  }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

 private:
  static constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> old_{};
};

Result<void> revoke(JobId job, Client& client) {
  CancelRequest request{.request = new_request_id()};
  request.filter.jobs = {job};
  (void)TRY(client.ask<JobsReply>(request));
  return Error{ErrorCode::conflict, "job " + std::to_string(job.value) + " has been revoked"};
}

}  // namespace

Result<SessionEnd> run_session(const SessionOptions& options, Client& client, Context& context) {
  (void)context.out.flush();
  return Session(options, client, context).run();
}

Result<std::vector<StepAccess>> await_start(JobId job, Client& client, Context& context,
                                            bool quiet) {
  const InterruptWatch watch;
  const WaitRequest request{.job = job, .until = WaitUntil::started, .keep_alive = true};
  const uint64_t tag = client.new_tag();
  bool told = false;
  while (true) {
    TRY(client.send(tag, request));
    const Deadline deadline = Deadline::after(kClientPing);
    while (!deadline.passed()) {
      if (interrupted != 0) TRY(revoke(job, client));
      const auto news = TRY(client.receive(std::min<Milliseconds>(deadline.remaining(), 500ms)));
      if (!news) continue;
      if (const auto* no = std::get_if<ErrorReply>(&news->message);
          no != nullptr && news->tag == tag) {
        return Error{no->code, no->text};
      }
      const auto* notice = std::get_if<JobNotice>(&news->message);
      if (notice == nullptr || notice->job != job) continue;
      if (!notice->access.empty()) return notice->access;
      if (ended(notice->state)) {
        const std::string why =
            notice->reason_text.empty() ? std::string(name(notice->reason)) : notice->reason_text;
        return Error{ErrorCode::conflict, "job " + std::to_string(job.value) + ": " +
                                              to_lower(long_name(notice->state)) + ": " + why};
      }
      const bool waits = notice->state == JobState::pending && notice->reason != Reason::none;
      if (waits && !told && !quiet) {
        told = true;
        context.warn("job " + std::to_string(job.value) + " queued and waiting for resources");
      }
    }
  }
}

int session_code(const SessionEnd& end, JobId job, Context& context) {
  const std::string who = "job " + std::to_string(job.value);
  for (const std::string& warning : end.exit.warnings) context.warn("warning: " + warning);
  switch (end.exit.cause) {
    case EndCause::time_limit: context.warn(who + ": time limit reached"); break;
    case EndCause::out_of_memory: context.warn(who + ": out of memory"); break;
    case EndCause::lost: context.warn(who + ": lost with its node"); break;
    case EndCause::ordered: context.warn(who + ": cancelled"); break;
    case EndCause::refused:
    case EndCause::launch_failed: context.warn(who + ": " + end.exit.error); break;
    default:
      if (!end.exit.error.empty()) context.warn(who + ": " + end.exit.error);
  }
  if (end.exit.cause == EndCause::refused || end.exit.cause == EndCause::launch_failed) {
    const bool missing = end.exit.error.find("No such file") != std::string::npos;
    return missing ? 2 : 1;  // srun's codes
  }
  const int code = shell_code(end.exit.exit);
  return code == 0 && end.exit.cause != EndCause::exited ? 1 : code;
}

}  // namespace gd::cmd
