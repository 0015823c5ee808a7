// The file tree of a container: built and checked as data, then performed in the child.
//
//   build_mounts()   pure: plan + the node's mount table -> a list of operations
//   prepare()        parent, root: opens every source as a detached, id-mapped clone
//   make()           child, after clone3(): makes the tree; allocates nothing
//   perform()        the same, and pivots into it
//
// The root is an overlay: below, an id-mapped read-only clone of the image; above, a tmpfs of
// limited size, or a folder that is kept. All mounts are made by root of the initial user
// namespace, so nobody inside, root inside or not, owns one. Targets are resolved inside the new
// root (openat2), so that no symlink of an image leads out of it. Nothing is created but in file
// systems that this launch has made: what is bound from the node would show it to everybody,
// written by root where the user may not write. The old root goes with a single lazy unmount: each
// further one would wait for the kernel's readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "server/container/idmap.h"
#include "server/container/launch_plan.h"

namespace gd::container {

inline constexpr size_t kMaxHostMounts = 64;
inline constexpr size_t kMaxOperations = 512;

// A real file system below "/" of the node, from /proc/self/mountinfo.
struct HostMount {
  std::string target;
  std::string type;
  bool operator==(const HostMount&) const = default;
};
std::vector<HostMount> parse_host_mounts(std::string_view mountinfo);

// Who makes an operation's mount: we, or an OCI runtime from the bundle's description.
enum class Maker : uint8_t { us, runtime };

enum class OpKind : uint8_t {
  bind,  // a detached tree is moved here
  tmpfs,
  proc,
  sysfs,
  cgroup2,
  devpts,
  mqueue,
  folder,
  link,
  device,
  file,
  mask,       // hidden: an empty folder or /dev/null over it; skipped if it does not exist
  read_only,  // the same, read-only; skipped if it does not exist
};

struct MountOp {
  OpKind kind = OpKind::bind;
  std::string target;  // absolute, inside
  std::string text;    // link: its content; file: its content; else: mount options
  std::string source;  // bind by path
  int source_fd = -1;  // bind by descriptor
  Access access = Access::read_write;
  IfMissing if_missing = IfMissing::fail;
  bool id_mapped = false;
  bool recursive = false;
  bool no_exec = false;
  unsigned long flags = 0;  // MS_*
  mode_t mode = 0755;
  uint32_t uid = 0;  // outside
  uint32_t gid = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  bool block_device = false;
  bool granted = false;  // a device of the plan's, not one that every container has
  Maker maker = Maker::us;
  std::string why;  // of a plan's own mounts
};
std::string render(const MountOp& op);

struct MountTree {
  std::string image;      // folder below everything
  uint32_t root_uid = 0;  // the image's root, outside
  uint32_t root_gid = 0;
  Access root_access = Access::read_write;
  uint64_t writable_bytes = 0;
  std::string layer;  // in place of the tmpfs above the image; or empty
  int root_to = -1;   // LaunchPlan::root_to
  std::string staging;
  std::vector<MountOp> ops;
};

MountTree build_mounts(const LaunchPlan& plan, const IdMaps& maps,
                       const std::vector<HostMount>& host, const std::vector<FileSpec>& files);
Result<void> check(const MountTree& tree);

// Leaves to a runtime what only a process in the container's own namespaces can mount, what is
// to be hidden in it, and the standard devices, which it binds unasked; sysfs too, if it shows a
// network of the container's own.
void hand_to_runtime(MountTree& tree, Network network);

class PreparedMounts {
 public:
  // The namespaces say how ids on disk show: of binds from the node, and of the image.
  static Result<PreparedMounts> prepare(MountTree tree, int userns_fd, int image_userns_fd);

  // In the child. 0, or an errno; then `where` is the operation for describe(). make() leaves
  // the tree in the folder kRootName of the working folder, a private tmpfs on the staging
  // folder, with empty folders for what a runtime makes.
  int make(int* where) const;
  int perform(int* where) const;
  static constexpr const char* kRootName = "root";
  [[nodiscard]] std::string describe(int where) const;
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const MountTree& tree() const { return tree_; }

 private:
  MountTree tree_;
  std::string stage_options_;
  UniqueFd image_;
  UniqueFd layer_;
  std::vector<UniqueFd> sources_;  // one an operation; invalid for the kinds without a source
  std::vector<bool> is_folder_;
  std::vector<std::string> notes_;
};

}  // namespace gd::container
