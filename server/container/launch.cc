// Our own engine: the container made by our child alone.
#include "server/container/launch.h"

#include <sched.h>

#include "server/container/identity_files.h"
#include "server/container/launcher.h"

namespace gd::container {
namespace {

std::vector<gid_t> groups_of(const Identity& identity) {
  std::vector<gid_t> groups = {identity.gid};
  for (const Group& group : identity.groups) groups.push_back(group.gid);
  return groups;
}

}  // namespace

Result<Ground> prepare_ground(const LaunchPlan& plan, Maker kernel_views) {
  Ground ground;
  ground.maps = TRY(compute_maps(plan.identity, plan.subordinate, plan.root_mode));
  ground.userns_fd = plan.userns_fd;
  if (ground.userns_fd < 0) {
    ground.own_userns = TRY(make_user_namespace(ground.maps));
    ground.userns_fd = ground.own_userns.get();
  }
  const std::vector<FileSpec> files = TRY(identity_files(plan));
  std::vector<HostMount> host;
  if (plan.image.kind == ImageKind::host) {
    host = parse_host_mounts(TRY(read_file("/proc/self/mountinfo")));
  }
  MountTree tree = build_mounts(plan, ground.maps, host, files);
  if (kernel_views == Maker::runtime) hand_to_runtime(tree, plan.network);
  int image_userns = ground.userns_fd;
  if (plan.image.shift != 0) {
    ground.image_userns = TRY(make_user_namespace(shifted(ground.maps, plan.image.shift)));
    image_userns = ground.image_userns.get();
  }
  ground.mounts = TRY(PreparedMounts::prepare(std::move(tree), ground.userns_fd, image_userns));
  ground.image_userns.reset();
  ground.notes = ground.mounts->notes();
  return ground;
}

Result<Process> launch(const LaunchPlan& plan) {
  TRY(validate(plan));
  Ground ground = TRY(prepare_ground(plan, Maker::us));
  for (const gid_t gid : ground.maps.unmapped_groups) {
    ground.notes.push_back("group " + std::to_string(gid) + " is held but has no name inside");
  }
  const PreparedProcess process = TRY(prepare_process(plan.process, ground.notes));

  const bool root_inside = plan.root_mode == RootMode::root_inside;
  ChildContext context;
  context.process = &process;
  context.cgroup = &plan.cgroup;
  context.groups = groups_of(plan.identity);
  context.uid_inside = root_inside ? 0 : plan.identity.uid;
  context.gid_inside = root_inside ? 0 : plan.identity.gid;
  context.lifetime = plan.lifetime;
  context.mounts = &*ground.mounts;
  context.hostname = plan.hostname.c_str();
  context.own_network = plan.network == Network::none;
  context.userns_fd = ground.userns_fd;
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (plan.network == Network::none) namespaces |= CLONE_NEWNET;
  return Launcher::start(context, namespaces, std::move(ground.notes));
}

Result<Process> join(int init_pidfd, const Identity& identity, const ProcessPlan& plan,
                     const CgroupAttach& cgroup, RootMode mode) {
  TRY(validate(identity, plan));
  std::vector<std::string> notes;
  const PreparedProcess process = TRY(prepare_process(plan, notes));
  ChildContext context;
  context.process = &process;
  context.cgroup = &cgroup;
  context.groups = groups_of(identity);
  context.uid_inside = mode == RootMode::root_inside ? 0 : identity.uid;
  context.gid_inside = mode == RootMode::root_inside ? 0 : identity.gid;
  context.course = Course::join;
  context.init_pidfd = init_pidfd;
  return Launcher::start(context, 0, std::move(notes));
}

}  // namespace gd::container
