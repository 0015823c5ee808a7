// The monitor's life: the steps, the program's start, then a small loop until its end.
//
// As pid 1 it reaps every orphan of the container and leaves with the program (or when it
// is told to); the kernel then kills what remains. It also leaves when the link to the
// shepherd closes: the second line behind the death signal.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "server/container/child.h"
#include "server/container/syscalls.h"

namespace gd::container {

void send_report(int link, const LinkReport& report, int fd) {
  iovec part{const_cast<LinkReport*>(&report), sizeof report};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  while (::sendmsg(link, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

int run_steps(StepList list, int first_number, ChildContext& context, LinkReport& report) {
  for (int i = 0; i < list.count; ++i) {
    const int error = list.steps[i].run(context);
    if (error == 0) continue;
    report.kind = LinkReport::Kind::failed;
    report.step = first_number + i;
    report.detail = context.detail;
    report.error = error;
    return error;
  }
  return 0;
}

namespace {

// The child of vfork() shares our memory until exec, so a failed step is simply written
// into `report`; we go on when it has either exec'ed or left.
[[gnu::noinline]] pid_t start_program(ChildContext& context, int first_number, LinkReport& report) {
  const pid_t child = ::vfork();
  if (child == 0) {
    (void)run_steps(program_steps(), first_number, context, report);
    ::_exit(127);
  }
  return child;
}

// Blocks all signals; they are read from the descriptor that comes back.
int take_signals() {
  sigset_t all;
  ::sigfillset(&all);
  if (::sigprocmask(SIG_SETMASK, &all, nullptr) != 0) return -1;
  return ::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Keeps the link and the signals, as 0 and 1, and nothing else: no pipe of the program's
// stays open here, so that its readers see the end.
void close_others(int& link, int& signals) {
  const int high_link = ::fcntl(link, F_DUPFD_CLOEXEC, 3);
  const int high_signals = ::fcntl(signals, F_DUPFD_CLOEXEC, 3);
  ::dup3(high_link, 0, O_CLOEXEC);
  ::dup3(high_signals, 1, O_CLOEXEC);
  sys_close_range(2, ~0U, 0);
  link = 0;
  signals = 1;
}

struct Loop {
  ChildContext& context;
  int signals;
  pid_t program;  // -1: none, or gone
};

[[noreturn]] void leave(int status) {
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void reap(Loop& loop) {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    if (pid != loop.program) continue;
    loop.program = -1;
    LinkReport report;
    report.kind = LinkReport::Kind::exited;
    report.status = status;
    send_report(loop.context.link, report, -1);
    if (loop.context.lifetime == Lifetime::process) leave(status);
  }
}

void take_signal(Loop& loop) {
  signalfd_siginfo info{};
  while (::read(loop.signals, &info, sizeof info) == sizeof info) {
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) {
      reap(loop);
    } else if (loop.program > 0) {
      ::kill(loop.program, number);
    }
  }
}

void take_request(Loop& loop) {
  LinkRequest request;
  const ssize_t count = ::recv(loop.context.link, &request, sizeof request, 0);
  if (count < 0 && errno == EINTR) return;
  if (count != sizeof request || request.kind == LinkRequest::Kind::end) {
    if (loop.context.course == Course::join && loop.program > 0) ::kill(-loop.program, SIGKILL);
    ::_exit(0);  // as pid 1: the kernel kills the rest
  }
  if (request.target == Process::Target::all && loop.context.course != Course::join) {
    ::kill(-1, request.number);
  } else if (loop.program > 0) {
    // Outside the pid namespace -1 would mean all that the user runs on this node.
    const bool alone = request.target == Process::Target::program;
    ::kill(alone ? loop.program : -loop.program, request.number);
  }
}

[[noreturn]] void watch(Loop& loop) {
  for (;;) {
    pollfd fds[2] = {{loop.signals, POLLIN, 0}, {loop.context.link, POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) ::_exit(126);
    if (fds[0].revents != 0) take_signal(loop);
    if (fds[1].revents != 0) take_request(loop);
  }
}

// Of a monitor that a runtime has started; false when the link is closed instead.
bool told_to_go(int link) {
  LinkReport report;
  report.kind = LinkReport::Kind::ready;
  send_report(link, report, -1);
  LinkRequest request;
  ssize_t count = 0;
  do {
    count = ::recv(link, &request, sizeof request, 0);
  } while (count < 0 && errno == EINTR);
  return count == sizeof request && request.kind == LinkRequest::Kind::go;
}

}  // namespace

void run_monitor(ChildContext& context, StepList steps) {
  LinkReport report;
  const int signals = take_signals();
  Loop loop{context, signals, -1};
  bool fine = signals >= 0 && run_steps(steps, context.first_step, context, report) == 0;
  if (fine && context.course == Course::runtime && !told_to_go(context.link)) ::_exit(126);
  if (fine) {  // whoever loses sight of us from here on cannot say that nothing ran
    report.kind = LinkReport::Kind::launching;
    send_report(context.link, report, -1);
  }
  report.kind = fine ? LinkReport::Kind::started : LinkReport::Kind::failed;
  const int first_of_program = context.first_step + steps.count;
  if (fine && !context.process->argv.empty() && context.process->argv[0] != nullptr) {
    loop.program = start_program(context, first_of_program, report);
    if (loop.program < 0) {
      report.kind = LinkReport::Kind::failed;
      report.error = errno;
      report.step = first_of_program;
    }
    fine = report.kind == LinkReport::Kind::started;
  }
  report.pid = loop.program;
  send_report(context.link, report, fine ? context.terminal_master : -1);
  if (!fine) ::_exit(127);
  close_others(context.link, loop.signals);
  watch(loop);
}

}  // namespace gd::container
