// Sources opened in the parent; the tree made in the child.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "server/container/mounts.h"
#include "server/container/syscalls.h"

namespace gd::container {
namespace {

// ---- Parent.

struct CloneOptions {
  Access access;
  bool recursive;
  int userns_fd;  // -1: not id-mapped
  bool no_exec = false;
};

int set_attributes(int tree, const CloneOptions& options) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (options.access == Access::read_only) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (options.no_exec) attributes.attr_set |= MOUNT_ATTR_NOEXEC;
  // A clone of a shared mount is its peer: what we mount below would appear on the node.
  attributes.propagation = MS_PRIVATE;
  if (options.userns_fd >= 0) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(options.userns_fd);
  }
  const unsigned flags = AT_EMPTY_PATH | (options.recursive ? unsigned{AT_RECURSIVE} : 0U);
  return ::mount_setattr(tree, "", flags, &attributes, sizeof attributes);
}

// `from_fd` with an empty path, or AT_FDCWD with a path.
Result<UniqueFd> clone_tree(int from_fd, const std::string& path, CloneOptions options,
                            std::vector<std::string>& notes) {
  const unsigned flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH |
                         (options.recursive ? unsigned{AT_RECURSIVE} : 0U);
  UniqueFd tree(::open_tree(from_fd, path.c_str(), flags));
  if (!tree.valid()) return os_error("open " + path);
  if (set_attributes(tree.get(), options) == 0) return tree;
  if (options.userns_fd < 0 || (errno != EINVAL && errno != EPERM)) {
    return os_error("set mount attributes of " + path);
  }
  notes.push_back(path + ": this file system takes no id map; its owners show as nobody");
  options.userns_fd = -1;
  if (set_attributes(tree.get(), options) != 0) {
    return os_error("set mount attributes of " + path);
  }
  return tree;
}

// ---- Child. Nothing below allocates.

constexpr uint64_t kInside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

// Closes at the end of the scope; UniqueFd would do, this says that errno survives.
struct ScopedFd {
  int fd;
  explicit ScopedFd(int value) : fd(value) {}
  ScopedFd(const ScopedFd&) = delete;
  ScopedFd& operator=(const ScopedFd&) = delete;
  ~ScopedFd() {
    const int saved = errno;
    if (fd >= 0) ::close(fd);
    errno = saved;
  }
};

// The new root in the making, and the file systems that were made for it.
struct Inside {
  int root = -1;
  int empty = -1;  // a folder with nothing in it
  std::array<dev_t, kMaxOperations + 1> own{};
  size_t own_count = 0;
};

int add_own(Inside& inside, int folder) {
  struct stat status {};
  if (::fstat(folder, &status) != 0) return -1;
  inside.own[inside.own_count++] = status.st_dev;  // one an operation at most, and the root
  return 0;
}

// A bind mount is as missing a place as none: root creates nothing on the node.
bool may_create(const Inside& inside, int folder) {
  struct stat status {};
  if (::fstat(folder, &status) != 0) return false;
  for (size_t i = 0; i < inside.own_count; ++i) {
    if (inside.own[i] == status.st_dev) return true;
  }
  errno = ENOENT;
  return false;
}

enum class Want : uint8_t { folder, file };

struct Owner {
  uint32_t uid;
  uint32_t gid;
};

// Opens (O_PATH) the folder that holds `path`, making what is missing; `name` becomes its
// last part. -1 and errno on failure.
int open_parent(const Inside& inside, const char* path, Owner owner, const char** name) {
  const int root = inside.root;
  std::array<char, kMaxPathBytes + 1> prefix{};
  int folder = ::fcntl(root, F_DUPFD_CLOEXEC, 3);
  const char* part = path + 1;
  for (const char* slash = std::strchr(part, '/'); slash != nullptr && folder >= 0;
       slash = std::strchr(part, '/')) {
    const auto length = static_cast<size_t>(slash - path);
    std::memcpy(prefix.data(), path, length);
    prefix[length] = '\0';
    int next = sys_openat2(root, prefix.data() + 1, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, kInside);
    if (next < 0 && errno == ENOENT && may_create(inside, folder)) {
      const char* own = prefix.data() + (part - path);
      if (::mkdirat(folder, own, 0755) == 0 &&
          ::fchownat(folder, own, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) == 0) {
        next = sys_openat2(root, prefix.data() + 1, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, kInside);
      }
    }
    const ScopedFd done(folder);
    folder = next;
    part = slash + 1;
  }
  *name = part;
  return folder;
}

int open_target(const Inside& inside, const char* path, Want want, Owner owner) {
  const int root = inside.root;
  const int found = sys_openat2(root, path + 1, O_PATH | O_CLOEXEC, 0, kInside);
  if (found >= 0 || errno != ENOENT) return found;
  const char* name = nullptr;
  const ScopedFd parent(open_parent(inside, path, owner, &name));
  if (parent.fd < 0 || !may_create(inside, parent.fd)) return -1;
  if (want == Want::folder) {
    if (::mkdirat(parent.fd, name, 0755) != 0) return -1;
  } else if (::mknodat(parent.fd, name, S_IFREG | 0644, 0) != 0) {
    return -1;
  }
  if (::fchownat(parent.fd, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  return sys_openat2(root, path + 1, O_PATH | O_CLOEXEC, 0, kInside);
}

// The running process's own name for a descriptor; the node's /proc is still there.
std::array<char, 32> proc_path(int fd) {
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
  return path;
}

int attach(int tree, int target) {
  return ::move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int attach_clone(int source, int target, uint64_t attributes_set) {
  const ScopedFd clone(::open_tree(source, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH));
  if (clone.fd < 0) return -1;
  mount_attr attributes{};
  attributes.attr_set = attributes_set;
  if (::mount_setattr(clone.fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) return -1;
  return attach(clone.fd, target);
}

int make_mount(const Inside& inside, const MountOp& op, const char* type) {
  const ScopedFd target(open_target(inside, op.target.c_str(), Want::folder, {op.uid, op.gid}));
  if (target.fd < 0) return -1;
  const int done = ::mount(type, proc_path(target.fd).data(), type, op.flags, op.text.c_str());
  if (done != 0 && op.if_missing == IfMissing::skip) return 0;
  return done;
}

int make_file(const Inside& inside, const MountOp& op) {
  const char* name = nullptr;
  const ScopedFd parent(open_parent(inside, op.target.c_str(), {op.uid, op.gid}, &name));
  if (parent.fd < 0 || !may_create(inside, parent.fd)) return -1;
  // Written beside and renamed, so that a symlink of the image is replaced, not followed.
  constexpr const char* kBeside = ".gd-new-file";
  // An O_PATH descriptor serves as folder of the *at() calls.
  const ScopedFd file(
      ::openat(parent.fd, kBeside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.fd < 0) return -1;
  size_t done = 0;
  while (done < op.text.size()) {
    const ssize_t count = ::write(file.fd, op.text.data() + done, op.text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    done += static_cast<size_t>(count);
  }
  if (::fchown(file.fd, op.uid, op.gid) != 0 || ::fchmod(file.fd, op.mode) != 0) return -1;
  return ::renameat(parent.fd, kBeside, parent.fd, name);
}

int make_entry(const Inside& inside, const MountOp& op) {
  const char* name = nullptr;
  const ScopedFd parent(open_parent(inside, op.target.c_str(), {op.uid, op.gid}, &name));
  if (parent.fd < 0 || !may_create(inside, parent.fd)) return -1;
  int done = -1;
  if (op.kind == OpKind::folder) {
    done = ::mkdirat(parent.fd, name, op.mode);
  } else if (op.kind == OpKind::link) {
    done = ::symlinkat(op.text.c_str(), parent.fd, name);
  } else {
    done = ::mknodat(parent.fd, name, (op.block_device ? S_IFBLK : S_IFCHR) | op.mode,
                     makedev(op.device_major, op.device_minor));
  }
  if (done != 0) return -1;
  if (op.kind == OpKind::folder && ::fchmodat(parent.fd, name, op.mode, 0) != 0) return -1;
  return ::fchownat(parent.fd, name, op.uid, op.gid, AT_SYMLINK_NOFOLLOW);
}

int hide(int root, int empty_folder, const MountOp& op) {
  const ScopedFd target(sys_openat2(root, op.target.c_str() + 1, O_PATH | O_CLOEXEC, 0, kInside));
  if (target.fd < 0) return errno == ENOENT ? 0 : -1;
  constexpr uint64_t kDead = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  if (op.kind == OpKind::read_only) {
    return attach_clone(target.fd, target.fd, kDead | MOUNT_ATTR_NODEV);
  }
  struct stat status {};
  if (::fstat(target.fd, &status) != 0) return -1;
  if (S_ISDIR(status.st_mode)) {
    return attach_clone(empty_folder, target.fd, kDead | MOUNT_ATTR_NODEV);
  }
  const ScopedFd null(sys_openat2(root, "dev/null", O_PATH | O_CLOEXEC, 0, kInside));
  return null.fd < 0 ? -1 : attach_clone(null.fd, target.fd, kDead);
}

// Places within the private tmpfs; the working folder is its root.
int make_stage(const MountTree& tree, const char* options) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return -1;
  if (::mount("gd", tree.staging.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options) != 0) return -1;
  if (::chdir(tree.staging.c_str()) != 0) return -1;
  for (const char* name : {"lower", "layer", "root", "empty"}) {
    if (::mkdir(name, 0755) != 0) return -1;
  }
  return 0;
}

// What is written over the image: in this tmpfs, or where it is kept.
int make_layer(const MountTree& tree, int kept) {
  if (kept >= 0) {
    if (::move_mount(kept, "", AT_FDCWD, "layer", MOVE_MOUNT_F_EMPTY_PATH) != 0) return -1;
  } else {
    for (const char* name : {"layer/upper", "layer/work"}) {
      if (::mkdir(name, 0755) != 0) return -1;
    }
  }
  return ::chown("layer/upper", tree.root_uid, tree.root_gid);
}

int make_root(int image) {
  if (::move_mount(image, "", AT_FDCWD, "lower", MOVE_MOUNT_F_EMPTY_PATH) != 0) return -1;
  return ::mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV,
                 "lowerdir=lower,upperdir=layer/upper,workdir=layer/work");
}

// A mount of its own, in no namespace: before anything is mounted in the root.
int hand_out(int root, int to) {
  if (to < 0) return 0;
  const ScopedFd copy(::open_tree(root, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH));
  if (copy.fd < 0) return -1;
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &copy.fd, sizeof copy.fd);
  return ::sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -1;
}

// Of the root alone, once all is in it: what is mounted in it keeps its own access.
int seal(int root, Access access) {
  if (access == Access::read_write) return 0;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return ::mount_setattr(root, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
}

constexpr int kAtStage = -1, kAtRoot = -2, kAtPivot = -3, kAtSeal = -4;

}  // namespace

Result<PreparedMounts> PreparedMounts::prepare(MountTree tree, int userns_fd, int image_userns_fd) {
  TRY(check(tree));
  PreparedMounts self;
  self.stage_options_ = "mode=0755,size=" + std::to_string(tree.writable_bytes);
  self.image_ = TRY(
      clone_tree(AT_FDCWD, tree.image, {Access::read_only, false, image_userns_fd}, self.notes_));
  if (!tree.layer.empty()) {
    self.layer_ =
        TRY(clone_tree(AT_FDCWD, tree.layer, {Access::read_write, false, -1}, self.notes_));
  }
  std::vector<MountOp> kept;
  for (MountOp& op : tree.ops) {
    UniqueFd source;
    bool folder = true;
    if (op.kind == OpKind::bind) {
      const CloneOptions options{op.access, op.recursive, op.id_mapped ? userns_fd : -1,
                                 op.no_exec};
      const int from = op.source_fd >= 0 ? op.source_fd : AT_FDCWD;
      Result<UniqueFd> clone = clone_tree(from, op.source, options, self.notes_);
      if (!clone.ok()) {
        if (op.if_missing == IfMissing::fail) {
          return std::move(clone).error().in("mount " + op.target);
        }
        self.notes_.push_back("mount " + op.target + " left out: " + clone.error().text);
        continue;
      }
      source = std::move(clone).take();
      struct stat status {};
      if (::fstat(source.get(), &status) != 0) return os_error("stat source of " + op.target);
      folder = S_ISDIR(status.st_mode);
    }
    self.sources_.push_back(std::move(source));
    self.is_folder_.push_back(folder);
    kept.push_back(std::move(op));
  }
  tree.ops = std::move(kept);
  self.tree_ = std::move(tree);
  return self;
}

namespace {

// What a runtime mounts needs a folder that it finds, in a root that may be read-only to it.
int make_place(const Inside& inside, const MountOp& op) {
  const bool needs_none =
      op.kind == OpKind::device || op.kind == OpKind::mask || op.kind == OpKind::read_only;
  if (needs_none) return 0;
  const ScopedFd target(open_target(inside, op.target.c_str(), Want::folder, {op.uid, op.gid}));
  return target.fd < 0 ? -1 : 0;
}

// The mounted folder is opened anew: what was opened before is below the mount.
int make_tmpfs(Inside& inside, const MountOp& op) {
  if (make_mount(inside, op, "tmpfs") != 0) return -1;
  const ScopedFd made(open_target(inside, op.target.c_str(), Want::folder, {op.uid, op.gid}));
  return made.fd < 0 ? -1 : add_own(inside, made.fd);
}

int perform_one(Inside& inside, const MountOp& op, int source, Want want) {
  if (op.maker == Maker::runtime) return make_place(inside, op);
  switch (op.kind) {
    case OpKind::bind: {
      const ScopedFd target(open_target(inside, op.target.c_str(), want, {op.uid, op.gid}));
      return target.fd < 0 ? -1 : attach(source, target.fd);
    }
    case OpKind::tmpfs: return make_tmpfs(inside, op);
    case OpKind::proc: return make_mount(inside, op, "proc");
    case OpKind::sysfs: return make_mount(inside, op, "sysfs");
    case OpKind::cgroup2: return make_mount(inside, op, "cgroup2");
    case OpKind::devpts: return make_mount(inside, op, "devpts");
    case OpKind::mqueue: return make_mount(inside, op, "mqueue");
    case OpKind::folder:
    case OpKind::link:
    case OpKind::device: return make_entry(inside, op);
    case OpKind::file: return make_file(inside, op);
    case OpKind::mask:
    case OpKind::read_only: return hide(inside.root, inside.empty, op);
  }
  errno = EINVAL;
  return -1;
}

}  // namespace

int PreparedMounts::make(int* where) const {
  ::umask(0);
  *where = kAtStage;
  if (make_stage(tree_, stage_options_.c_str()) != 0) return errno;
  *where = kAtRoot;
  if (make_layer(tree_, layer_.get()) != 0) return errno;
  if (make_root(image_.get()) != 0) return errno;
  const ScopedFd root(::open(kRootName, O_PATH | O_DIRECTORY | O_CLOEXEC));
  const ScopedFd empty(::open("empty", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.fd < 0 || empty.fd < 0) return errno;
  if (hand_out(root.fd, tree_.root_to) != 0) return errno;
  Inside inside{.root = root.fd, .empty = empty.fd};
  if (add_own(inside, root.fd) != 0) return errno;
  for (size_t i = 0; i < tree_.ops.size(); ++i) {
    *where = static_cast<int>(i);
    const Want want = is_folder_[i] ? Want::folder : Want::file;
    if (perform_one(inside, tree_.ops[i], sources_[i].get(), want) != 0) return errno;
  }
  *where = kAtSeal;
  return seal(root.fd, tree_.root_access) == 0 ? 0 : errno;
}

int PreparedMounts::perform(int* where) const {
  const int made = make(where);
  if (made != 0) return made;
  *where = kAtPivot;
  if (::chdir(kRootName) != 0) return errno;
  if (sys_pivot_root(".", ".") != 0) return errno;
  if (::umount2(".", MNT_DETACH) != 0) return errno;
  return ::chdir("/") == 0 ? 0 : errno;
}

std::string PreparedMounts::describe(int where) const {
  if (where == kAtStage) return "private tmpfs on " + tree_.staging;
  if (where == kAtRoot) return "overlay over " + tree_.image;
  if (where == kAtSeal) return "read-only root";
  if (where == kAtPivot) return "pivot_root";
  const auto at = static_cast<size_t>(where);
  return at < tree_.ops.size() ? render(tree_.ops[at]) : "mounts";
}

}  // namespace gd::container
