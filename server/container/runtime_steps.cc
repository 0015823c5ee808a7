// The steps by which our child becomes an OCI runtime. Nothing here allocates.
//
// The working folder is the stage, a tmpfs that only this mount namespace has: the tree, the
// bundle and the runtime's state are in it and vanish with the runtime.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "server/container/child.h"
#include "server/container/syscalls.h"

namespace gd::container {
namespace {

constexpr const char* kGroups = "/sys/fs/cgroup";
constexpr const char* kUnified = "/sys/fs/cgroup/unified";  // on a hybrid machine

int write_text(const char* path, std::string_view text) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  int error = 0;
  while (!text.empty() && error == 0) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno != EINTR) error = errno;
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  ::close(fd);
  return error;
}

}  // namespace

int make_tree(ChildContext& context) {
  return context.mounts->make(&context.detail);
}

// The groups are ours: the runtime finds itself where the container shall be and can neither
// make nor change one. On a hybrid machine it is shown the v2 tree alone, which crun wants.
int show_groups(ChildContext&) {
  struct stat about {};
  if (::stat(kUnified, &about) == 0 &&
      ::mount(kUnified, kGroups, nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return errno;
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return ::mount_setattr(AT_FDCWD, kGroups, AT_RECURSIVE, &attributes, sizeof attributes) == 0
             ? 0
             : errno;
}

int write_bundle(ChildContext& context) {
  if (::mkdir(kBundleName, 0700) != 0 || ::mkdir(kStateName, 0700) != 0) return errno;
  if (::chdir(kBundleName) != 0) return errno;
  return write_text("config.json", context.runtime->config);
}

int pass_descriptors(ChildContext& context) {
  const Stdio& stdio = context.process->plan->stdio;
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return errno;
  const auto or_null = [null](int fd) { return fd < 0 ? null : fd; };
  const int asked[] = {null,
                       null,
                       null,
                       context.link,
                       context.runtime->task_fd,
                       or_null(stdio.in),
                       or_null(stdio.out),
                       or_null(stdio.err),
                       context.runtime->log_fd};
  constexpr int kCount = std::size(asked);
  static_assert(kCount == kRuntimeLog + 1);
  // All are moved out of the way first: any of them may have a number that another shall have.
  int high[kCount];
  for (int i = 0; i < kCount; ++i) {
    high[i] = ::fcntl(asked[i], F_DUPFD_CLOEXEC, kCount);
    if (high[i] < 0) return errno;
  }
  context.link = high[kInitLink];
  for (int i = 0; i < kCount; ++i) {
    if (::dup2(high[i], i) < 0) return errno;
  }
  return sys_close_range(kCount, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : errno;
}

int become_runtime(ChildContext& context) {
  const RuntimeStart& runtime = *context.runtime;
  ::execve(runtime.program, const_cast<char* const*>(runtime.argv),
           const_cast<char* const*>(runtime.envp));
  return errno;
}

void run_runtime(ChildContext& context) {
  LinkReport report;
  (void)run_steps(runtime_steps(), 0, context, report);
  send_report(context.link, report, -1);
  ::_exit(127);
}

}  // namespace gd::container
