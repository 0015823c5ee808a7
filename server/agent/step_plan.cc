#include "server/agent/step_plan.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/image_name.h"
#include "base/text.h"
#include "base/user.h"
#include "proto/paths.h"
#include "proto/task_frames.h"
#include "server/agent/batch_script.h"
#include "server/agent/inside.h"
#include "server/agent/step_environment.h"
#include "server/agent/step_files.h"
#include "server/agent/step_mounts.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

using container::Identity;
// What installing packages takes: files of the image given to its own users, and becoming those.
// All of it counts only for ids of the container: other people's files are as closed as before.
const std::vector<std::string> kRootCapabilities = {
    "cap_chown",  "cap_dac_override", "cap_fowner",  "cap_fsetid",          "cap_kill",
    "cap_setgid", "cap_setuid",       "cap_setfcap", "cap_net_bind_service"};

Result<Pipe> user_pipe(const Identity& identity) {
  Pipe pipe = TRY(make_pipe());
  // So that a program may open /dev/stdout and /dev/stderr again, as it can elsewhere.
  for (const int fd : {pipe.read.get(), pipe.write.get()}) {
    if (::fchown(fd, identity.uid, identity.gid) != 0) return os_error("chown of a pipe");
  }
  return pipe;
}

Result<void> connect_client(PreparedStep& step, const StepLaunch& launch) {
  container::Stdio& stdio = step.plan.process.stdio;
  if (launch.pty) {
    stdio.terminal = container::TerminalSize{};
    return {};
  }
  Pipe in = TRY(user_pipe(step.plan.identity));
  Pipe out = TRY(user_pipe(step.plan.identity));
  Pipe err = TRY(user_pipe(step.plan.identity));
  stdio.in = in.read.get();
  stdio.out = out.write.get();
  stdio.err = err.write.get();
  step.ends = {.in = std::move(in.write), .out = std::move(out.read), .err = std::move(err.read)};
  step.keep.push_back(std::move(in.read));
  step.keep.push_back(std::move(out.write));
  step.keep.push_back(std::move(err.write));
  return {};
}

Result<void> connect_files(PreparedStep& step, const StepLaunch& launch,
                           const ShepherdSettings& settings, const std::string& folder) {
  const FileNames names = file_names(launch, folder, settings.node);
  StepFiles files = TRY(
      open_files(names, file_start(launch, settings), step.plan.process.umask, step.plan.identity));
  container::Stdio& stdio = step.plan.process.stdio;
  stdio.in = files.in.get();
  stdio.out = files.out.get();
  stdio.err = files.err.valid() ? files.err.get() : files.out.get();
  for (UniqueFd* fd : {&files.in, &files.out, &files.err}) {
    if (fd->valid()) step.keep.push_back(std::move(*fd));
  }
  return {};
}

// As Pyxis: what the image says goes before what came along, but for the names in `kept`.
void add_image_environment(Environment& exported, const image::StoredImage& stored,
                           const std::vector<std::string>& kept) {
  for (const std::string& entry : stored.config.environment) {
    const std::string name = entry.substr(0, entry.find('='));
    if (exported.contains(name) && std::ranges::find(kept, name) != kept.end()) continue;
    exported[name] = entry.substr(name.size() + 1);
  }
}

std::vector<std::string> gdtasks_argv(const StepLaunch& launch,
                                      std::span<const Processors> processors,
                                      std::vector<std::string> command) {
  std::string numbers;
  for (const uint32_t task : tasks_here(launch)) {
    numbers += (numbers.empty() ? "" : ",") + std::to_string(task);
  }
  uint64_t total = 0;
  for (const uint32_t tasks : launch.step_tasks) total += tasks;
  std::vector<std::string> argv{kInsideTasks};
  if (!launch.programs.empty()) argv.push_back("--programs=" + launch.programs);
  if (!processors.empty()) {
    std::string lists;
    for (const Processors& own : processors) {
      lists += (lists.empty() ? "" : ";") + format_processors(own);
    }
    argv.push_back("--processors=" + lists);
  }
  if (launch.cpu_bind.verbose) argv.emplace_back("--tell-processors");
  argv.push_back(std::move(numbers));
  argv.push_back(std::to_string(total));
  if (launch.programs.empty()) std::ranges::move(command, std::back_inserter(argv));
  return argv;
}

Result<void> describe_process(PreparedStep& step, const StepLaunch& launch,
                              const ShepherdSettings& settings, const image::StoredImage* stored,
                              const StepHoldings& holdings) {
  const Identity& identity = step.plan.identity;
  Environment exported = TRY(parse_environment(launch.environment));
  if (stored != nullptr) add_image_environment(exported, *stored, launch.spec.image.env);
  const StepUser user{.name = identity.user,
                      .home = identity.home,
                      .shell = identity.shell,
                      .group = identity.group};
  container::ProcessPlan& process = step.plan.process;
  process.umask = user_umask(exported);
  if (!needs_gdtasks(launch)) exported.erase(kInputTaskVariable);  // gdtasks takes it away itself
  Environment env = step_environment(launch, std::move(exported), user, settings.node);
  set_inside(env, launch, settings);
  if (!settings.job_dirs.root.empty()) {
    env["GD_JOB_DIR"] = job_dir_path(settings.job_dirs, identity.user, launch.job);
  }
  process.env = render_environment(env);
  process.argv = TRY(command_of(launch, identity.shell));
  if (launch.spec.image.root_inside) process.keep_capabilities = kRootCapabilities;
  if (stored != nullptr && launch.spec.image.entrypoint && !process.argv.empty()) {
    const std::vector<std::string>& entrypoint = stored->config.entrypoint;
    process.argv.insert(process.argv.begin(), entrypoint.begin(), entrypoint.end());
  }
  if (needs_gdtasks(launch)) {
    if (settings.client_dir.empty()) {
      return Error{ErrorCode::unavailable,
                   "several tasks on one node need gdtasks, of the folder client_dir of gd.conf"};
    }
    process.argv = gdtasks_argv(launch, holdings.of_tasks, std::move(process.argv));
  }
  if (!settings.seccomp_file.empty()) {
    process.seccomp = TRY(read_file(settings.seccomp_file, size_t{1} << 20));
  }
  return {};
}

// As the description of the devices has it; its variables count more than all others.
void add_devices(container::LaunchPlan& plan, const container::CdiEdits& devices) {
  for (const container::CdiNode& node : devices.nodes) {
    plan.devices.push_back({.path = node.path,
                            .type = node.type,
                            .major = node.major.value_or(0),
                            .minor = node.minor.value_or(0),
                            .why = node.host_path + " of this node, a device of the job's"});
  }
  for (const container::CdiMount& mount : devices.mounts) {
    plan.mounts.push_back(
        {.source = mount.source,
         .target = mount.target,
         .access = mount.read_only ? container::Access::read_only : container::Access::read_write,
         .why = mount.source + ", which a device of the job's brings"});
  }
  for (const std::string& entry : devices.env) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(plan.process.env, [&name](const auto& one) { return one.starts_with(name); });
    plan.process.env.push_back(entry);
  }
}

}  // namespace

Result<Identity> identify(const StepLaunch& launch) {
  Result<User> user = look_up_user(launch.user);
  if (!user.ok()) return std::move(user).error().in("user " + launch.user);
  if (user->uid != launch.uid) {
    return Error{ErrorCode::denied, "user " + launch.user + " has uid " +
                                        std::to_string(user->uid) + " on this node, " +
                                        std::to_string(launch.uid) + " at the controller"};
  }
  if (user->uid == 0) return Error{ErrorCode::denied, "jobs of uid 0 do not run on this node"};
  Identity identity{.uid = user->uid,
                    .gid = user->gid,
                    .user = user->name,
                    .home = user->home.empty() ? "/" : user->home,
                    .shell = user->shell};
  identity.group = group_label(user->gid);
  for (const gid_t gid : user->groups) {
    // A group that the name service has lost keeps its rights and has no name.
    identity.groups.push_back({.gid = gid, .name = group_name(gid).ok() ? *group_name(gid) : ""});
  }
  return identity;
}

Result<container::Image> image_of(const StepLaunch& launch, const ShepherdSettings& settings,
                                  const Identity& identity, const image::StoredImage* stored) {
  if (stored != nullptr) {
    return container::Image{.kind = container::ImageKind::directory,
                            .path = stored->tree,
                            .shift = settings.subid_start};
  }
  const ImageSpec& asked = launch.spec.image;
  const std::string& name = asked.name.empty() ? settings.default_image : asked.name;
  if (name == "host") return container::Image{};
  const ImageName parsed = TRY(parse_image_name(name));
  if (parsed.source != ImageSource::directory) {
    return Error{ErrorCode::internal, "image " + name + " was not looked for in the store"};
  }
  Result<UniqueFd> folder = container::open_as_user(name, O_PATH | O_DIRECTORY, 0, identity);
  if (!folder.ok()) return std::move(folder).error().in("image");
  const std::string real = TRY(path_of(folder->get()));
  const auto allows = [&](const std::string& prefix) { return is_below(real, prefix); };
  if (std::ranges::none_of(settings.image_prefixes, allows)) {
    return Error{ErrorCode::denied, "image " + real + " is not below this node's image_prefixes (" +
                                        join(settings.image_prefixes, ", ") + ")"};
  }
  if (asked.root_inside) {
    // Root inside may read whatever root owns in the image, so it must be hers, or be offered
    // by a prefix that says more than "anywhere".
    struct stat about {};
    if (::fstat(folder->get(), &about) != 0) return os_error("image " + name);
    const bool offered = std::ranges::any_of(settings.image_prefixes, [&](const std::string& p) {
      return p != "/" && is_below(real, p);
    });
    if (about.st_uid != identity.uid && !offered) {
      return Error{ErrorCode::denied, "image " + name +
                                          " is not yours: root inside needs an image "
                                          "of your own, or one that this node offers"};
    }
  }
  return container::Image{.kind = container::ImageKind::directory, .path = real};
}

container::CgroupLimits limits_of(const StepLaunch& launch, const ShepherdSettings& settings) {
  container::CgroupLimits limits;
  if (launch.held.memory_mib > 0) limits.memory_bytes = launch.held.memory_mib << 20;
  if (launch.held.cpus > 0) limits.cpu_milli = launch.held.cpus * 1000;
  limits.pids = settings.pids_max;
  limits.devices = std::vector<container::DeviceRule>{};
  return limits;
}

container::CgroupLimits own_limits_of(const StepLaunch& launch) {
  container::CgroupLimits limits;
  if (launch.step_memory_mib > 0) limits.memory_bytes = launch.step_memory_mib << 20;
  const bool fewer = launch.step_cpus > 0 && launch.step_cpus < launch.held.cpus;
  if (fewer) limits.cpu_milli = launch.step_cpus * 1000;
  return limits;
}

// One task of one program is started as it is.
bool needs_gdtasks(const StepLaunch& launch) {
  if (!launch.stream || launch.pty) return false;
  return tasks_here(launch).size() > 1 || !launch.programs.empty() || launch.cpu_bind.verbose;
}

Result<std::vector<std::string>> command_of(const StepLaunch& launch, const std::string& shell) {
  if (launch.step == kBatchStep) {
    TRY(check_script(launch.script));
    return script_argv(launch.spec.argv);
  }
  const std::vector<std::string>& asked = launch.argv.empty() ? launch.spec.argv : launch.argv;
  if (!asked.empty() && !launch.join_container) return asked;
  if (!launch.argv.empty()) return launch.argv;
  if (launch.step == kExternStep) return std::vector<std::string>{};  // a place for others
  return std::vector<std::string>{shell.empty() ? "/bin/sh" : shell};
}

Result<PreparedStep> plan_step(const StepLaunch& launch, const ShepherdSettings& settings,
                               Identity identity, const image::StoredImage* stored,
                               const StepHoldings& holdings, std::vector<std::string>* refusals) {
  PreparedStep step;
  container::LaunchPlan& plan = step.plan;
  plan.identity = std::move(identity);
  plan.subordinate = {.start = settings.subid_start, .count = settings.subid_count};
  const ImageSpec& image = launch.spec.image;
  plan.root_access = image.read_only ? container::Access::read_only : container::Access::read_write;
  plan.root_mode =
      image.root_inside ? container::RootMode::root_inside : container::RootMode::as_user;
  plan.network = image.no_network ? container::Network::none : container::Network::host;
  plan.hostname = settings.node;
  plan.writable_bytes = settings.writable_mib << 20;
  plan.tmp_bytes = settings.tmp_mib << 20;
  plan.shm_bytes = settings.shm_mib << 20;
  plan.image = TRY(image_of(launch, settings, plan.identity, stored));
  TRY(describe_process(step, launch, settings, stored, holdings));
  add_devices(plan, holdings.devices);
  if (plan.process.argv.empty()) plan.lifetime = container::Lifetime::until_closed;
  if (launch.step == kBatchStep) plan.files.push_back(script_file(launch.script));

  std::ranges::move(inside_files(launch, settings), std::back_inserter(plan.files));
  if (auto client = inside_client(settings)) plan.mounts.push_back(*std::move(client));

  const std::string folder = working_folder(launch, plan.identity.home);
  TRY(add_mounts(step, launch, settings, folder, refusals));
  plan.process.cwd = image.workdir.empty() ? folder : image.workdir;
  if (stored != nullptr && !stored->config.workdir.empty()) {
    plan.process.cwd_fallback = stored->config.workdir;
  }
  return step;
}

Result<PreparedStep> prepare_step(const StepLaunch& launch, const ShepherdSettings& settings,
                                  Identity identity, const image::StoredImage* stored,
                                  const StepHoldings& holdings) {
  PreparedStep step =
      TRY(plan_step(launch, settings, std::move(identity), stored, holdings, nullptr));
  if (step.plan.process.argv.empty()) return step;
  const std::string folder = working_folder(launch, step.plan.identity.home);
  if (launch.stream) {
    TRY(connect_client(step, launch));
  } else {
    TRY(connect_files(step, launch, settings, folder));
  }
  return step;
}

}  // namespace gd::agent
