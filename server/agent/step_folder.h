// The folder of one step on a node: what its shepherd was told, and what it has to tell.
//
//   <spool>/jobs/<job>.<launch>.<step>/
//     launch   StepLaunch, written by gdnoded before the shepherd starts
//     boot     the kernel's boot id at that time
//     started  empty: a shepherd was started once, and never will be again
//     lock     locked by the shepherd for its life: who is alive, without a race of pids
//     status   StepStatus at each phase, written by the shepherd
//     init     "pid start-time" of the container's pid 1: how the job's other steps find it
//     sock     where the shepherd listens
//     log      the shepherd's standard error
//
// Every file is replaced whole. What must outlive the machine itself (the end of a step) is
// synced by keep_status(); the rest needs to outlive processes only, for with another boot
// id everything that had not ended has been lost anyway.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages_node.h"

namespace gd::agent {

inline constexpr char kShepherdSocket[] = "sock";
inline constexpr size_t kMaxLaunchBytes = kMaxMessageBytes;
inline constexpr size_t kMaxStatusBytes = size_t{1} << 20;

std::string folder_name(const StepKey& key);  // "12.7.batch", "12.7.0"
std::optional<StepKey> parse_folder_name(std::string_view name);

StepKey key_of(const StepLaunch& launch);
StepKey key_of(const StepStatus& status);
StepStatus status_of(const StepKey& key, StepPhase phase);

// A pid that cannot be mistaken for a later process of the same number.
struct ProcessName {
  pid_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot, as /proc/PID/stat has it
  bool operator==(const ProcessName&) const = default;
};
Result<ProcessName> name_process(pid_t pid);
Result<uint64_t> parse_start_time(std::string_view stat_line);
// A pidfd of that very process: not_found if it is gone.
Result<UniqueFd> open_process(const ProcessName& name);

class StepFolder {
 public:
  StepFolder() = default;
  explicit StepFolder(std::string path) : path_(std::move(path)) {}

  // Makes it with its launch and boot files; nothing half-made keeps its name. An existing
  // one is an error (exists).
  static Result<StepFolder> create(const std::string& jobs_dir, const StepLaunch& launch,
                                   const std::string& boot_id);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

  Result<StepLaunch> read_launch() const;
  Result<std::string> read_boot() const;
  Result<StepStatus> read_status() const;                     // not_found: none was written
  Result<void> write_status(const StepStatus& status) const;  // outlives processes
  Result<void> keep_status(const StepStatus& status) const;   // outlives a power cut
  Result<void> mark_started() const;
  Result<bool> was_started() const;
  Result<ProcessName> read_init() const;
  Result<void> write_init(const ProcessName& init) const;
  Result<void> forget_init() const;

  // By the shepherd, once: holds until the process is gone. False: another one has it.
  Result<bool> lock() const;
  // The shepherd's pid, or nothing if none is alive.
  Result<std::optional<pid_t>> lock_holder() const;

  // Says for ever that the step was lost, if no shepherd is alive and no end is on file: from
  // then on none can start it. False: a shepherd has the lock. `status` is what stands there
  // afterwards.
  Result<bool> claim_dead(const StepStatus& lost, StepStatus& status) const;

  Result<void> remove() const;

 private:
  Result<void> replace(const char* name, std::string_view bytes) const;
  std::string path_;
};

// The names below `jobs_dir` that are steps; others are left alone.
Result<std::vector<StepKey>> list_steps(const std::string& jobs_dir);

}  // namespace gd::agent
