// Inside of launch.cc and oci_engine.cc: the parent's side of a start. Clones, listens to what
// the child reports, and makes the Process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/container/child.h"

namespace gd::container {

// A message of the link, the descriptor that came with it, and who sent it (by the kernel's
// word; 0 unless the link asks for it).
struct Received {
  LinkReport report;
  UniqueFd fd;
  pid_t sender = 0;
};

// Nothing at end of file. Does not block.
Result<std::optional<Received>> receive(int link);
// 1: readable, 0: time is over.
Result<int> wait_readable(int fd, int timeout_ms);

// What an engine's launch() begins with: maps, namespace of ids, files and the tree of mounts.
struct Ground {
  IdMaps maps;
  UniqueFd own_userns;
  UniqueFd image_userns;  // of a shifted image, while its mount is made
  int userns_fd = -1;
  std::optional<PreparedMounts> mounts;
  std::vector<std::string> notes;
};
// REQUIRES: validate(plan) passed.
Result<Ground> prepare_ground(const LaunchPlan& plan, Maker kernel_views);

// Named in launch.h as the one maker of a Process.
class Launcher {
 public:
  // Our own monitor: Course::launch or join.
  static Result<Process> start(ChildContext& context, uint64_t namespaces,
                               std::vector<std::string> notes);
  // By a runtime: the container's pid 1 comes to be a child of ours, which makes this process
  // the reaper of its orphaned descendants for good.
  static Result<Process> start_runtime(ChildContext& context, std::vector<std::string> notes);

 private:
  static Result<void> clone_child(Process& process, ChildContext& context, uint64_t namespaces);
  static Result<void> await_ready(Process& process, const ChildContext& context,
                                  const std::vector<pid_t>& children);
  static Result<void> await_start(Process& process, const ChildContext& context);
};

}  // namespace gd::container
