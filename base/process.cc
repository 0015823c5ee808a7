// spawn, pidfds and captures. Signal names are in signal_name.cc.
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/check.h"
#include "base/text.h"

namespace gd {

WaitStatus WaitStatus::from_wait(int status) {
  WaitStatus result;
  if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
    result.core_dumped = WCOREDUMP(status) != 0;
  } else {
    result.exit_code = WEXITSTATUS(status);
  }
  return result;
}

std::string WaitStatus::text() const {
  if (signal == 0) return "exit code " + std::to_string(exit_code);
  return "signal " + std::to_string(signal) + " (" + signal_name(signal) + ")" +
         (core_dumped ? ", core dumped" : "");
}

Result<Pidfd> Pidfd::open(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) {
    Error error = os_error("process " + std::to_string(pid));
    if (errno == ESRCH) error.code = ErrorCode::not_found;
    return error;
  }
  return Pidfd{pid, UniqueFd{static_cast<int>(fd)}};
}

bool Pidfd::has_ended() const {
  pollfd ended{fd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

Result<void> Pidfd::send_signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) == 0) return {};
  const int number = errno;
  Error error =
      os_error("send " + signal_name(signal) + " to process " + std::to_string(pid_), number);
  if (number == ESRCH) error.code = ErrorCode::not_found;
  return error;
}

namespace {

Result<std::optional<WaitStatus>> wait_for(int pidfd, pid_t pid, int flags) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | flags) != 0) {
    if (errno != EINTR) return os_error("wait for process " + std::to_string(pid));
  }
  if (info.si_pid == 0) return std::optional<WaitStatus>{};
  WaitStatus status;
  if (info.si_code == CLD_EXITED) {
    status.exit_code = info.si_status;
  } else {
    status.signal = info.si_status;
    status.core_dumped = info.si_code == CLD_DUMPED;
  }
  return std::optional{status};
}

}  // namespace

Result<WaitStatus> Pidfd::wait() const {
  const std::optional<WaitStatus> status = TRY(wait_for(fd_.get(), pid_, 0));
  GD_CHECK(status.has_value(), pid_);
  return *status;
}

Result<std::optional<WaitStatus>> Pidfd::try_wait() const {
  return wait_for(fd_.get(), pid_, WNOHANG);
}

namespace {

// The pieces of posix_spawn's file actions, destroyed on every path.
class FileActions {
 public:
  FileActions() { GD_CHECK(::posix_spawn_file_actions_init(&actions_) == 0); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class SpawnAttributes {
 public:
  SpawnAttributes() { GD_CHECK(::posix_spawnattr_init(&attributes_) == 0); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

Result<void> added(int error) {
  if (error != 0) return os_error("prepare a process", error);
  return {};
}

// Each source is first copied above all targets, so that no dup2 of the map
// overwrites a source that a later one needs. `copies` must live until the spawn.
Result<void> map_descriptors(const std::vector<FdMapping>& fds, FileActions& actions,
                             std::vector<UniqueFd>& copies) {
  int highest = 2;
  for (const FdMapping& mapping : fds) highest = std::max(highest, mapping.to);
  std::vector<bool> mapped(static_cast<size_t>(highest) + 1);
  for (const FdMapping& mapping : fds) {
    GD_CHECK(mapping.to >= 0 && !mapped[static_cast<size_t>(mapping.to)], mapping.to);
    mapped[static_cast<size_t>(mapping.to)] = true;
    copies.emplace_back(::fcntl(mapping.from, F_DUPFD_CLOEXEC, highest + 1));
    if (!copies.back().valid()) return os_error("descriptor " + std::to_string(mapping.from));
    TRY(added(::posix_spawn_file_actions_adddup2(actions.get(), copies.back().get(), mapping.to)));
  }
  for (int fd = 0; fd <= highest; ++fd) {
    if (mapped[static_cast<size_t>(fd)]) continue;
    if (fd <= 2) {
      TRY(added(::posix_spawn_file_actions_addopen(actions.get(), fd, "/dev/null", O_RDWR, 0)));
    } else {
      TRY(added(::posix_spawn_file_actions_addclose(actions.get(), fd)));
    }
  }
  return added(::posix_spawn_file_actions_addclosefrom_np(actions.get(), highest + 1));
}

Result<void> set_attributes(ProcessGroup group, SpawnAttributes& attributes) {
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  TRY(added(::posix_spawnattr_setsigmask(attributes.get(), &none)));
  TRY(added(::posix_spawnattr_setsigdefault(attributes.get(), &all)));
  if (group == ProcessGroup::own_group) flags |= POSIX_SPAWN_SETPGROUP;  // group 0: its own
  if (group == ProcessGroup::own_session) flags |= POSIX_SPAWN_SETSID;
  return added(::posix_spawnattr_setflags(attributes.get(), flags));
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

Result<Pidfd> spawn(const std::vector<std::string>& argv, const SpawnOptions& options) {
  if (argv.empty()) return Error{ErrorCode::invalid, "no program to start"};
  FileActions actions;
  SpawnAttributes attributes;
  std::vector<UniqueFd> copies;
  TRY(set_attributes(options.group, attributes));
  // The folder first: a relative argv[0] is looked up there.
  if (!options.cwd.empty()) {
    TRY(added(::posix_spawn_file_actions_addchdir_np(actions.get(), options.cwd.c_str())));
  }
  TRY(map_descriptors(options.fds, actions, copies));
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0].c_str(), actions.get(), attributes.get(),
                                  pointers(argv).data(), pointers(options.env).data());
  if (error != 0) {
    const std::string where = options.cwd.empty() ? "" : " in " + printable(options.cwd);
    return os_error("start " + printable(argv[0]) + where, error);
  }
  // Not reaped by anyone yet, so the number is still this child's.
  Result<Pidfd> process = Pidfd::open(pid);
  if (!process.ok()) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return process;
}

std::vector<std::string> current_environment() {
  std::vector<std::string> result;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    result.emplace_back(*variable);
  }
  return result;
}

std::optional<std::string> get_env(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

Result<std::string> find_program(std::string_view name, std::string_view path) {
  const auto is_program = [](const std::string& file) {
    struct stat about {};
    return ::stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
           ::access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string_view::npos) {
    std::string file{name};
    if (is_program(file)) return file;
    return Error{ErrorCode::not_found, printable(name) + " is not an executable file"};
  }
  for (const std::string_view folder : split(path, ':')) {
    if (folder.empty() || name.empty()) continue;  // not the current folder: nobody means that
    std::string file = std::string(folder) + "/" + std::string(name);
    if (is_program(file)) return file;
  }
  return Error{ErrorCode::not_found, "no program '" + printable(name) + "' in " + printable(path)};
}

Result<std::string> boot_id() {
  const Bytes text = TRY(read_file("/proc/sys/kernel/random/boot_id", 64));
  return std::string{trim(text)};
}

}  // namespace gd
