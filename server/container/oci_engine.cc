// The parent's side of a start by crun or runc.
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "server/container/engine.h"
#include "server/container/init_task.h"
#include "server/container/launcher.h"
#include "server/container/oci_config.h"

namespace gd::container {
namespace {

Result<UniqueFd> memory_file(const char* name, std::string_view content) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file.valid()) return os_error(name);
  TRY(write_all(file.get(), content, name));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return os_error(name);
  return file;
}

// `stage` is the private tmpfs that holds bundle and state.
std::vector<std::string> command_line(const OciPrograms& programs, const std::string& stage) {
  const std::string log = "/proc/self/fd/" + std::to_string(kRuntimeLog);
  // Both speak of groups: crun does nothing about them, runc takes it that they are read-only.
  const char* leave_groups =
      programs.kind == RuntimeKind::crun ? "--cgroup-manager=disabled" : "--rootless=true";
  return {programs.runtime,
          "--root",
          stage + "/" + kStateName,
          "--log",
          log,
          leave_groups,
          "run",
          "--detach",
          "--bundle",
          stage + "/" + kBundleName,
          "--preserve-fds",
          std::to_string(kInitDescriptors),
          "job"};
}

LaunchPlan with_init(const LaunchPlan& plan, const std::string& init) {
  LaunchPlan own = plan;
  MountSpec mount;
  mount.source = init;
  mount.target = kInitPath;
  mount.access = Access::read_only;
  own.mounts.push_back(std::move(mount));
  return own;
}

// A runtime makes the namespaces within the container's own user namespace, so that who has one of
// these inside owns them: could unmount what hides the kernel's files, or steer pid 1.
Result<void> refuse_owners(const std::vector<std::string>& kept, const std::string& runtime) {
  for (const char* owner : {"cap_sys_admin", "cap_sys_ptrace", "cap_net_admin", "cap_sys_module",
                            "cap_sys_chroot", "cap_bpf", "cap_perfmon"}) {
    if (std::ranges::find(kept, owner) != kept.end()) {
      return Error{ErrorCode::invalid, std::string(owner) + " cannot be kept in a container by " +
                                           runtime + ", which would be its own master with it"};
    }
  }
  return {};
}

}  // namespace

Result<Process> OciEngine::launch(const LaunchPlan& asked) const {
  TRY(validate(asked));
  TRY(refuse_owners(asked.process.keep_capabilities, programs_.runtime));
  const LaunchPlan plan = with_init(asked, programs_.init);
  Ground ground = TRY(prepare_ground(plan, Maker::runtime));
  for (const gid_t gid : ground.maps.unmapped_groups) {
    ground.notes.push_back("group " + std::to_string(gid) + " has no name inside: it is not held");
  }
  const PreparedProcess process = TRY(prepare_process(plan.process, ground.notes));
  InitTask task{
      .first_step = runtime_steps().count, .process = plan.process, .lifetime = plan.lifetime};
  task.process.rlimits = process.rlimits;  // as far as they can be had, told in the notes
  const UniqueFd task_file = TRY(memory_file("task", render_init_task(task)));
  const UniqueFd log = TRY(memory_file("runtime log", ""));
  const std::string config = oci_config(plan, ground.mounts->tree(), ground.maps,
                                        plan.staging + "/" + PreparedMounts::kRootName);
  const std::vector<std::string> words = command_line(programs_, plan.staging);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  argv.push_back(nullptr);
  const std::array<const char*, 2> envp = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", nullptr};

  const RuntimeStart runtime{.config = config,
                             .program = programs_.runtime.c_str(),
                             .argv = argv.data(),
                             .envp = envp.data(),
                             .task_fd = task_file.get(),
                             .log_fd = log.get()};
  ChildContext context;
  context.course = Course::runtime;
  context.process = &process;
  context.cgroup = &plan.cgroup;
  context.mounts = &*ground.mounts;
  context.runtime = &runtime;
  return Launcher::start_runtime(context, std::move(ground.notes));
}

}  // namespace gd::container
