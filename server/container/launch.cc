// The parent's side: prepares, clones, listens.
#include "server/container/launch.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "server/container/child.h"
#include "server/container/identity_files.h"
#include "server/container/idmap.h"
#include "server/container/syscalls.h"

namespace gd::container {
namespace {

// Most of a launch is a few milliseconds; a home on a server that does not answer is not.
constexpr int kLaunchTimeoutMs = 60'000;

std::vector<std::string> candidates_for(const ProcessPlan& plan) {
  const std::string& name = plan.argv[0];
  if (name.find('/') != std::string::npos) return {name};
  std::string path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& entry : plan.env) {
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  }
  std::vector<std::string> result;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    const std::string folder = path.substr(at, end - at);
    result.push_back(folder.empty() ? name : folder + "/" + name);
    at = end + 1;
  }
  return result;
}

std::vector<gid_t> groups_of(const Identity& identity) {
  std::vector<gid_t> groups = {identity.gid};
  for (const Group& group : identity.groups) groups.push_back(group.gid);
  return groups;
}

// A message and the descriptor that came with it.
struct Received {
  LinkReport report;
  UniqueFd fd;
};

// Nothing at end of file.
Result<std::optional<Received>> receive(int link) {
  Received received;
  iovec part{&received.report, sizeof received.report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count = 0;
  do {
    count = ::recvmsg(link, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return {std::nullopt};
  if (count < 0) return os_error("read from monitor");
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message);
      header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    received.fd.reset(fd);
  }
  if (count != sizeof received.report) return Error{ErrorCode::internal, "monitor: short report"};
  return {std::move(received)};
}

// 1: readable, 0: time is over.
Result<int> wait_readable(int fd, int timeout_ms) {
  pollfd one{fd, POLLIN, 0};
  int count = 0;
  do {
    count = ::poll(&one, 1, timeout_ms);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return os_error("poll");
  return count;
}

}  // namespace

Result<PreparedProcess> prepare_process(const ProcessPlan& plan, std::vector<std::string>& notes) {
  PreparedProcess prepared;
  prepared.plan = &plan;
  if (!plan.argv.empty()) prepared.candidates = candidates_for(plan);
  for (const std::string& arg : plan.argv) prepared.argv.push_back(arg.c_str());
  for (const std::string& entry : plan.env) prepared.envp.push_back(entry.c_str());
  prepared.argv.push_back(nullptr);
  prepared.envp.push_back(nullptr);
  ClampedLimits clamped = clamp(plan.rlimits, own_hard_limit);
  prepared.rlimits = std::move(clamped.limits);
  notes.insert(notes.end(), clamped.warnings.begin(), clamped.warnings.end());
  prepared.seccomp = plan.seccomp;
  prepared.keep = TRY(parse_capabilities(plan.keep_capabilities));
  prepared.last_capability = last_capability();
  return prepared;
}

// Named in the header as the one maker of a Process.
class Launcher {
 public:
  static Result<Process> start(ChildContext& context, uint64_t namespaces, StepList steps,
                               std::vector<std::string> notes) {
    SocketPair link = TRY(make_socket_pair(SOCK_SEQPACKET));
    context.link = link.second.get();
    int pidfd = -1;
    clone_args args{};
    args.flags = namespaces | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    if (context.cgroup->unified_fd >= 0) {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = static_cast<uint64_t>(context.cgroup->unified_fd);
    }
    const pid_t pid = sys_clone3(&args);
    if (pid < 0) return os_error("clone3");
    if (pid == 0) {
      ::close(link.first.release());  // or our own copy would keep end of file from coming
      run_monitor(context, steps);
    }
    // From here every early return kills and reaps the child: Process owns it.
    Process process;
    process.pid_ = pid;
    process.pidfd_.reset(pidfd);
    process.link_ = std::move(link.first);
    process.receipt_.notes = std::move(notes);
    link.second.reset();
    TRY(await_start(process, context));
    return process;
  }

 private:
  // An error only if the program has certainly not run. One whose monitor fell silent between
  // `launching` and the next report may have: it is handed out, to be found lost.
  static Result<void> await_start(Process& process, const ChildContext& context) {
    bool launching = false;
    for (;;) {
      std::optional<Received> next;
      const bool told = TRY(wait_readable(process.link_.get(), kLaunchTimeoutMs)) == 1;
      if (told) next = TRY(receive(process.link_.get()));
      if (!next) {
        if (launching) return process.kill();
        return told ? Error{ErrorCode::internal, "container died while it was made"}
                    : Error{ErrorCode::unavailable, "container did not start within " +
                                                        std::to_string(kLaunchTimeoutMs / 1000) +
                                                        " s"};
      }
      const LinkReport& report = next->report;
      if (report.kind == LinkReport::Kind::failed) return failure(report, context);
      if (report.kind == LinkReport::Kind::launching) {
        launching = true;
        continue;
      }
      process.receipt_.pid_inside = report.pid;
      process.terminal_ = std::move(next->fd);
      return {};
    }
  }

  static Error failure(const LinkReport& report, const ChildContext& context) {
    std::string what = step_name(report.step, !context.own_pid_namespace);
    if (context.mounts != nullptr && what == "mount") {
      what = "mount: " + context.mounts->describe(report.detail);
    }
    if (what == "exec") what = "exec " + context.process->plan->argv[0];
    return os_error(what, report.error);
  }
};

Result<Process> launch(const LaunchPlan& plan) {
  TRY(validate(plan));
  const IdMaps maps = TRY(compute_maps(plan.identity, plan.subordinate, plan.root_mode));
  UniqueFd own_userns;
  int userns = plan.userns_fd;
  if (userns < 0) {
    own_userns = TRY(make_user_namespace(maps));
    userns = own_userns.get();
  }
  std::vector<std::string> notes;
  const std::vector<FileSpec> files = TRY(identity_files(plan));
  std::vector<HostMount> host;
  if (plan.image.kind == ImageKind::host) {
    host = parse_host_mounts(TRY(read_file("/proc/self/mountinfo")));
  }
  const PreparedMounts mounts =
      TRY(PreparedMounts::prepare(build_mounts(plan, maps, host, files), userns));
  notes = mounts.notes();
  for (const gid_t gid : maps.unmapped_groups) {
    notes.push_back("group " + std::to_string(gid) + " is held but has no name inside");
  }
  const PreparedProcess process = TRY(prepare_process(plan.process, notes));

  const bool root_inside = plan.root_mode == RootMode::root_inside;
  ChildContext context;
  context.process = &process;
  context.cgroup = &plan.cgroup;
  context.groups = groups_of(plan.identity);
  context.uid_inside = root_inside ? 0 : plan.identity.uid;
  context.gid_inside = root_inside ? 0 : plan.identity.gid;
  context.lifetime = plan.lifetime;
  context.mounts = &mounts;
  context.hostname = plan.hostname.c_str();
  context.userns_fd = userns;
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (plan.network == Network::none) namespaces |= CLONE_NEWNET;
  return Launcher::start(context, namespaces, launch_steps(), std::move(notes));
}

Result<Process> join(int init_pidfd, const Identity& identity, const ProcessPlan& plan,
                     const CgroupAttach& cgroup, RootMode mode) {
  TRY(validate(identity, plan));
  std::vector<std::string> notes;
  const PreparedProcess process = TRY(prepare_process(plan, notes));
  ChildContext context;
  context.process = &process;
  context.cgroup = &cgroup;
  context.groups = groups_of(identity);
  context.uid_inside = mode == RootMode::root_inside ? 0 : identity.uid;
  context.gid_inside = mode == RootMode::root_inside ? 0 : identity.gid;
  context.own_pid_namespace = false;
  context.init_pidfd = init_pidfd;
  return Launcher::start(context, 0, join_steps(), std::move(notes));
}

// ---- The handle.

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
