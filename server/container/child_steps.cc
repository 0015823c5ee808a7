// The monitor's steps, in the order in which privileges are given up, and the lists of them.
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

// A network namespace begins with its loopback down, and programs talk to themselves by it.
int raise_loopback(ChildContext& context) {
  if (!context.own_network) return 0;
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq request{.ifr_ifrn = {"lo"}, .ifr_ifru = {}};
  request.ifr_flags = IFF_UP;
  const int error = ::ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
  ::close(fd);
  return error;
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
  const int fd = context.course == Course::launch ? context.userns_fd : context.init_pidfd;
  return ::setns(fd, CLONE_NEWUSER) == 0 ? 0 : errno;
}

int become_user(ChildContext& context) {
  const gid_t gid = context.gid_inside;
  const uid_t uid = context.uid_inside;
  if (::setresgid(gid, gid, gid) != 0) return errno;
  return ::setresuid(uid, uid, uid) == 0 ? 0 : errno;
}

int drop_capabilities(ChildContext& context) {
  return give_up_capabilities(context.process->keep, context.process->last_capability);
}

int no_new_privileges(ChildContext&) {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

constexpr Step kLaunchSteps[] = {
    {"die with the shepherd", die_with_parent},
    {"enter groups", enter_groups},
    {"hide other groups", hide_groups},
    {"raise oom score", raise_oom_score},
    {"leave keyring", leave_keyring},
    {"set hostname", set_hostname},
    {"raise loopback", raise_loopback},
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

// The runtime makes the namespaces, enters the tree and gives up the rights, as the bundle says.
constexpr Step kRuntimeSteps[] = {
    {"die with the shepherd", die_with_parent},
    {"enter groups", enter_groups},
    {"raise oom score", raise_oom_score},
    {"reset signals", reset_signals},
    {"mount", make_tree},
    {"show groups", show_groups},
    {"write bundle", write_bundle},
    {"pass descriptors", pass_descriptors},
    {"start runtime", become_runtime},
};

}  // namespace

StepList launch_steps() {
  return {kLaunchSteps, std::size(kLaunchSteps)};
}
StepList join_steps() {
  return {kJoinSteps, std::size(kJoinSteps)};
}
StepList runtime_steps() {
  return {kRuntimeSteps, std::size(kRuntimeSteps)};
}

const char* step_name(int step, Course course) {
  const StepList none{nullptr, 0};
  const StepList lists[] = {course == Course::launch ? launch_steps()
                            : course == Course::join ? join_steps()
                                                     : runtime_steps(),
                            course == Course::runtime ? init_steps() : none, program_steps()};
  for (const StepList& list : lists) {
    if (step >= 0 && step < list.count) return list.steps[step].name;
    step -= list.count;
  }
  return "unknown step";
}

}  // namespace gd::container
