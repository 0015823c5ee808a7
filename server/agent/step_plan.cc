#include "server/agent/step_plan.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/image_name.h"
#include "base/text.h"
#include "base/user.h"
#include "server/agent/batch_script.h"
#include "server/agent/inside.h"
#include "server/agent/step_environment.h"
#include "server/agent/step_files.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

using container::Identity;
using container::MountSpec;

// Trees that are the system's or the container's own: no working folder or user's mount is
// bound over them.
constexpr std::array<std::string_view, 11> kSystemTrees = {
    "/proc", "/sys", "/dev", "/run", "/boot", "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"};
constexpr std::array<std::string_view, 4> kPrivateFolders = {"/", "/tmp", "/var/tmp", "/dev/shm"};

// What installing packages takes: files of the image given to its own users, and becoming those.
// All of it counts only for ids of the container: other people's files are as closed as before.
const std::vector<std::string> kRootCapabilities = {
    "cap_chown",  "cap_dac_override", "cap_fowner",  "cap_fsetid",          "cap_kill",
    "cap_setgid", "cap_setuid",       "cap_setfcap", "cap_net_bind_service"};

bool is_system(std::string_view path) {
  if (std::ranges::find(kPrivateFolders, path) != kPrivateFolders.end()) return true;
  return std::ranges::any_of(kSystemTrees, [&](auto tree) { return is_below(path, tree); });
}

Result<std::string> path_of(int fd) {
  std::array<char, 4096> path;
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  if (length < 0) return os_error(link);
  return std::string(path.data(), static_cast<size_t>(length));
}

bool covered(const std::vector<MountSpec>& mounts, std::string_view path) {
  return std::ranges::any_of(mounts, [&](const MountSpec& m) { return is_below(path, m.target); });
}

void bind(PreparedStep& step, UniqueFd fd, std::string target, container::Access access) {
  MountSpec mount{.source_fd = fd.get(), .target = std::move(target), .access = access};
  step.plan.mounts.push_back(std::move(mount));
  step.keep.push_back(std::move(fd));
}

// Home and working folder: a job without one of them still runs, and says so.
void bind_folder(PreparedStep& step, const std::string& path, std::string_view what) {
  if (is_system(path) || covered(step.plan.mounts, path)) return;
  Result<UniqueFd> fd = container::open_as_user(path, O_PATH | O_DIRECTORY, 0, step.plan.identity);
  if (!fd.ok()) {
    step.warnings.push_back(std::string(what) + ": " + fd.error().text);
    return;
  }
  bind(step, std::move(fd).take(), path, container::Access::read_write);
}

// So that programs find the folder that HOME names; it goes with the job.
void add_empty_home(PreparedStep& step) {
  const Identity& identity = step.plan.identity;
  if (is_system(identity.home)) return;
  MountSpec mount{.kind = container::MountKind::tmpfs,
                  .target = identity.home,
                  .size_bytes = step.plan.tmp_bytes};
  step.plan.mounts.push_back(std::move(mount));
}

Result<void> add_user_mounts(PreparedStep& step, const StepLaunch& launch,
                             const ShepherdSettings& settings) {
  for (const std::string& text : launch.spec.mounts) {
    const MountRequest request = TRY(parse_mount(text));
    Result<UniqueFd> fd = container::open_as_user(request.source, O_PATH, 0, step.plan.identity);
    if (!fd.ok()) return std::move(fd).error().in("mount " + text);
    // Judged by where it really is: the descriptor stays what it is, whatever is renamed.
    const std::string real = TRY(path_of(fd->get()));
    if (!may_mount(real, settings)) {
      return Error{ErrorCode::denied, "mount " + text + ": " + real +
                                          " is not among the folders that may be mounted here"};
    }
    bind(step, std::move(fd).take(), request.target, request.access);
  }
  return {};
}

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

Result<void> describe_process(PreparedStep& step, const StepLaunch& launch,
                              const ShepherdSettings& settings, const image::StoredImage* stored) {
  const Identity& identity = step.plan.identity;
  Environment exported = TRY(parse_environment(launch.environment));
  if (stored != nullptr) add_image_environment(exported, *stored, launch.spec.image.env);
  const StepUser user{.name = identity.user,
                      .home = identity.home,
                      .shell = identity.shell,
                      .group = identity.group};
  container::ProcessPlan& process = step.plan.process;
  process.umask = user_umask(exported);
  Environment env = step_environment(launch, std::move(exported), user, settings.node);
  set_inside(env, launch, settings);
  process.env = render_environment(env);
  process.argv = TRY(command_of(launch, identity.shell));
  if (launch.spec.image.root_inside) process.keep_capabilities = kRootCapabilities;
  if (stored != nullptr && launch.spec.image.entrypoint && !process.argv.empty()) {
    const std::vector<std::string>& entrypoint = stored->config.entrypoint;
    process.argv.insert(process.argv.begin(), entrypoint.begin(), entrypoint.end());
  }
  if (!settings.seccomp_file.empty()) {
    process.seccomp = TRY(read_file(settings.seccomp_file, size_t{1} << 20));
  }
  return {};
}

}  // namespace

bool is_below(std::string_view path, std::string_view tree) {
  if (tree == "/") return true;
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

bool may_mount(std::string_view path, const ShepherdSettings& settings) {
  if (is_system(path)) return false;
  return std::ranges::any_of(settings.mount_prefixes,
                             [&](const std::string& prefix) { return is_below(path, prefix); });
}

Result<MountRequest> parse_mount(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  const auto malformed = [&](std::string_view why) {
    return Error{ErrorCode::invalid, "mount '" + printable(text) + "' " + std::string(why) +
                                         ", expected SRC:DST[:ro|rw] with absolute paths"};
  };
  if (parts.size() > 3) return malformed("has too many parts");
  MountRequest request{.source = std::string(parts[0])};
  request.target = parts.size() > 1 ? std::string(parts[1]) : request.source;
  if (!request.source.starts_with('/')) return malformed("has no absolute source");
  if (!request.target.starts_with('/')) return malformed("has no absolute target");
  if (parts.size() == 3) {
    if (parts[2] == "ro") {
      request.access = container::Access::read_only;
    } else if (parts[2] != "rw") {
      return malformed("has the flag '" + std::string(parts[2]) + "'");
    }
  }
  return request;
}

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

Result<PreparedStep> prepare_step(const StepLaunch& launch, const ShepherdSettings& settings,
                                  Identity identity, const image::StoredImage* stored) {
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
  TRY(describe_process(step, launch, settings, stored));
  if (plan.process.argv.empty()) plan.lifetime = container::Lifetime::until_closed;
  if (launch.step == kBatchStep) plan.files.push_back(script_file(launch.script));

  std::ranges::move(inside_files(launch, settings), std::back_inserter(plan.files));
  if (auto client = inside_client(settings)) plan.mounts.push_back(*std::move(client));

  const std::string folder = working_folder(launch, plan.identity.home);
  if (image.no_home) {
    add_empty_home(step);
  } else {
    bind_folder(step, plan.identity.home, "home");
  }
  TRY(add_user_mounts(step, launch, settings));
  if (!image.no_home || !is_below(folder, plan.identity.home)) {
    bind_folder(step, folder, "working folder");
  }
  plan.process.cwd = image.workdir.empty() ? folder : image.workdir;
  if (stored != nullptr && !stored->config.workdir.empty()) {
    plan.process.cwd_fallback = stored->config.workdir;
  }

  if (plan.process.argv.empty()) return step;
  if (launch.stream) {
    TRY(connect_client(step, launch));
  } else {
    TRY(connect_files(step, launch, settings, folder));
  }
  return step;
}

}  // namespace gd::agent
