// From a plan to the list of mount operations. Pure.
#include <sys/mount.h>

#include <algorithm>
#include <set>

#include "server/container/mounts.h"

namespace gd::container {
namespace {

// What is on no disk and on no server: never part of the host image.
const std::set<std::string_view> kPseudo = {
    "autofs",      "binfmt_misc", "bpf",      "cgroup",   "cgroup2", "configfs",
    "debugfs",     "devpts",      "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
    "mqueue",      "nsfs",        "proc",     "pstore",   "ramfs",   "rpc_pipefs",
    "securityfs",  "selinuxfs",   "sysfs",    "tmpfs",    "tracefs", "fuse.gvfsd-fuse",
    "fuse.portal", "fuse.lxcfs"};

// Private in every container, or the stores of other container engines.
constexpr std::string_view kNotOurs[] = {"/proc",
                                         "/sys",
                                         "/dev",
                                         "/run",
                                         "/tmp",
                                         "/var/tmp",
                                         "/var/lib/docker",
                                         "/var/lib/containers",
                                         "/var/lib/containerd",
                                         "/boot/efi"};

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < line.size()) {
    const size_t end = std::min(line.find(' ', at), line.size());
    if (end > at) words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

class Builder {
 public:
  Builder(const LaunchPlan& plan, const IdMaps& maps) : plan_(plan), maps_(maps) {
    tree_.image = plan.image.kind == ImageKind::host ? "/" : plan.image.path;
    tree_.root_uid = outside(maps.uids, 0);
    tree_.root_gid = outside(maps.gids, 0);
    tree_.root_access = plan.root_access;
    tree_.writable_bytes = plan.writable_bytes;
    tree_.layer = plan.layer;
    tree_.root_to = plan.root_to;
    tree_.staging = plan.staging;
  }

  void add_host_mounts(const std::vector<HostMount>& host) {
    if (plan_.image.kind != ImageKind::host) return;
    for (const HostMount& mount : host) {
      const bool bound_anyway = std::any_of(
          plan_.mounts.begin(), plan_.mounts.end(),
          [&mount](const MountSpec& own) { return is_below(mount.target, own.target); });
      const bool left_out = std::any_of(
          plan_.left_out.begin(), plan_.left_out.end(),
          [&mount](const std::string& folder) { return is_below(mount.target, folder); });
      if (bound_anyway || left_out) continue;
      MountOp& op = add(OpKind::bind, mount.target);
      op.source = mount.target;
      op.access = Access::read_only;
      op.if_missing = IfMissing::skip;
      op.id_mapped = true;
    }
  }

  void add_kernel_views() {
    add(OpKind::proc, "/proc").flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    add(OpKind::sysfs, "/sys").flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
    // On a hybrid machine the v2 tree holds no limits, so there is nothing to see in it.
    if (plan_.cgroup.unified_fd >= 0 && plan_.cgroup.procs_fds.empty()) {
      add(OpKind::cgroup2, "/sys/fs/cgroup").flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
    }
  }

  // Nodes are made, not bound: the mount belongs to the initial user namespace, so they
  // work, and nobody inside may make another.
  void add_dev() {
    MountOp& dev = add(OpKind::tmpfs, "/dev");
    dev.flags = MS_NOSUID | MS_NOEXEC;
    dev.text = "mode=0755,size=64k" + owner_options();
    const struct {
      const char* name;
      uint32_t minor;
    } memory_devices[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}};
    for (const auto& [name, minor] : memory_devices) add_device(name, 1, minor);
    add_device("tty", 5, 0);
    const struct {
      const char* name;
      const char* to;
    } links[] = {{"fd", "/proc/self/fd"},
                 {"stdin", "/proc/self/fd/0"},
                 {"stdout", "/proc/self/fd/1"},
                 {"stderr", "/proc/self/fd/2"},
                 {"ptmx", "pts/ptmx"}};
    for (const auto& [name, to] : links) add(OpKind::link, std::string("/dev/") + name).text = to;

    constexpr uint32_t kTtyGroup = 5;
    MountOp& pts = add(OpKind::devpts, "/dev/pts");
    pts.flags = MS_NOSUID | MS_NOEXEC;
    pts.text =
        "newinstance,ptmxmode=0666,mode=0620,gid=" + std::to_string(outside(maps_.gids, kTtyGroup));
    MountOp& queue = add(OpKind::mqueue, "/dev/mqueue");
    queue.flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    queue.if_missing = IfMissing::skip;
    add_tmpfs("/dev/shm", 01777, plan_.shm_bytes);
  }

  void add_plan_devices() {
    for (const DeviceSpec& device : plan_.devices) {
      for (size_t slash = device.path.find('/', 5); slash != std::string::npos;
           slash = device.path.find('/', slash + 1)) {
        const std::string folder = device.path.substr(0, slash);
        const auto same = [&folder](const MountOp& op) { return op.target == folder; };
        if (std::none_of(tree_.ops.begin(), tree_.ops.end(), same)) add(OpKind::folder, folder);
      }
      MountOp& op = add(OpKind::device, device.path);
      op.mode = 0600;
      op.uid = plan_.identity.uid;
      op.gid = plan_.identity.gid;
      op.device_major = device.major;
      op.device_minor = device.minor;
      op.block_device = device.type == 'b';
      op.granted = true;
      op.why = device.why;
    }
  }

  void add_private_folders() {
    constexpr uint64_t kRunBytes = uint64_t{64} << 20;
    add_tmpfs("/run", 0755, kRunBytes);
    MountOp& lock = add(OpKind::folder, "/run/lock");
    lock.mode = 01777;
    add_tmpfs("/tmp", 01777, plan_.tmp_bytes);
    add_tmpfs("/var/tmp", 01777, plan_.tmp_bytes);
  }

  void add_plan_mounts() {
    for (const MountSpec& mount : plan_.mounts) {
      if (mount.kind == MountKind::tmpfs) {
        add_tmpfs(mount.target, 01777, mount.size_bytes);
        if (mount.no_exec) tree_.ops.back().flags |= MS_NOEXEC;
        tree_.ops.back().why = mount.why;
        continue;
      }
      MountOp& op = add(OpKind::bind, mount.target);
      op.source = mount.source;
      op.source_fd = mount.source_fd;
      op.access = mount.access;
      op.if_missing = mount.if_missing;
      op.recursive = mount.recursive;
      op.no_exec = mount.no_exec;
      op.why = mount.why;
    }
  }

  void add_files(const std::vector<FileSpec>& files) {
    for (const FileSpec& file : files) {
      MountOp& op = add(OpKind::file, file.path);
      op.text = file.content;
      op.mode = file.mode;
      if (file.owner == FileSpec::Owner::user) {
        op.uid = plan_.identity.uid;
        op.gid = plan_.identity.gid;
      }
    }
  }

  void add_masks() {
    constexpr const char* kMasked[] = {
        "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/scsi",       "/proc/acpi",        "/proc/asound",
        "/proc/interrupts", "/sys/firmware",     "/sys/devices/virtual/powercap"};
    constexpr const char* kReadOnly[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
                                         "/proc/bus", "/proc/fs"};
    for (const char* path : kMasked) add(OpKind::mask, path);
    for (const char* path : kReadOnly) add(OpKind::read_only, path);
  }

  MountTree take() { return std::move(tree_); }

 private:
  static uint32_t outside(const std::vector<Extent>& map, uint32_t inside) {
    return to_outside(map, inside).value_or(65534);
  }

  [[nodiscard]] std::string owner_options() const {
    return ",uid=" + std::to_string(tree_.root_uid) + ",gid=" + std::to_string(tree_.root_gid);
  }

  MountOp& add(OpKind kind, std::string target) {
    MountOp& op = tree_.ops.emplace_back();
    op.kind = kind;
    op.target = std::move(target);
    op.uid = tree_.root_uid;
    op.gid = tree_.root_gid;
    return op;
  }

  void add_device(const char* name, uint32_t major, uint32_t minor) {
    MountOp& op = add(OpKind::device, std::string("/dev/") + name);
    op.mode = 0666;
    op.device_major = major;
    op.device_minor = minor;
  }

  void add_tmpfs(const std::string& target, mode_t mode, uint64_t bytes) {
    MountOp& op = add(OpKind::tmpfs, target);
    op.flags = MS_NOSUID | MS_NODEV;
    op.text = "mode=" + std::string(mode == 0755 ? "0755" : "1777") +
              ",size=" + std::to_string(bytes) + owner_options();
  }

  const LaunchPlan& plan_;
  const IdMaps& maps_;
  MountTree tree_;
};

const char* kind_name(OpKind kind) {
  switch (kind) {
    case OpKind::bind: return "bind";
    case OpKind::tmpfs: return "tmpfs";
    case OpKind::proc: return "proc";
    case OpKind::sysfs: return "sysfs";
    case OpKind::cgroup2: return "cgroup2";
    case OpKind::devpts: return "devpts";
    case OpKind::mqueue: return "mqueue";
    case OpKind::folder: return "folder";
    case OpKind::link: return "link";
    case OpKind::device: return "device";
    case OpKind::file: return "file";
    case OpKind::mask: return "mask";
    case OpKind::read_only: return "read-only";
  }
  return "?";
}

}  // namespace

std::vector<HostMount> parse_host_mounts(std::string_view mountinfo) {
  std::vector<HostMount> result;
  std::set<std::string> seen;
  while (!mountinfo.empty()) {
    const size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    const std::vector<std::string_view> words = words_of(mountinfo.substr(0, end));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 7 || words.end() - dash < 2) continue;
    const std::string_view type = *(dash + 1);
    const std::string target = unescape(words[4]);
    if (target == "/" || kPseudo.contains(type)) continue;
    if (std::any_of(std::begin(kNotOurs), std::end(kNotOurs),
                    [&target](std::string_view folder) { return is_below(target, folder); })) {
      continue;
    }
    if (!seen.insert(target).second) continue;  // mounted over: the path gives the upper one
    if (!validate_path(target, "mount").ok()) continue;
    if (result.size() < kMaxHostMounts) result.push_back({target, std::string(type)});
  }
  return result;
}

MountTree build_mounts(const LaunchPlan& plan, const IdMaps& maps,
                       const std::vector<HostMount>& host, const std::vector<FileSpec>& files) {
  Builder builder(plan, maps);
  builder.add_host_mounts(host);
  builder.add_kernel_views();
  builder.add_dev();
  builder.add_plan_devices();
  builder.add_private_folders();
  builder.add_files(files);
  builder.add_files(plan.files);
  builder.add_plan_mounts();  // after our files, which root must not write through one of them
  builder.add_masks();        // last: nothing may be laid over them
  return builder.take();
}

Result<void> check(const MountTree& tree) {
  if (tree.ops.size() > kMaxOperations) {
    return Error{ErrorCode::invalid, "mount tree: " + std::to_string(tree.ops.size()) +
                                         " operations, at most " + std::to_string(kMaxOperations)};
  }
  for (const MountOp& op : tree.ops) {
    TRY(validate_path(op.target, kind_name(op.kind)));
    if (op.target == "/") return Error{ErrorCode::invalid, "mount tree: an operation on /"};
    const bool device_allowed = op.target == "/dev" || op.target == "/dev/pts";
    const bool makes_mount = op.kind == OpKind::tmpfs || op.kind == OpKind::devpts ||
                             op.kind == OpKind::mqueue || op.kind == OpKind::proc ||
                             op.kind == OpKind::sysfs || op.kind == OpKind::cgroup2;
    if (makes_mount &&
        ((op.flags & MS_NOSUID) == 0 || ((op.flags & MS_NODEV) == 0 && !device_allowed))) {
      return Error{ErrorCode::internal, "mount tree: " + render(op) + " is not nosuid, nodev"};
    }
  }
  return {};
}

void hand_to_runtime(MountTree& tree, Network network) {
  for (MountOp& op : tree.ops) {
    switch (op.kind) {
      case OpKind::proc:
      case OpKind::cgroup2:
      case OpKind::devpts:
      case OpKind::mqueue:
      case OpKind::mask:
      case OpKind::read_only: op.maker = Maker::runtime; break;
      case OpKind::device:
        if (!op.granted) op.maker = Maker::runtime;
        break;
      case OpKind::sysfs:
        if (network == Network::none) op.maker = Maker::runtime;
        break;
      default: break;
    }
  }
}

std::string render(const MountOp& op) {
  std::string text = std::string(kind_name(op.kind)) + " " + op.target;
  switch (op.kind) {
    case OpKind::bind:
      text += " from " + (op.source_fd >= 0 ? "descriptor" : op.source);
      text += op.access == Access::read_only ? " ro" : " rw";
      if (op.no_exec) text += " noexec";
      if (op.id_mapped) text += " idmapped";
      break;
    case OpKind::link: text += " -> " + op.text; break;
    case OpKind::file: text += " " + std::to_string(op.text.size()) + " bytes"; break;
    case OpKind::device:
      text += " " + std::to_string(op.device_major) + ":" + std::to_string(op.device_minor);
      break;
    case OpKind::tmpfs:
    case OpKind::devpts: text += " " + op.text; break;
    default: break;
  }
  return text;
}

}  // namespace gd::container
