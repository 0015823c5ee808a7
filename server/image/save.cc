#include "server/image/save.h"

#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/process.h"
#include "base/text.h"
#include "server/image/oci_archive.h"
#include "server/image/tool.h"

namespace gd::image {
namespace {

constexpr Tool kTar2sqfs{"tar2sqfs", "squashfs-tools-ng"};
constexpr uint64_t kMemoryBytes = uint64_t{2} << 30;
constexpr int kToolFile = 3;
constexpr int kMaxToolJobs = 16;
constexpr int kCouldNotWrite = 2;  // exit code of who had somebody to write to

// One of the two: forked, with a memory file for its last word.
struct Worker {
  Pidfd child;
  UniqueFd word;
  std::optional<WaitStatus> status;
};

Result<void> limit(int which, uint64_t most) {
  const rlimit both{most, most};
  if (::setrlimit(static_cast<__rlimit_resource>(which), &both) != 0) return os_error("limits");
  return {};
}

Result<void> limit_all(uint64_t file_bytes) {
  TRY(limit(RLIMIT_AS, kMemoryBytes));
  TRY(limit(RLIMIT_CORE, 0));
  TRY(limit(RLIMIT_NOFILE, 256));
  return limit(RLIMIT_FSIZE, file_bytes);
}

Result<void> keep_capability(uint32_t which) {
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].permitted = data[0].effective = uint32_t{1} << which;
  if (::syscall(SYS_capset, &head, data.data()) != 0) return os_error("capabilities");
  return {};
}

// ---- Who reads.

Result<WrittenTree> read_tree(const SaveOrder& order, int out) {
  if (::setgroups(0, nullptr) != 0) return os_error("groups");
  if (::setns(order.userns, CLONE_NEWUSER) != 0) return os_error("user namespace");
  // Before it has a root of its own, which the kernel would refuse to give namespaces to.
  if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return os_error("namespaces");
  if (::fchdir(order.tree) != 0 || ::chroot(".") != 0) return os_error("root");
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) return os_error("ids");
  TRY(keep_capability(CAP_DAC_READ_SEARCH));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os_error("privileges");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return os_error("death signal");
  TRY(limit_all(RLIM_INFINITY));
  const UniqueFd root = TRY(open_file("/", O_RDONLY | O_DIRECTORY));
  return write_tree(root.get(), order.changes, out);
}

// ---- Who writes.

Result<void> write_archive(const SaveOrder& order, int in) {
  OciArchive archive(order.file);
  std::array<char, 65536> block;
  for (;;) {
    const ssize_t count = ::read(in, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read");
    if (count == 0) return archive.finish(order.config);
    TRY(archive.add({block.data(), static_cast<size_t>(count)}));
  }
}

// As many as this process may use: those of the job.
int processors() {
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return std::clamp(CPU_COUNT(&mask), 1, kMaxToolJobs);
}

// By name, since it opens the file itself, as the user that it is.
Result<void> become_tool(const SaveOrder& order, const std::string& program, int in, int word) {
  const std::string name = "/proc/self/fd/" + std::to_string(kToolFile);
  const std::string jobs = std::to_string(processors());
  // The job's nodes wait: 2 GB take 13 s on one processor, and 209 s with tar2sqfs' own level 15.
  const std::array<const char*, 12> argv = {
      program.c_str(), "--force", "--quiet",      "--no-skip", "--num-jobs", jobs.c_str(),
      "--compressor",  "zstd",    "--comp-extra", "level=3",   name.c_str(), nullptr};
  const std::array<const char*, 3> env = {"PATH=/usr/bin:/bin", "LC_ALL=C", nullptr};
  // What they are now may be one of 0 to 3.
  const int from = ::fcntl(in, F_DUPFD_CLOEXEC, 10);
  const int to = ::fcntl(order.file, F_DUPFD_CLOEXEC, 10);
  const int said = ::fcntl(word, F_DUPFD_CLOEXEC, 10);
  if (from < 0 || to < 0 || said < 0 || ::dup2(from, 0) < 0 || ::dup2(said, 1) < 0 ||
      ::dup2(said, 2) < 0 || ::dup2(to, kToolFile) < 0) {
    return os_error("descriptors");
  }
  ::execve(program.c_str(), const_cast<char* const*>(argv.data()),
           const_cast<char* const*>(env.data()));
  return os_error("exec " + program);
}

Result<void> write_file(const SaveOrder& order, const std::string& tool, int in, int word) {
  if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return os_error("namespaces");
  if (::setgroups(order.groups.size(), order.groups.data()) != 0 ||
      ::setresgid(order.gid, order.gid, order.gid) != 0 ||
      ::setresuid(order.uid, order.uid, order.uid) != 0) {
    return os_error("ids");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os_error("privileges");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return os_error("death signal");
  TRY(limit_all(order.max_bytes));
  ::signal(SIGXFSZ, SIG_IGN);  // an error of write() says it better
  if (order.form == SaveForm::squashfs) return become_tool(order, tool, in, word);
  return write_archive(order, in);
}

// ---- Both.

template <class Work>
Result<Worker> start(const char* name, Work work) {
  Worker worker;
  worker.word.reset(::memfd_create(name, MFD_CLOEXEC));
  if (!worker.word.valid()) return os_error("memory file");
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return os_error("fork");
  if (child == 0) {
    const bool alive = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
    const Result<void> done = alive ? work(worker.word.get()) : Result<void>{};
    if (done.ok() && alive) ::_exit(0);
    if (alive) (void)write_all(worker.word.get(), done.error().text, "word").ok();
    ::_exit(alive && done.error().code == ErrorCode::unavailable ? kCouldNotWrite : 1);
  }
  worker.child = TRY(Pidfd::open(child));
  return worker;
}

void end(Worker& worker) {
  if (worker.status) return;
  (void)worker.child.send_signal(SIGKILL).ok();
  const Result<WaitStatus> status = worker.child.wait();
  worker.status = status.ok() ? *status : WaitStatus{.exit_code = 1};
}

// Until both have ended, or the first has failed, or the time is over: false then.
Result<bool> watch(Worker& reader, Worker& writer, Milliseconds timeout) {
  const Milliseconds until = boot_time() + timeout;
  for (;;) {
    bool running = false;
    std::array<pollfd, 2> fds{};
    size_t count = 0;
    for (Worker* one : {&reader, &writer}) {
      if (!one->status) one->status = TRY(one->child.try_wait());
      const bool left_alone =
          one == &reader && one->status && one->status->exit_code == kCouldNotWrite;
      if (one->status && !one->status->ok() && !left_alone) return true;
      if (one->status) continue;
      running = true;
      fds.at(count++) = {.fd = one->child.fd(), .events = POLLIN, .revents = 0};
    }
    if (!running) return true;
    const auto left = (until - boot_time()).count();
    if (left <= 0) return false;
    const int ready = ::poll(fds.data(), count, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return os_error("poll");
  }
}

Error failure_of(const Worker& worker, const std::string& name) {
  const std::string said = last_words(worker.word.get());
  return Error{ErrorCode::unavailable, said.empty() ? name + ": " + worker.status->text() : said};
}

// Who could not go on because of the other one is not the cause.
Result<void> judge(const Worker& reader, const Worker& writer, const std::string& name) {
  if (reader.status->ok() && writer.status->ok()) return {};
  const bool for_writer = reader.status->exit_code == kCouldNotWrite;
  const bool killed = reader.status->signal == SIGKILL;  // by us, once the writer had failed
  if (!reader.status->ok() && !for_writer && !(killed && !writer.status->ok())) {
    return failure_of(reader, "reading");
  }
  return failure_of(writer, name);
}

}  // namespace

Result<uint64_t> save_tree(const SaveOrder& order) {
  std::string tool;
  if (order.form == SaveForm::squashfs) tool = TRY(find_tool(kTar2sqfs));
  Pipe stream = TRY(make_pipe());
  Worker reader = TRY(start("reader", [&](int) -> Result<void> {
    stream.read.reset();
    TRY(read_tree(order, stream.write.get()));
    return {};
  }));
  Result<Worker> second = start("writer", [&](int word) -> Result<void> {
    stream.write.reset();
    return write_file(order, tool, stream.read.get(), word);
  });
  stream = Pipe{};
  if (!second.ok()) {
    end(reader);
    return second.error();
  }
  Worker writer = std::move(second).take();
  const Result<bool> in_time = watch(reader, writer, order.timeout);
  end(reader);
  end(writer);
  if (!TRY(in_time)) {
    return Error{ErrorCode::unavailable, "it took more than the " +
                                             std::to_string(order.timeout / Milliseconds(1000)) +
                                             " s allowed"};
  }
  struct stat about {};
  if (::fstat(order.file, &about) != 0) return os_error("stat");
  const Result<void> done =
      judge(reader, writer, order.form == SaveForm::squashfs ? "tar2sqfs" : "writing");
  if (!done.ok() && static_cast<uint64_t>(about.st_size) >= order.max_bytes) {
    return Error{ErrorCode::exhausted, "it would be larger than the " +
                                           std::to_string(order.max_bytes >> 20) + " MiB allowed"};
  }
  TRY(done);
  if (::fsync(order.file) != 0) return os_error("sync");
  return static_cast<uint64_t>(about.st_size);
}

}  // namespace gd::image
