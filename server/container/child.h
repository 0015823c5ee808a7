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
#include <string_view>
#include <vector>

#include "server/container/capability.h"
#include "server/container/launch.h"
#include "server/container/mounts.h"

namespace gd::container {

// Over a SOCK_SEQPACKET pair, one a message: `launching` before the program could begin to
// run, then `started` (with the terminal's master) or `failed`, which says that it never did.
// gdinit says `ready` first and waits for `go`: the runtime has left by then.
struct LinkReport {
  enum class Kind : uint32_t { failed, ready, launching, started, exited };
  Kind kind = Kind::failed;
  int32_t step = 0;    // failed: index into the steps
  int32_t detail = 0;  // failed: which mount operation
  int32_t error = 0;   // failed: errno
  int32_t pid = 0;     // started
  int32_t status = 0;  // exited: wait status
};
struct LinkRequest {
  enum class Kind : uint32_t { signal, end, go };
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

// The ways to a running program. The first two are ours alone; in the third our child makes the
// tree and becomes an OCI runtime, whose container's pid 1 (gdinit) is a monitor again.
enum class Course : uint8_t { launch, join, runtime };

// What the child needs to become a runtime; the pointers are into what the parent keeps.
struct RuntimeStart {
  std::string_view config;  // the bundle's config.json
  const char* program = nullptr;
  const char* const* argv = nullptr;
  const char* const* envp = nullptr;
  int task_fd = -1;  // what gdinit shall start: init_task.h
  int log_fd = -1;
};

// Everything that a child knows.
struct ChildContext {
  Course course = Course::launch;
  int first_step = 0;  // number of the first of the steps that this process runs
  const PreparedProcess* process = nullptr;
  const CgroupAttach* cgroup = nullptr;
  std::vector<gid_t> groups;  // outside
  uid_t uid_inside = 0;
  gid_t gid_inside = 0;
  int link = -1;
  Lifetime lifetime = Lifetime::process;
  // launch and runtime
  const PreparedMounts* mounts = nullptr;
  // runtime only
  const RuntimeStart* runtime = nullptr;
  // launch only
  const char* hostname = "";
  bool own_network = false;
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
StepList launch_steps();   // of the monitor, up to the program's start
StepList join_steps();     // the same for a joined program
StepList runtime_steps();  // of our child, up to being the runtime
StepList init_steps();     // of the monitor that a runtime has started
StepList program_steps();  // of the program, up to exec
// A course's lists are numbered through: the monitor's (a runtime's first), then the program's.
const char* step_name(int step, Course course);

// Steps of more than one list, in program_steps.cc.
int die_with_parent(ChildContext& context);
int open_terminal(ChildContext& context);
int hide_memory(ChildContext& context);
int reset_signals(ChildContext& context);

// Of runtime_steps(), in runtime_steps.cc.
int make_tree(ChildContext& context);
int show_groups(ChildContext& context);
int write_bundle(ChildContext& context);
int pass_descriptors(ChildContext& context);
int become_runtime(ChildContext& context);
// What gdinit finds open: the link, its task, and the program's three.
inline constexpr int kInitLink = 3, kInitTask = 4, kInitStdio = 5, kInitDescriptors = 5;
inline constexpr int kRuntimeLog = kInitLink + kInitDescriptors;  // not passed on
inline constexpr const char* kBundleName = "bundle";              // in the stage
inline constexpr const char* kStateName = "state";

// 0 or an errno; on failure `report` says which step.
int run_steps(StepList list, int first_number, ChildContext& context, LinkReport& report);
void send_report(int link, const LinkReport& report, int fd);

[[noreturn]] void run_runtime(ChildContext& context);
[[noreturn]] void run_monitor(ChildContext& context, StepList steps);

}  // namespace gd::container
