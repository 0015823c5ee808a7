// Inside of launch.cc and join: what runs between clone3() and exec, and the messages by
// which parent and child speak.
//
// Everything here is prepared by the parent as plain arrays; the child allocates nothing,
// logs nothing and takes no lock. The monitor (pid 1 of the container, or the parent of a
// joined program) is the cloned process itself: it never execs, so it is made
// non-dumpable and closes every descriptor but its two.
#pragma once

#include <sys/resource.h>

#include <string>
#include <vector>

#include "server/container/capability.h"
#include "server/container/launch.h"
#include "server/container/mounts.h"

namespace gd::container {

// Over a SOCK_SEQPACKET pair, one a message: `launching` before the program could begin to
// run, then `started` (with the terminal's master) or `failed`, which says that it never did.
struct LinkReport {
  enum class Kind : uint32_t { failed, launching, started, exited };
  Kind kind = Kind::failed;
  int32_t step = 0;    // failed: index into the steps
  int32_t detail = 0;  // failed: which mount operation
  int32_t error = 0;   // failed: errno
  int32_t pid = 0;     // started
  int32_t status = 0;  // exited: wait status
};
struct LinkRequest {
  enum class Kind : uint32_t { signal, end };
  Kind kind = Kind::signal;
  int32_t number = 0;
  Process::Target target = Process::Target::program;
};

// A program's needs, ready for the child.
struct PreparedProcess {
  std::vector<std::string> candidates;  // paths to try, in order
  std::vector<const char*> argv;        // null-terminated, into the plan
  std::vector<const char*> envp;
  const ProcessPlan* plan = nullptr;
  std::vector<ResourceLimit> rlimits;  // clamped
  std::string seccomp;                 // aligned copy
  CapabilitySet keep;
  int last_capability = 0;
};
Result<PreparedProcess> prepare_process(const ProcessPlan& plan, std::vector<std::string>& notes);

// Everything that a child knows.
struct ChildContext {
  const PreparedProcess* process = nullptr;
  const CgroupAttach* cgroup = nullptr;
  std::vector<gid_t> groups;  // outside
  uid_t uid_inside = 0;
  gid_t gid_inside = 0;
  int link = -1;
  Lifetime lifetime = Lifetime::process;
  bool own_pid_namespace = true;  // launch: yes, join: no
  // launch only
  const PreparedMounts* mounts = nullptr;
  const char* hostname = "";
  int userns_fd = -1;
  // join only
  int init_pidfd = -1;

  // written by the child
  int detail = 0;
  int terminal_master = -1;
  int terminal_slave = -1;
};

struct Step {
  const char* name;
  int (*run)(ChildContext& context);  // 0, or an errno
};
// The order is the security argument: each step needs a privilege that a later one gives up.
struct StepList {
  const Step* steps;
  int count;
};
StepList launch_steps();  // of the monitor, up to the program's start
StepList join_steps();
StepList program_steps();                       // of the program, up to exec
const char* step_name(int step, bool joining);  // monitor's steps first, then the program's

[[noreturn]] void run_monitor(ChildContext& context, StepList steps);

}  // namespace gd::container
