#include "server/agent/step_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/mount_request.h"
#include "base/text.h"
#include "server/container/mounts.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

using container::Access;
using container::Identity;
using container::MountSpec;

// Trees that are the system's or the container's own: no working folder or user's mount is
// bound over them.
constexpr std::array<std::string_view, 11> kSystemTrees = {
    "/proc", "/sys", "/dev", "/run", "/boot", "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"};
constexpr std::array<std::string_view, 4> kPrivateFolders = {"/", "/tmp", "/var/tmp", "/dev/shm"};

bool is_system(std::string_view path) {
  if (std::ranges::find(kPrivateFolders, path) != kPrivateFolders.end()) return true;
  return std::ranges::any_of(kSystemTrees, [&](auto tree) { return is_below(path, tree); });
}

bool covered(const std::vector<MountSpec>& mounts, std::string_view path) {
  return std::ranges::any_of(mounts, [&](const MountSpec& m) { return is_below(path, m.target); });
}

void add(PreparedStep& step, UniqueFd source, MountSpec mount) {
  mount.source_fd = source.get();
  step.plan.mounts.push_back(std::move(mount));
  step.keep.push_back(std::move(source));
}

// Home and working folder: a job without one of them still runs, and says so.
void bind_folder(PreparedStep& step, const std::string& path, std::string_view what) {
  if (is_system(path) || covered(step.plan.mounts, path)) return;
  Result<UniqueFd> fd = container::open_as_user(path, O_PATH | O_DIRECTORY, 0, step.plan.identity);
  if (!fd.ok()) {
    step.warnings.push_back(std::string(what) + ": " + fd.error().text);
    return;
  }
  add(step, std::move(fd).take(),
      {.target = path, .why = "the " + std::string(what) + ", opened with the user's own rights"});
}

// So that programs find the folder that HOME names; it goes with the job.
void add_empty_home(PreparedStep& step) {
  const Identity& identity = step.plan.identity;
  if (is_system(identity.home)) return;
  MountSpec mount{.kind = container::MountKind::tmpfs,
                  .target = identity.home,
                  .size_bytes = step.plan.tmp_bytes,
                  .why = "an empty home, as asked for"};
  step.plan.mounts.push_back(std::move(mount));
}

// The user's folder with all of her jobs' directories; this job's is made, unless it is only asked
// what would be.
Result<void> add_job_dirs(PreparedStep& step, const StepLaunch& launch,
                          const JobDirSettings& settings, std::vector<std::string>* refusals) {
  if (settings.root.empty()) return {};
  const Identity& identity = step.plan.identity;
  const std::string folder = settings.root + "/" + identity.user;
  MountSpec mount{.target = folder,
                  .why = folder + ", job directories, each kept for " +
                         format_interval(settings.keep) + " after its job"};
  if (refusals != nullptr) {
    const Result<void> room = check_job_dir_quota(settings, identity.user);
    if (!room.ok()) refusals->push_back(room.error().text);
    mount.source = folder;
    mount.if_missing = container::IfMissing::skip;
    step.plan.mounts.push_back(std::move(mount));
    return {};
  }
  TRY(make_job_dir(settings, identity.user, identity.uid, identity.gid, launch.job));
  add(step, TRY(open_file(folder, O_PATH | O_DIRECTORY)), std::move(mount));
  return {};
}

// What would fail in the making is told here, where it is known to be the request's fault.
Result<void> check_place(const PreparedStep& step, const std::string& target) {
  const MountSpec* below = nullptr;  // the mount that the target lies in
  for (const MountSpec& mount : step.plan.mounts) {
    if (mount.target == target) {
      return Error{ErrorCode::invalid, "something is mounted at " + target +
                                           " already; umount:" + target + " leaves it out"};
    }
    const bool nearer = below == nullptr || mount.target.size() > below->target.size();
    if (is_below(target, mount.target) && nearer) below = &mount;
  }
  if (below == nullptr || below->source_fd < 0) return {};
  const std::string there =
      "/proc/self/fd/" + std::to_string(below->source_fd) + target.substr(below->target.size());
  if (container::open_as_user(there, O_PATH, 0, step.plan.identity).ok()) return {};
  return Error{ErrorCode::not_found, target + " does not exist in what is mounted at " +
                                         below->target + ": make it first"};
}

Result<void> check_file(int fd, const std::string& path) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) return os_error(path);
  if (!S_ISBLK(about.st_mode) && !S_ISCHR(about.st_mode)) return {};
  return Error{ErrorCode::denied, path + " is a device: ask for it with --gres"};
}

Result<void> add_path(PreparedStep& step, const MountRequest& request,
                      const ShepherdSettings& settings) {
  UniqueFd fd = TRY(container::open_as_user(request.from, O_PATH, 0, step.plan.identity));
  // Judged by where it really is: the descriptor stays what it is, whatever is renamed.
  const std::string real = TRY(path_of(fd.get()));
  if (!may_mount(real, settings)) {
    return Error{ErrorCode::denied, real + " is not below the folders that may be mounted here (" +
                                        join(settings.mount_prefixes, ", ") +
                                        "), or is the system's own"};
  }
  TRY(check_file(fd.get(), real));
  TRY(check_place(step, request.target));
  const bool sealed = request.mode == MountMode::read_only;
  add(step, std::move(fd),
      {.target = request.target,
       .access = sealed ? Access::read_only : Access::read_write,
       .no_exec = request.no_exec,
       .recursive = request.recursive,
       .why = real + ", asked for: below a folder of mount_prefixes, opened with the user's own "
                     "rights"});
  return {};
}

Result<void> add_volume(PreparedStep& step, const MountRequest& request,
                        const ShepherdSettings& settings) {
  const Identity& identity = step.plan.identity;
  std::vector<std::string> groups = {identity.group};
  for (const container::Group& group : identity.groups) groups.push_back(group.name);
  const Volume& volume = *TRY(find_volume(settings.volumes, request, identity.user, groups));
  const VolumeUser who{.user = identity.user,
                       .uid = identity.uid,
                       .group = identity.group,
                       .gid = identity.gid,
                       .home = identity.home};
  const std::string path = TRY(expand_volume_path(volume.path, who));
  const std::string target = TRY(expand_volume_path(volume.target, who));
  TRY(check_mount_target(target));
  TRY(check_place(step, target));
  UniqueFd fd = TRY(container::open_as_user(path, O_PATH | O_DIRECTORY, 0, identity));
  // A user may own a part of the path, and lay a symlink there.
  const std::string real = TRY(path_of(fd.get()));
  if (is_system(real)) return Error{ErrorCode::denied, path + " leads to " + real};
  const bool sealed = volume.read_only || request.mode == MountMode::read_only;
  add(step, std::move(fd),
      {.target = target,
       .access = sealed ? Access::read_only : Access::read_write,
       .no_exec = request.no_exec,
       .why = real + ", volume " + volume.name + " of the administrator's" +
              (volume.read_only ? ", which is read-only" : "") +
              ", opened with the user's own rights"});
  return {};
}

Result<void> add_tmpfs(PreparedStep& step, const MountRequest& request) {
  TRY(check_place(step, request.target));
  MountSpec mount{.kind = container::MountKind::tmpfs,
                  .target = request.target,
                  .size_bytes = request.size_bytes.value_or(step.plan.tmp_bytes),
                  .no_exec = request.no_exec,
                  .why = "in memory, asked for"};
  step.plan.mounts.push_back(std::move(mount));
  return {};
}

// What the plan would mount there goes from it; what the node has mounted there is left out of
// the host image.
Result<void> leave_out(PreparedStep& step, const MountRequest& request) {
  container::LaunchPlan& plan = step.plan;
  const auto meant = [&](const auto& mount) { return is_below(mount.target, request.target); };
  bool found = std::erase_if(plan.mounts, meant) > 0;
  if (plan.image.kind == container::ImageKind::host) {
    const std::string table = TRY(read_file("/proc/self/mountinfo"));
    found = std::ranges::any_of(container::parse_host_mounts(table), meant) || found;
  }
  if (!found) return Error{ErrorCode::not_found, "nothing is mounted at " + request.target};
  plan.left_out.push_back(request.target);
  return {};
}

Result<void> add_one(PreparedStep& step, const MountRequest& request,
                     const ShepherdSettings& settings) {
  switch (request.source) {
    case MountSource::path: return add_path(step, request, settings);
    case MountSource::volume: return add_volume(step, request, settings);
    case MountSource::umount: return leave_out(step, request);
    case MountSource::tmpfs: break;
  }
  return add_tmpfs(step, request);
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

Result<std::string> path_of(int fd) {
  std::array<char, 4096> path;
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  if (length < 0) return os_error(link);
  return std::string(path.data(), static_cast<size_t>(length));
}

Result<void> add_mounts(PreparedStep& step, const StepLaunch& launch,
                        const ShepherdSettings& settings, const std::string& working_folder,
                        std::vector<std::string>* refusals) {
  const ImageSpec& image = launch.spec.image;
  const std::string& home = step.plan.identity.home;
  if (image.no_home) {
    add_empty_home(step);
  } else {
    bind_folder(step, home, "home");
  }
  TRY(add_job_dirs(step, launch, settings.job_dirs, refusals));
  for (const std::string& text : launch.spec.mounts) {
    const MountRequest request = TRY(parse_mount_request(text));
    Result<void> added = add_one(step, request, settings);
    if (added.ok()) continue;
    Error refused = std::move(added).error().in("mount " + text);
    if (refusals == nullptr) return refused;
    refusals->push_back(std::move(refused.text));
  }
  const auto left_out = [&](const std::string& folder) { return is_below(working_folder, folder); };
  const bool unwanted = std::ranges::any_of(step.plan.left_out, left_out) ||
                        (image.no_home && is_below(working_folder, home));
  if (!unwanted) bind_folder(step, working_folder, "working folder");
  if (launch.seals_root_mounts && image.root_inside) {
    seal_mounts(step.plan, settings.job_dirs.root + "/" + step.plan.identity.user);
  }
  return {};
}

void seal_mounts(container::LaunchPlan& plan, std::string_view but) {
  for (MountSpec& mount : plan.mounts) {
    const bool stays = mount.kind != container::MountKind::bind || mount.target == but ||
                       mount.access == Access::read_only;
    if (stays) continue;
    mount.access = Access::read_only;
    mount.why += "; read-only for root inside, by root_mounts_read_only of the partition";
  }
}

}  // namespace gd::agent
