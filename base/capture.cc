// run_and_capture: one child, three pipes, one poll loop with a deadline.
// Declared in process.h.
//
// The child leads a session of its own; on a timeout or too much output all its
// process group is killed. Once the child itself has ended, what the pipes hold is
// taken and the call returns: a grandchild that keeps a pipe open is not waited for.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/duration.h"
#include "base/process.h"
#include "base/text.h"

namespace gd {

namespace {

struct Stream {
  UniqueFd fd;
  Bytes* bytes;
};

// True once the end has come. EAGAIN ends the turn without one.
Result<bool> read_some(const Stream& stream, size_t limit, const std::string& program) {
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(stream.fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return false;
    if (got < 0) return os_error("read from " + program);
    if (got == 0) return true;
    stream.bytes->append(buffer, static_cast<size_t>(got));
    if (stream.bytes->size() > limit) {
      return Error{ErrorCode::invalid,
                   program + " wrote more than " + std::to_string(limit) + " bytes"};
    }
  }
}

// Writing to a pipe whose reader has gone raises SIGPIPE; here it must be EPIPE.
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;
  ~SigpipeBlocked() {
    const timespec at_once{};
    if (::sigismember(&before_, SIGPIPE) == 0) {
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

class Capture {
 public:
  Capture(std::string program, const CaptureOptions& options)
      : program_(std::move(program)), options_(options), input_(options.input) {}

  Result<Captured> run(const std::vector<std::string>& argv) {
    Pipe in = TRY(make_pipe());
    Pipe out = TRY(make_pipe());
    Pipe err = TRY(make_pipe());
    SpawnOptions spawn_options{options_.env, {}, options_.cwd, ProcessGroup::own_session};
    spawn_options.fds = {{in.read.get(), 0}, {out.write.get(), 1}, {err.write.get(), 2}};
    const Pidfd child = TRY(spawn(argv, spawn_options));
    for (UniqueFd* ours : {&in.read, &out.write, &err.write}) ours->reset();
    for (const UniqueFd* fd : {&in.write, &out.read, &err.read}) {
      ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }
    to_child_ = std::move(in.write);
    streams_[0] = {std::move(out.read), &captured_.out};
    streams_[1] = {std::move(err.read), &captured_.err};

    Result<void> talked = talk(child);
    if (!talked.ok()) ::kill(-child.pid(), SIGKILL);  // not reaped yet: the group is still its
    captured_.status = TRY(child.wait());
    if (!talked.ok()) return std::move(talked).error();
    return std::move(captured_);
  }

 private:
  Result<void> talk(const Pidfd& child) {
    const SigpipeBlocked guard;
    const Deadline deadline = Deadline::after(options_.timeout);
    for (;;) {
      TRY(feed());
      const bool ended = child.has_ended();  // before the last read, so that none is missed
      for (Stream& stream : streams_) {
        if (stream.fd.valid() && TRY(read_some(stream, options_.limit, program_))) {
          stream.fd.reset();
        }
      }
      if (ended) return {};
      if (deadline.passed()) {
        return Error{ErrorCode::unavailable,
                     program_ + " took longer than " + format_interval(options_.timeout)};
      }
      await(child, deadline.remaining());
    }
  }

  Result<void> feed() {
    while (to_child_.valid() && !input_.empty()) {
      const ssize_t put = ::write(to_child_.get(), input_.data(), input_.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return {};
      if (put < 0 && errno == EPIPE) break;  // it does not want to read: its own affair
      if (put < 0) return os_error("write to " + program_);
      input_.remove_prefix(static_cast<size_t>(put));
    }
    to_child_.reset();
    return {};
  }

  void await(const Pidfd& child, Milliseconds remaining) {
    std::array<pollfd, 4> polled = {{{child.fd(), POLLIN, 0},
                                     {to_child_.get(), POLLOUT, 0},  // -1 is passed over
                                     {streams_[0].fd.get(), POLLIN, 0},
                                     {streams_[1].fd.get(), POLLIN, 0}}};
    const auto wait_ms = std::min<int64_t>(remaining.count() + 1, 60'000);
    (void)::poll(polled.data(), polled.size(), static_cast<int>(wait_ms));  // EINTR: look again
  }

  std::string program_;
  const CaptureOptions& options_;
  std::string_view input_;
  UniqueFd to_child_;
  std::array<Stream, 2> streams_;
  Captured captured_;
};

}  // namespace

Result<Captured> run_and_capture(const std::vector<std::string>& argv,
                                 const CaptureOptions& options) {
  if (argv.empty()) return Error{ErrorCode::invalid, "no program to start"};
  return Capture{printable(argv[0]), options}.run(argv);
}

}  // namespace gd
