// Clones, then listens until it is known whether the program runs.
#include "server/container/launcher.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "base/process.h"
#include "base/text.h"
#include "server/container/syscalls.h"

namespace gd::container {
namespace {

// Most of a launch is a few milliseconds; a home on a server that does not answer is not.
constexpr int kLaunchTimeoutMs = 60'000;
constexpr size_t kMaxRuntimeLogBytes = 64 << 10;

Error failure(const LinkReport& report, const ChildContext& context) {
  std::string what = step_name(report.step, context.course);
  if (context.mounts != nullptr && what == "mount") {
    what = "mount: " + context.mounts->describe(report.detail);
  }
  if (what == "exec") what = "exec " + context.process->plan->argv[0];
  if (what == "start runtime") what = std::string("start ") + context.runtime->program;
  return os_error(what, report.error);
}

// The last line of what a runtime wrote into its log.
std::string last_words(int log_fd) {
  std::string text(kMaxRuntimeLogBytes, '\0');
  const ssize_t count = ::pread(log_fd, text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<size_t>(count) : 0);
  while (text.ends_with('\n')) text.pop_back();
  const size_t line = text.rfind('\n');
  return printable(line == std::string::npos ? text : text.substr(line + 1));
}

Error too_slow() {
  return Error{ErrorCode::unavailable,
               "container did not start within " + std::to_string(kLaunchTimeoutMs / 1000) + " s"};
}

// The child fell silent before the program can have begun.
Error silence(const Process& process, const ChildContext& context) {
  if (context.course != Course::runtime) {
    return Error{ErrorCode::internal, "container died while it was made"};
  }
  siginfo_t info{};
  (void)::waitid(P_PIDFD, static_cast<id_t>(process.pidfd()), &info, WEXITED | WNOWAIT);
  const std::string words = last_words(context.runtime->log_fd);
  return Error{ErrorCode::unavailable, std::string(context.runtime->program) + ": " +
                                           (words.empty() ? "ended without a word" : words)};
}

// This thread's; the kernel lists those that are dead and not reaped, too.
Result<std::vector<pid_t>> own_children() {
  const Bytes list = TRY(read_file("/proc/thread-self/children"));
  std::vector<pid_t> children;
  for (const std::string_view word : split_words(list)) {
    children.push_back(TRY(parse_number<pid_t>(word, 1)));
  }
  return children;
}

// Processes that the runtime had and that became ours with its end: all but those that were
// ours before, and pid 1. They have ended too, and are only to be reaped: a dead one counts
// against the limit of the groups.
Result<void> reap_leftovers(std::vector<pid_t> known, pid_t init) {
  known.push_back(init);
  for (const pid_t child : TRY(own_children())) {
    if (std::ranges::find(known, child) != known.end()) continue;
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return {};
}

}  // namespace

Result<std::optional<Received>> receive(int link) {
  Received received;
  iovec part{&received.report, sizeof received.report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))] = {};
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
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      received.fd.reset(fd);
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
      received.sender = sender.pid;
    }
  }
  if (count != sizeof received.report) return Error{ErrorCode::internal, "monitor: short report"};
  return {std::move(received)};
}

Result<int> wait_readable(int fd, int timeout_ms) {
  pollfd one{fd, POLLIN, 0};
  int count = 0;
  do {
    count = ::poll(&one, 1, timeout_ms);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return os_error("poll");
  return count;
}

Result<void> Launcher::clone_child(Process& process, ChildContext& context, uint64_t namespaces) {
  SocketPair link = TRY(make_socket_pair(SOCK_SEQPACKET));
  if (context.course == Course::runtime) {
    const int yes = 1;
    if (::setsockopt(link.first.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
      return os_error("link");
    }
  }
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
    if (context.course == Course::runtime) run_runtime(context);
    run_monitor(context, context.course == Course::join ? join_steps() : launch_steps());
  }
  // From here every early return of a caller kills and reaps the child: Process owns it.
  process.pid_ = pid;
  process.pidfd_.reset(pidfd);
  process.link_ = std::move(link.first);
  return {};
}

Result<Process> Launcher::start(ChildContext& context, uint64_t namespaces,
                                std::vector<std::string> notes) {
  Process process;
  TRY(clone_child(process, context, namespaces));
  process.receipt_.notes = std::move(notes);
  TRY(await_start(process, context));
  return process;
}

Result<Process> Launcher::start_runtime(ChildContext& context, std::vector<std::string> notes) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return os_error("become a subreaper");
  const std::vector<pid_t> children = TRY(own_children());
  Process process;
  TRY(clone_child(process, context, CLONE_NEWNS));
  process.receipt_.notes = std::move(notes);
  TRY(await_ready(process, context, children));
  TRY(await_start(process, context));
  return process;
}

// From `ready` on the Process is the container's pid 1: the runtime leaves, and it becomes our
// child. Its number cannot have been given to another, for nobody else reaps it.
Result<void> Launcher::await_ready(Process& process, const ChildContext& context,
                                   const std::vector<pid_t>& children) {
  if (TRY(wait_readable(process.link_.get(), kLaunchTimeoutMs)) == 0) return too_slow();
  const std::optional<Received> first = TRY(receive(process.link_.get()));
  if (!first) return silence(process, context);
  const LinkReport& report = first->report;
  if (first->sender == process.pid_) return failure(report, context);
  const Pidfd runtime(process.pid_, std::move(process.pidfd_));
  if (TRY(wait_readable(runtime.fd(), kLaunchTimeoutMs)) == 0) TRY(runtime.send_signal(SIGKILL));
  const WaitStatus left = TRY(runtime.wait());
  process.pid_ = first->sender;
  process.pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, first->sender, 0)));
  if (!process.pidfd_.valid()) return os_error("pid 1 of the container");
  TRY(reap_leftovers(children, process.pid_));
  if (report.kind == LinkReport::Kind::failed) return failure(report, context);
  if (!left.ok()) {
    return Error{ErrorCode::unavailable,
                 std::string(context.runtime->program) + ": " + left.text()};
  }
  LinkRequest go;
  go.kind = LinkRequest::Kind::go;
  if (::send(process.link_.get(), &go, sizeof go, MSG_NOSIGNAL) < 0) return os_error("link");
  return {};
}

// An error only if the program has certainly not run. One whose monitor fell silent between
// `launching` and the next report may have: it is handed out, to be found lost.
Result<void> Launcher::await_start(Process& process, const ChildContext& context) {
  bool launching = false;
  for (;;) {
    std::optional<Received> next;
    const bool told = TRY(wait_readable(process.link_.get(), kLaunchTimeoutMs)) == 1;
    if (told) next = TRY(receive(process.link_.get()));
    if (!next) {
      if (launching) return process.kill();
      if (told) return silence(process, context);
      return too_slow();
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

}  // namespace gd::container
