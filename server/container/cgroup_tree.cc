// Where the groups live on this machine.
#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "server/container/cgroup.h"
#include "server/container/cgroup_backend.h"

namespace gd::container {
namespace {

constexpr const char* kUnit = "system.slice/gdjobs.service";
constexpr const char* kFolder = "gd";
constexpr const char* kDaemonLeaf = "daemon";  // v2: processes may stand in leaves only

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string joined(const std::string& mount, std::string_view below) {
  while (below.starts_with('/')) below.remove_prefix(1);
  return below.empty() ? mount : mount + "/" + std::string(below);
}

// Frees an inner v2 group of processes, so that controllers can be enabled in it.
Result<void> move_processes(const std::string& from, const std::string& to) {
  if (::mkdir(to.c_str(), 0755) != 0 && errno != EEXIST) return os_error("make group " + to);
  for (const std::string& pid : split(read_text(from + "/cgroup.procs"), '\n')) {
    const Result<void> moved = write_file(to + "/cgroup.procs", pid);
    if (!moved.ok() && exists("/proc/" + pid)) return moved;
  }
  return {};
}

// Makes the controllers of `base` usable by its children, as far as the machine goes.
Result<void> prepare_v2(const std::string& mount, const std::string& base,
                        std::vector<std::string>& warnings) {
  TRY(make_directories(base, 0755));
  // Before any controller: a group with processes that gives on a threaded one (cpu, pids) takes
  // none into its children any more (EOPNOTSUPP).
  if (!read_text(base + "/cgroup.procs").empty()) {
    TRY(move_processes(base, base + "/" + kDaemonLeaf));
  }
  std::vector<std::string> missing;
  v2::enable_controllers(base, missing);
  if (missing.empty()) return {};
  // Not offered to us: the groups above may have to pass them on first.
  for (size_t at = mount.size(); at < base.size(); at = base.find('/', at + 1)) {
    std::vector<std::string> ignored;
    v2::enable_controllers(base.substr(0, at), ignored);
    if (base.find('/', at + 1) == std::string::npos) break;
  }
  missing.clear();
  v2::enable_controllers(base, missing);
  for (const std::string& name : missing) {
    warnings.push_back("cgroup controller " + name + " cannot be had in " + base);
  }
  return {};
}

Result<void> prepare_v1(const std::map<std::string, std::string>& base,
                        std::vector<std::string>& warnings) {
  for (const auto& [controller, path] : base) {
    TRY(make_directories(path, 0755));
    if (controller != "cpuset") continue;
    // New groups have neither cpus nor memory nodes; each level gives on what it has.
    for (size_t at = path.find('/', 1); at != std::string::npos;) {
      at = path.find('/', at + 1);
      const std::string folder = path.substr(0, at);
      for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
        const std::string own = read_text(folder + file);
        if (!exists(folder + file) || (!own.empty() && own != "\n")) continue;
        const std::string above = folder.substr(0, folder.rfind('/'));
        try_write(folder + file, read_text(above + file), warnings);
      }
    }
  }
  for (const char* controller : v1::kControllers) {
    if (!base.contains(controller)) {
      warnings.push_back("cgroup controller " + std::string(controller) + " is not mounted");
    }
  }
  return {};
}

std::string default_root(const CgroupMounts& mounts, CgroupMode mode) {
  if (mode != CgroupMode::v2) return kFolder;
  if (exists(joined(mounts.unified, kUnit))) return kUnit;
  const std::string own = parse_own_group(read_text("/proc/self/cgroup"));
  return own.empty() || own == "/" ? kFolder : own;
}

CgroupPaths paths_below(const CgroupPaths& base, const std::string& name) {
  CgroupPaths paths;
  if (!base.unified.empty()) paths.unified = base.unified + "/" + name;
  for (const auto& [controller, path] : base.v1) paths.v1[controller] = path + "/" + name;
  return paths;
}

Result<void> validate_group_name(const std::string& name) {
  if (name.empty() || name.size() > 128 || name.front() == '.' ||
      name.find('/') != std::string::npos || name == kDaemonLeaf) {
    return Error{ErrorCode::invalid, "group name '" + name + "': expected a plain name"};
  }
  return {};
}

}  // namespace

std::string_view cgroup_mode_name(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::v2: return "v2";
    case CgroupMode::v1: return "v1";
    case CgroupMode::hybrid: return "hybrid";
  }
  return "?";
}

CgroupMounts parse_cgroup_mounts(std::string_view mountinfo) {
  CgroupMounts mounts;
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 7 || words.end() - dash < 4) continue;
    const std::string& type = *(dash + 1);
    if (type == "cgroup2" && mounts.unified.empty()) mounts.unified = words[4];
    if (type != "cgroup") continue;
    for (const std::string& option : split(*(dash + 3), ',')) {
      const bool ours = std::any_of(std::begin(v1::kControllers), std::end(v1::kControllers),
                                    [&option](const char* name) { return option == name; });
      if (ours) mounts.v1.emplace(option, words[4]);
    }
  }
  return mounts;
}

std::string parse_own_group(std::string_view proc_self_cgroup) {
  for (const std::string& line : split(proc_self_cgroup, '\n')) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return {};
}

Result<Tree> Tree::discover(std::optional<std::string> root) {
  const CgroupMounts mounts = parse_cgroup_mounts(TRY(read_file("/proc/self/mountinfo")));
  if (mounts.unified.empty() && mounts.v1.empty()) {
    return Error{ErrorCode::unavailable, "no cgroup file system is mounted"};
  }
  Tree tree;
  tree.mode_ = mounts.v1.empty()        ? CgroupMode::v2
               : mounts.unified.empty() ? CgroupMode::v1
                                        : CgroupMode::hybrid;
  const std::string below = root ? *root : default_root(mounts, tree.mode_);
  if (below.empty() || below == "/") {
    return Error{ErrorCode::invalid, "cgroup root '" + below + "': expected a folder's name"};
  }
  if (!mounts.unified.empty()) tree.base_.unified = joined(mounts.unified, below);
  for (const auto& [controller, mount] : mounts.v1) {
    tree.base_.v1[controller] = joined(mount, below);
  }
  if (tree.mode_ == CgroupMode::v2) {
    TRY(prepare_v2(mounts.unified, tree.base_.unified, tree.warnings_));
  } else {
    if (!tree.base_.unified.empty()) TRY(make_directories(tree.base_.unified, 0755));
    TRY(prepare_v1(tree.base_.v1, tree.warnings_));
  }
  return tree;
}

Result<Cgroup> Tree::create(const std::string& name) {
  TRY(validate_group_name(name));
  Cgroup group(mode_, name, paths_below(base_, name));
  std::vector<std::string> made;
  for (const std::string& folder : group.folders()) {
    const auto cpuset = group.paths_.v1.find("cpuset");
    if (cpuset != group.paths_.v1.end() && cpuset->second == folder) continue;  // when asked for
    if (::mkdir(folder.c_str(), 0755) == 0) {
      made.push_back(folder);
      continue;
    }
    const int error = errno;
    for (const std::string& earlier : made) ::rmdir(earlier.c_str());
    Error failure = os_error("make group " + folder, error);
    if (error == EEXIST) failure.code = ErrorCode::exists;
    return failure;
  }
  return group;
}

Result<Cgroup> Tree::open_any(const std::string& name) const {
  TRY(validate_group_name(name));
  return Cgroup(mode_, name, paths_below(base_, name));
}

Result<Cgroup> Tree::open(const std::string& name) const {
  Cgroup group = TRY(open_any(name));
  if (!exists(group.tracking_folder())) {
    return Error{ErrorCode::not_found, "group " + name + " does not exist"};
  }
  return group;
}

Result<std::vector<std::string>> Tree::list() const {
  std::set<std::string> names;
  if (!base_.unified.empty()) {
    for (std::string& name : subfolders(base_.unified)) names.insert(std::move(name));
  }
  for (const auto& [controller, path] : base_.v1) {
    for (std::string& name : subfolders(path)) names.insert(std::move(name));
  }
  names.erase(kDaemonLeaf);
  return std::vector<std::string>(names.begin(), names.end());
}

std::string group_name(uint64_t job, uint64_t launch) {
  return "job_" + std::to_string(job) + "." + std::to_string(launch);
}

std::optional<GroupNumbers> parse_group_name(std::string_view name) {
  if (!name.starts_with("job_")) return std::nullopt;
  name.remove_prefix(4);
  GroupNumbers numbers;
  const char* end = name.data() + name.size();
  const auto job = std::from_chars(name.data(), end, numbers.job);
  if (job.ec != std::errc() || job.ptr == end || *job.ptr != '.') return std::nullopt;
  const auto launch = std::from_chars(job.ptr + 1, end, numbers.launch);
  if (launch.ec != std::errc() || launch.ptr != end) return std::nullopt;
  if (group_name(numbers.job, numbers.launch).size() != name.size() + 4) return std::nullopt;
  return numbers;
}

}  // namespace gd::container
