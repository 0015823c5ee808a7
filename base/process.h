// Processes: started with an explicit descriptor map, held by pidfd, so that a
// recycled pid is never signalled, and their end as a value.
//
// spawn() leaves nothing to inheritance: the child has the descriptors of the
// map (0, 1, 2 are /dev/null if not in it), an empty signal mask, default signal
// actions, and the environment given. Cost: posix_spawn, which shares memory
// with the parent until exec, so the parent's size does not matter.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace gd {

// How a process ended: by exit with a code, or by a signal (then the code is 0).
struct WaitStatus {
  int exit_code = 0;
  int signal = 0;
  bool core_dumped = false;

  static WaitStatus from_wait(int status);  // of waitpid()
  [[nodiscard]] bool ok() const { return exit_code == 0 && signal == 0; }
  [[nodiscard]] int shell_code() const { return signal != 0 ? 128 + signal : exit_code; }
  [[nodiscard]] std::string text() const;  // "exit code 3", "signal 9 (KILL)"
  bool operator==(const WaitStatus&) const = default;
};

// Does not kill or reap in its destructor: whoever holds one decides.
class Pidfd {
 public:
  Pidfd() = default;
  Pidfd(pid_t pid, UniqueFd fd) : pid_(pid), fd_(std::move(fd)) {}
  // not_found if there is no such process. Only safe if nobody reaps it meanwhile.
  static Result<Pidfd> open(pid_t pid);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int fd() const { return fd_.get(); }  // readable once the process has ended
  [[nodiscard]] bool valid() const { return fd_.valid(); }
  [[nodiscard]] bool has_ended() const;
  Result<void> send_signal(int signal) const;  // not_found if it has been reaped

  // For children only. wait() blocks; try_wait() gives nothing while it runs. Both reap.
  Result<WaitStatus> wait() const;
  Result<std::optional<WaitStatus>> try_wait() const;

 private:
  pid_t pid_ = -1;
  UniqueFd fd_;
};

struct FdMapping {
  int from;  // in this process
  int to;    // in the child
};

enum class ProcessGroup : uint8_t { inherit, own_group, own_session };

struct SpawnOptions {
  std::vector<std::string> env;  // "NAME=value"; empty means an empty environment
  std::vector<FdMapping> fds;
  std::string cwd;  // "" keeps ours
  ProcessGroup group = ProcessGroup::inherit;
};

// argv[0] is a path; there is no search along PATH. The error of a failed exec is returned.
Result<Pidfd> spawn(const std::vector<std::string>& argv, const SpawnOptions& options);

std::vector<std::string> current_environment();
std::optional<std::string> get_env(const char* name);  // not there differs from empty
// The first executable file of that name along PATH-like `path`.
Result<std::string> find_program(std::string_view name, std::string_view path);

struct CaptureOptions {
  std::vector<std::string> env;
  std::string cwd;
  std::string input;               // given on standard input
  Milliseconds timeout = 60s;      // then its session is killed: ErrorCode::unavailable
  size_t limit = size_t{1} << 20;  // for stdout and stderr each; more: killed, invalid
};
struct Captured {
  WaitStatus status;
  Bytes out;
  Bytes err;
};
Result<Captured> run_and_capture(const std::vector<std::string>& argv,
                                 const CaptureOptions& options);

Result<std::string> boot_id();  // new at every boot of the machine: 36 characters

// Signals by name: "TERM", "SIGTERM", "15", "RTMIN+3"; any case. Names come
// without SIG, as Slurm prints them.
Result<int> parse_signal(std::string_view text);
std::string signal_name(int signal);

}  // namespace gd
