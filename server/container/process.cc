// The handle of a program that runs: its monitor is spoken to over the link.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/check.h"
#include "server/container/launcher.h"
#include "server/container/syscalls.h"

namespace gd::container {

Process::Process(Process&& other) noexcept {
  *this = std::move(other);
}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(link_, other.link_);
  std::swap(terminal_, other.terminal_);
  std::swap(receipt_, other.receipt_);
  std::swap(report_, other.report_);
  std::swap(reaped_, other.reaped_);
  return *this;
}

Process::~Process() {
  if (pid_ < 0 || reaped_) return;
  (void)kill();
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) < 0 && errno == EINTR) {
  }
}

Result<void> Process::signal(int number, Target target) {
  LinkRequest request;
  request.kind = LinkRequest::Kind::signal;
  request.number = number;
  request.target = target;
  if (::send(link_.get(), &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return os_error("signal " + std::to_string(number));
  }
  return {};
}

Result<void> Process::end() {
  LinkRequest request;
  request.kind = LinkRequest::Kind::end;
  if (::send(link_.get(), &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return os_error("end container");
  }
  return {};
}

Result<void> Process::kill() {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
    return os_error("kill container");
  }
  return {};
}

Result<std::optional<Process::Ending>> Process::poll_exit() {
  // Looked at before the link: a report is sent before its sender leaves, so a monitor that
  // is gone now has no report on its way that the link would not show.
  const bool left = !reaped_ && TRY(wait_readable(pidfd_.get(), 0)) == 1;
  if (!report_ && TRY(wait_readable(link_.get(), 0)) == 1) {
    if (std::optional<Received> next = TRY(receive(link_.get()));
        next && next->report.kind == LinkReport::Kind::exited) {
      report_ = ExitReport{ExitReport::Kind::exited, next->report.status};
    }
  }
  if (left) {
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0) {
      return os_error("wait for monitor");
    }
    reaped_ = true;
    if (!report_) {
      const int status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
      report_ = ExitReport{ExitReport::Kind::lost, status};
    }
  }
  if (!report_) return {std::nullopt};
  return {Ending{*report_, reaped_}};
}

Result<ExitReport> Process::wait(std::optional<int> timeout_ms) {
  if (TRY(wait_readable(pidfd_.get(), timeout_ms.value_or(-1))) == 0) {
    TRY(kill());
    (void)TRY(wait_readable(pidfd_.get(), -1));
  }
  const std::optional<Ending> ending = TRY(poll_exit());
  GD_CHECK(ending.has_value() && ending->gone, pid_);
  return ending->report;
}

}  // namespace gd::container
