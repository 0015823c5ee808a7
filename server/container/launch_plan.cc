// Judging a plan: limits, paths, names and conflicts. Pure.
#include "server/container/launch_plan.h"

#include <sys/resource.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace gd::container {
namespace {

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

Error too_many(const std::string& what, size_t is, size_t most) {
  return invalid(what + ": " + std::to_string(is) + " given, at most " + std::to_string(most) +
                 " allowed");
}

Result<void> validate_identity(const Identity& identity) {
  if (identity.uid == 0) return invalid("uid 0: a container runs as an ordinary user");
  if (identity.gid == 0) return invalid("gid 0: a container runs in an ordinary group");
  if (identity.uid == ~uid_t{0}) return invalid("uid 4294967295 is no user");
  if (identity.gid == ~gid_t{0}) return invalid("gid 4294967295 is no group");
  if (identity.groups.size() > kMaxGroups) {
    return too_many("supplementary groups", identity.groups.size(), kMaxGroups);
  }
  const auto bad_text = [](const std::string& text) {
    return text.find_first_of(std::string_view(":\n\0", 3)) != std::string::npos;
  };
  for (const std::string* text : {&identity.user, &identity.group, &identity.shell}) {
    if (bad_text(*text)) return invalid("name '" + *text + "' holds a colon, newline or NUL");
  }
  for (const Group& group : identity.groups) {
    if (bad_text(group.name)) return invalid("group name '" + group.name + "' is malformed");
  }
  if (identity.user.empty()) return invalid("user name is empty");
  if (bad_text(identity.home)) return invalid("home '" + identity.home + "' is malformed");
  return validate_path(identity.home, "home");
}

bool contains(const SubordinateRange& range, uint32_t id) {
  return id >= range.start && id - range.start < range.count;
}

Result<void> validate_range(const LaunchPlan& plan) {
  const SubordinateRange& range = plan.subordinate;
  const std::string text =
      "subordinate range " + std::to_string(range.start) + "+" + std::to_string(range.count);
  if (range.count < kMinSubordinateIds) {
    return invalid(text + ": has fewer than " + std::to_string(kMinSubordinateIds) + " ids");
  }
  if (range.start < kMinSubordinateIds) return invalid(text + ": starts among ordinary ids");
  if (range.count - 1 >= ~uint32_t{0} - range.start) return invalid(text + ": passes 4294967294");
  if (contains(range, plan.identity.uid)) return invalid(text + ": holds the user's own uid");
  if (contains(range, plan.identity.gid)) return invalid(text + ": holds the user's own gid");
  for (const Group& group : plan.identity.groups) {
    if (contains(range, group.gid)) {
      return invalid(text + ": holds the user's group " + std::to_string(group.gid));
    }
  }
  return {};
}

Result<void> validate_strings(const std::vector<std::string>& list, const std::string& what,
                              size_t most, size_t most_bytes) {
  if (list.size() > most) return too_many(what, list.size(), most);
  size_t bytes = 0;
  for (const std::string& text : list) {
    if (text.find('\0') != std::string::npos) return invalid(what + ": an entry holds a NUL");
    bytes += text.size() + 1;
  }
  if (bytes > most_bytes) return too_many(what + " bytes", bytes, most_bytes);
  return {};
}

Result<void> validate_limits(const std::vector<ResourceLimit>& limits) {
  std::set<int> seen;
  for (const ResourceLimit& limit : limits) {
    const std::string name(rlimit_name(limit.resource));
    if (name.empty()) return invalid("rlimit " + std::to_string(limit.resource) + " is unknown");
    if (!seen.insert(limit.resource).second) return invalid("rlimit " + name + " is given twice");
    if (limit.soft > limit.hard) {
      return invalid("rlimit " + name + ": soft " + std::to_string(limit.soft) + " is above hard " +
                     std::to_string(limit.hard));
    }
  }
  return {};
}

Result<void> validate_process(const ProcessPlan& process) {
  TRY(validate_strings(process.argv, "argv", kMaxArgs, kMaxArgBytes));
  TRY(validate_strings(process.env, "env", kMaxEnvEntries, kMaxEnvBytes));
  for (const std::string& entry : process.env) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid("env entry '" + entry + "' is not NAME=value");
    }
  }
  if (!process.argv.empty() && process.argv[0].empty()) return invalid("argv[0] is empty");
  TRY(validate_path(process.cwd, "cwd"));
  TRY(validate_path(process.cwd_fallback, "cwd fallback"));
  if (process.umask > 0777) return invalid("umask is above 0777");
  if (process.oom_score_adj < 0 || process.oom_score_adj > 1000) {
    return invalid("oom_score_adj " + std::to_string(process.oom_score_adj) +
                   ": expected 0 to 1000");
  }
  if (process.stdio.terminal &&
      (process.stdio.in >= 0 || process.stdio.out >= 0 || process.stdio.err >= 0)) {
    return invalid("stdio: a terminal and descriptors are both given");
  }
  if (process.seccomp.size() % 8 != 0) {
    return invalid("seccomp program: " + std::to_string(process.seccomp.size()) +
                   " bytes are not whole instructions");
  }
  return validate_limits(process.rlimits);
}

Result<void> validate_mount(const MountSpec& mount) {
  TRY(validate_path(mount.target, "mount target"));
  const std::string what = "mount " + mount.target;
  static const std::set<std::string> kOurs = {"/", "/proc", "/sys", "/dev", "/run"};
  if (kOurs.contains(mount.target)) return invalid(what + ": is the container's own");
  for (const char* below : {"/proc/", "/sys/"}) {
    if (mount.target.starts_with(below)) return invalid(what + ": is below " + below);
  }
  if (mount.kind == MountKind::tmpfs) {
    if (mount.source_fd >= 0 || !mount.source.empty()) {
      return invalid(what + ": a tmpfs has no source");
    }
    if (mount.size_bytes == 0) return invalid(what + ": a tmpfs needs a size");
    return {};
  }
  if (mount.source_fd >= 0 && !mount.source.empty()) {
    return invalid(what + ": has a descriptor and a path as source");
  }
  if (mount.source_fd < 0) TRY(validate_path(mount.source, what + ": source"));
  return {};
}

Result<void> validate_targets(const LaunchPlan& plan) {
  if (plan.mounts.size() > kMaxMounts) return too_many("mounts", plan.mounts.size(), kMaxMounts);
  if (plan.files.size() > kMaxFiles) return too_many("files", plan.files.size(), kMaxFiles);
  std::set<std::string> targets;
  for (const MountSpec& mount : plan.mounts) {
    TRY(validate_mount(mount));
    if (!targets.insert(mount.target).second) {
      return invalid("mount " + mount.target + ": is given twice");
    }
  }
  for (const FileSpec& file : plan.files) {
    TRY(validate_path(file.path, "file"));
    if (file.path == "/") return invalid("file /: is a folder");
    if (file.content.size() > kMaxFileContentBytes) {
      return too_many("file " + file.path + " bytes", file.content.size(), kMaxFileContentBytes);
    }
    if (!targets.insert(file.path).second) {
      return invalid("file " + file.path + ": is given twice, or is a mount too");
    }
  }
  return {};
}

Result<void> validate_devices(const LaunchPlan& plan) {
  if (plan.devices.size() > kMaxDevices) {
    return too_many("devices", plan.devices.size(), kMaxDevices);
  }
  std::set<std::string> paths = {"/dev/null",    "/dev/zero", "/dev/full",   "/dev/random",
                                 "/dev/urandom", "/dev/tty",  "/dev/ptmx",   "/dev/fd",
                                 "/dev/stdin",   "/dev/pts",  "/dev/stdout", "/dev/stderr",
                                 "/dev/mqueue",  "/dev/shm"};
  for (const DeviceSpec& device : plan.devices) {
    TRY(validate_path(device.path, "device"));
    if (!device.path.starts_with("/dev/"))
      return invalid("device " + device.path + ": not in /dev");
    if (device.type != 'c' && device.type != 'b') {
      return invalid("device " + device.path + ": neither character nor block");
    }
    for (const char* below : {"/dev/pts/", "/dev/shm/", "/dev/mqueue/", "/dev/fd/"}) {
      if (device.path.starts_with(below))
        return invalid("device " + device.path + ": below " + below);
    }
    if (!paths.insert(device.path).second) {
      return invalid("device " + device.path + ": is given twice, or is the container's own");
    }
  }
  return {};
}

Result<void> validate_hostname(const std::string& name) {
  if (name.size() > kMaxHostnameBytes) {
    return too_many("hostname bytes", name.size(), kMaxHostnameBytes);
  }
  for (const char c : name) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.' || c == '_';
    if (!fine) return invalid("hostname '" + name + "': expected letters, digits, '-', '.', '_'");
  }
  return {};
}

}  // namespace

Result<void> validate_path(const std::string& path, const std::string& what) {
  const std::string name = what + " '" + path + "'";
  if (path.empty()) return invalid(what + ": is empty, expected an absolute path");
  if (path.size() > kMaxPathBytes) return too_many(what + " bytes", path.size(), kMaxPathBytes);
  if (path.find('\0') != std::string::npos) return invalid(what + ": holds a NUL");
  if (path.front() != '/') return invalid(name + ": is not absolute");
  if (path == "/") return {};
  size_t start = 1;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = std::string_view(path).substr(start, end - start);
    if (part.empty()) return invalid(name + ": has an empty part");
    if (part == "." || part == "..") {
      return invalid(name + ": has the part '" + std::string(part) + "'");
    }
    start = end + 1;
  }
  return {};
}

Result<void> validate(const Identity& identity, const ProcessPlan& process) {
  TRY(validate_identity(identity));
  TRY(validate_process(process));
  if (process.argv.empty()) return invalid("argv is empty");
  return {};
}

Result<void> validate(const LaunchPlan& plan) {
  TRY(validate_identity(plan.identity));
  TRY(validate_range(plan));
  TRY(validate_process(plan.process));
  if (plan.process.argv.empty() && plan.lifetime == Lifetime::process) {
    return invalid("argv is empty");
  }
  if (plan.image.kind == ImageKind::directory) {
    TRY(validate_path(plan.image.path, "image"));
    if (plan.image.path == "/") return invalid("image '/': use the host image");
  } else if (!plan.image.path.empty()) {
    return invalid("image '" + plan.image.path + "': the host image has no path");
  }
  TRY(validate_path(plan.staging, "staging"));
  if (!plan.layer.empty()) TRY(validate_path(plan.layer, "layer"));
  TRY(validate_targets(plan));
  TRY(validate_devices(plan));
  TRY(validate_hostname(plan.hostname));
  for (const uint64_t bytes : {plan.writable_bytes, plan.tmp_bytes, plan.shm_bytes}) {
    if (bytes == 0) return invalid("writable, tmp and shm sizes must be above 0");
  }
  if (plan.root_mode == RootMode::as_user && !plan.process.keep_capabilities.empty()) {
    return invalid("capabilities are kept only with root inside");
  }
  return {};
}

}  // namespace gd::container
