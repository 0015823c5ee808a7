// The last steps, which need no privilege any more: of the program up to exec, and those that the
// monitor has in common with gdinit.
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "server/container/child.h"
#include "server/container/seccomp.h"
#include "server/container/syscalls.h"

namespace gd::container {

int die_with_parent(ChildContext&) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno;
}

// In the container's own devpts, as the user, so that it is hers and has a name inside.
int open_terminal(ChildContext& context) {
  const Stdio& stdio = context.process->plan->stdio;
  if (!stdio.terminal) return 0;
  context.terminal_master = ::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (context.terminal_master < 0) return errno;
  const int unlock = 0;
  if (::ioctl(context.terminal_master, TIOCSPTLCK, &unlock) != 0) return errno;
  context.terminal_slave =
      ::ioctl(context.terminal_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (context.terminal_slave < 0) return errno;
  const winsize window{stdio.terminal->rows, stdio.terminal->columns, 0, 0};
  return ::ioctl(context.terminal_master, TIOCSWINSZ, &window) == 0 ? 0 : errno;
}

// Or the program, which has the same uid, could read and steer its monitor.
int hide_memory(ChildContext&) {
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}

int reset_signals(ChildContext&) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    ::sigaction(number, &standard, nullptr);  // refused for KILL and STOP
  }
  sigset_t none;
  ::sigemptyset(&none);
  return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0 ? 0 : errno;
}

namespace {

int new_session(ChildContext& context) {
  if (::setsid() < 0) return errno;
  if (context.terminal_slave < 0) return 0;
  return ::ioctl(context.terminal_slave, TIOCSCTTY, 0) == 0 ? 0 : errno;
}

int attach_stdio(ChildContext& context) {
  const Stdio& stdio = context.process->plan->stdio;
  const int asked[3] = {stdio.in, stdio.out, stdio.err};
  // All are moved out of the way first: one of them may be 0, 1 or 2 itself.
  int ready[3] = {-1, -1, -1};
  for (int i = 0; i < 3; ++i) {
    const int from = context.terminal_slave >= 0 ? context.terminal_slave : asked[i];
    ready[i] = from < 0 ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : from;
    if (ready[i] < 0) return errno;
    ready[i] = ::fcntl(ready[i], F_DUPFD_CLOEXEC, 3);
    if (ready[i] < 0) return errno;
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(ready[i], i) < 0) return errno;
  }
  return sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : errno;
}

int enter_folder(ChildContext& context) {
  const ProcessPlan& plan = *context.process->plan;
  if (::chdir(plan.cwd.c_str()) == 0) return 0;
  if (::chdir(plan.cwd_fallback.c_str()) == 0) return 0;
  return ::chdir("/") == 0 ? 0 : errno;
}

int set_limits(ChildContext& context) {
  ::umask(context.process->plan->umask);
  for (const ResourceLimit& limit : context.process->rlimits) {
    const auto native = [](uint64_t value) {
      return value == kUnlimited ? RLIM_INFINITY : static_cast<rlim_t>(value);
    };
    const rlimit value{native(limit.soft), native(limit.hard)};
    if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) return errno;
  }
  return 0;
}

int load_filter(ChildContext& context) {
  const std::string& program = context.process->seccomp;
  return program.empty() ? 0 : load_seccomp(program.data(), program.size());
}

int exec_program(ChildContext& context) {
  int error = ENOENT;
  for (const std::string& path : context.process->candidates) {
    ::execve(path.c_str(), const_cast<char* const*>(context.process->argv.data()),
             const_cast<char* const*>(context.process->envp.data()));
    // As shells do: a file that may not be run is worth telling, one that is not there
    // only if there is no other.
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  return error;
}

constexpr Step kInitSteps[] = {
    {"open terminal", open_terminal},
    {"hide memory", hide_memory},
};

constexpr Step kProgramSteps[] = {
    {"die with the monitor", die_with_parent},
    {"reset signals", reset_signals},
    {"new session", new_session},
    {"attach stdio", attach_stdio},
    {"change folder", enter_folder},
    {"set resource limits", set_limits},
    {"load seccomp filter", load_filter},
    {"exec", exec_program},
};

}  // namespace

StepList init_steps() {
  return {kInitSteps, std::size(kInitSteps)};
}
StepList program_steps() {
  return {kProgramSteps, std::size(kProgramSteps)};
}

}  // namespace gd::container
