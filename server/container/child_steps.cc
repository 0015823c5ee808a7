// The steps themselves, in the order in which privileges are given up.
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "server/container/child.h"
#include "server/container/seccomp.h"
#include "server/container/syscalls.h"

namespace gd::container {
namespace {

int die_with_parent(ChildContext&) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno;
}

int enter_groups(ChildContext& context) {
  for (const int fd : context.cgroup->procs_fds) {
    if (::write(fd, "0", 1) != 1) return errno;
  }
  return 0;
}

// After the groups are entered: they become the root of what the container sees.
int hide_groups(ChildContext&) {
  return ::unshare(CLONE_NEWCGROUP) == 0 ? 0 : errno;
}

int raise_oom_score(ChildContext& context) {
  if (context.process->plan->oom_score_adj == 0) return 0;
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  std::array<char, 16> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%d", context.process->plan->oom_score_adj);
  const bool done = ::write(fd, text.data(), static_cast<size_t>(length)) == length;
  const int error = errno;
  ::close(fd);
  // Lower than what we have may not be allowed; that is what raising means, so no fault.
  return done || error == EACCES ? 0 : error;
}

// The shepherd's keyring is root's; nobody inside may possess it.
int leave_keyring(ChildContext&) {
  const long done = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  return done >= 0 || errno == ENOSYS ? 0 : errno;
}

int set_hostname(ChildContext& context) {
  const size_t length = std::strlen(context.hostname);
  if (length == 0) return 0;
  return ::sethostname(context.hostname, length) == 0 ? 0 : errno;
}

int enter_root(ChildContext& context) {
  return context.mounts->perform(&context.detail);
}

int enter_namespaces(ChildContext& context) {
  constexpr int kAll =
      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
  return ::setns(context.init_pidfd, kAll) == 0 ? 0 : errno;
}

// Groups before the user namespace: one beyond the map's extents is still held.
int set_groups(ChildContext& context) {
  return ::setgroups(context.groups.size(), context.groups.data()) == 0 ? 0 : errno;
}

int enter_user_namespace(ChildContext& context) {
  const int fd = context.own_pid_namespace ? context.userns_fd : context.init_pidfd;
  return ::setns(fd, CLONE_NEWUSER) == 0 ? 0 : errno;
}

int become_user(ChildContext& context) {
  const gid_t gid = context.gid_inside;
  const uid_t uid = context.uid_inside;
  if (::setresgid(gid, gid, gid) != 0) return errno;
  return ::setresuid(uid, uid, uid) == 0 ? 0 : errno;
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

int drop_capabilities(ChildContext& context) {
  return give_up_capabilities(context.process->keep, context.process->last_capability);
}

int no_new_privileges(ChildContext&) {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

// Or the program, which has the same uid, could read and steer its monitor.
int hide_memory(ChildContext&) {
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}

// ---- Of the program.

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

constexpr Step kLaunchSteps[] = {
    {"die with the shepherd", die_with_parent},
    {"enter groups", enter_groups},
    {"hide other groups", hide_groups},
    {"raise oom score", raise_oom_score},
    {"leave keyring", leave_keyring},
    {"set hostname", set_hostname},
    {"mount", enter_root},
    {"set groups", set_groups},
    {"enter user namespace", enter_user_namespace},
    {"become user", become_user},
    {"die with the shepherd", die_with_parent},  // again: the kernel clears it on a uid change
    {"open terminal", open_terminal},
    {"drop capabilities", drop_capabilities},
    {"no_new_privs", no_new_privileges},
    {"hide memory", hide_memory},
};

constexpr Step kJoinSteps[] = {
    {"die with the shepherd", die_with_parent},
    {"enter groups", enter_groups},
    {"raise oom score", raise_oom_score},
    {"leave keyring", leave_keyring},
    {"enter namespaces", enter_namespaces},
    {"set groups", set_groups},
    {"enter user namespace", enter_user_namespace},
    {"become user", become_user},
    {"die with the shepherd", die_with_parent},
    {"open terminal", open_terminal},
    {"drop capabilities", drop_capabilities},
    {"no_new_privs", no_new_privileges},
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

StepList launch_steps() {
  return {kLaunchSteps, std::size(kLaunchSteps)};
}
StepList join_steps() {
  return {kJoinSteps, std::size(kJoinSteps)};
}
StepList program_steps() {
  return {kProgramSteps, std::size(kProgramSteps)};
}

const char* step_name(int step, bool joining) {
  const StepList monitor = joining ? join_steps() : launch_steps();
  const StepList program = program_steps();
  if (step >= 0 && step < monitor.count) return monitor.steps[step].name;
  step -= monitor.count;
  return step >= 0 && step < program.count ? program.steps[step].name : "unknown step";
}

}  // namespace gd::container
