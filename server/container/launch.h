// Starts a container and processes in it, and gives a handle for each.
//
// launch(): clone3() into the groups, then a fixed list of steps in the child, each named
// in the error if it fails. pid 1 inside is the child itself without an exec: a small
// loop that starts the program as pid 2, reaps orphans, forwards signals and reports the
// exact wait status. join(): the same for one more program of the same container; its
// monitor stands outside the pid namespace.
//
// If the process that called launch() or join() dies, the container (or the joined
// program) is killed by the kernel. REQUIRES: root, one thread, a small process: see
// the costs of fork.
//
// An error says that the program has not run: it may be tried again, here or elsewhere. If
// that cannot be known (the monitor was killed around the exec) the Process comes back all
// the same, and poll_exit() says that it is lost.
//
// Destroying a Process kills it. Nothing here touches the cgroup: its owner kills and
// removes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "server/container/launch_plan.h"

namespace gd::container {

// What was done otherwise than the plan said: clamped limits, images that refuse id maps.
struct LaunchReceipt {
  std::vector<std::string> notes;
  pid_t pid_inside = 0;  // of the program, in the container's pid namespace
};

// How a program ended.
struct ExitReport {
  enum class Kind : uint8_t {
    exited,  // wait_status is the program's own
    lost,    // the monitor was killed before it could tell; wait_status is the monitor's
  };
  Kind kind = Kind::lost;
  int wait_status = 0;
};

class Process {
 public:
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  // The monitor: pid 1 of the container, or the joined program's parent.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // readable when the monitor is gone
  // Readable when poll_exit() has something to tell.
  [[nodiscard]] int status_fd() const { return link_.get(); }
  [[nodiscard]] const LaunchReceipt& receipt() const { return receipt_; }

  // Master side of the terminal, if the plan asked for one. Once.
  UniqueFd take_terminal() { return std::move(terminal_); }

  // To the program (or its whole process group), by its monitor.
  enum class Target : uint8_t { program, group, all };  // all: every process in the container
  Result<void> signal(int number, Target target);
  Result<void> end();   // until_closed: let pid 1 leave
  Result<void> kill();  // SIGKILL to the monitor; with pid 1 dies the container

  // Nothing while it runs. Reaps the monitor once it is gone: after a report, `gone` says
  // that nothing of the pid namespace is left (launch) or that the monitor left (join).
  struct Ending {
    ExitReport report;
    bool gone = false;
  };
  Result<std::optional<Ending>> poll_exit();
  // Blocks; kills the monitor when the time is over.
  Result<ExitReport> wait(std::optional<int> timeout_ms = std::nullopt);

 private:
  friend class Launcher;
  Process() = default;

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd link_;
  UniqueFd terminal_;
  LaunchReceipt receipt_;
  std::optional<ExitReport> report_;
  bool reaped_ = false;
};

Result<Process> launch(const LaunchPlan& plan);

// `init` is the pidfd of a container's pid 1. The groups are those of a step of its own.
Result<Process> join(int init_pidfd, const Identity& identity, const ProcessPlan& process,
                     const CgroupAttach& cgroup, RootMode mode = RootMode::as_user);

}  // namespace gd::container
