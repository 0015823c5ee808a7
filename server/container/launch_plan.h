// What a container and a process in it shall be, as data: the whole input of
// launch() and join().
//
// A plan is a value. validate() judges it before any system call, so that the
// steps in the child can only fail for reasons of the machine. The library knows
// processes, not jobs: names, limits and paths are decided by the caller.
//
// Descriptors in a plan are borrowed: the caller keeps them open until launch()
// or join() has returned.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/container/rlimits.h"

namespace gd::container {

inline constexpr size_t kMaxMounts = 128;
inline constexpr size_t kMaxFiles = 64;
inline constexpr size_t kMaxDevices = 128;
inline constexpr size_t kMaxFileContentBytes = size_t{8} << 20;  // one generated file
inline constexpr size_t kMaxPathBytes = 4095;
inline constexpr size_t kMaxArgs = 4096;
inline constexpr size_t kMaxArgBytes = size_t{1} << 20;  // all of argv
inline constexpr size_t kMaxEnvEntries = 8192;
inline constexpr size_t kMaxEnvBytes = size_t{1} << 20;  // all of env
inline constexpr size_t kMaxGroups = 4096;
inline constexpr size_t kMaxHostnameBytes = 64;
inline constexpr uint32_t kMinSubordinateIds = 65536;

struct Group {
  gid_t gid = 0;
  std::string name;  // may be empty: then no entry is made in /etc/group
  bool operator==(const Group&) const = default;
};

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<Group> groups;  // supplementary; the primary one may be among them
  std::string user;
  std::string group;  // name of gid; may be empty
  std::string home;
  std::string shell;
  bool operator==(const Identity&) const = default;
};

// Host ids that stand for everybody else of the image. Nobody may own them.
struct SubordinateRange {
  uint32_t start = 0;
  uint32_t count = kMinSubordinateIds;
  bool operator==(const SubordinateRange&) const = default;
};

enum class RootMode : uint8_t {
  as_user,      // the user is herself inside; the image's root is a subordinate id
  root_inside,  // uid and gid 0 inside are the user outside
};

enum class ImageKind : uint8_t {
  host,       // the node's own file systems, read-only
  directory,  // a root file system in a folder
};

struct Image {
  ImageKind kind = ImageKind::host;
  std::string path;  // directory only
  // On disk, id N of the image is shift + N, as in a store of images: nobody of the node's.
  uint32_t shift = 0;
  bool operator==(const Image&) const = default;
};

enum class MountKind : uint8_t { bind, tmpfs };
enum class Access : uint8_t { read_write, read_only };
enum class IfMissing : uint8_t { fail, skip };

// A bind mount's source is a descriptor (opened with the user's rights, see
// user_file.h) or, for what the administrator configured, a path.
struct MountSpec {
  MountKind kind = MountKind::bind;
  int source_fd = -1;
  std::string source;  // used when source_fd is -1; must be empty otherwise
  std::string target;  // absolute, inside; made in the writable layer if it is missing
  Access access = Access::read_write;
  IfMissing if_missing = IfMissing::fail;  // about the source
  uint64_t size_bytes = 0;                 // tmpfs only
  bool no_exec = false;
  bool recursive = true;  // bind: with what is mounted below the source
  std::string why;        // for explain(): what it is, and why it was granted
};

// A file written into the writable layer before the process starts.
struct FileSpec {
  enum class Owner : uint8_t { image_root, user };
  std::string path;  // absolute, inside; its folder is made if it is missing
  std::string content;
  mode_t mode = 0644;
  Owner owner = Owner::image_root;
};

enum class Network : uint8_t { host, none };

struct TerminalSize {
  uint16_t rows = 24;
  uint16_t columns = 80;
};

// Either three descriptors or a terminal, made in the container's own devpts;
// its master side comes back in the Process.
struct Stdio {
  int in = -1;  // -1: /dev/null
  int out = -1;
  int err = -1;
  std::optional<TerminalSize> terminal;
};

// A program to run in a container.
struct ProcessPlan {
  std::vector<std::string> argv;  // argv[0] without a slash is looked for in PATH of env
  std::vector<std::string> env;   // NAME=value
  std::string cwd = "/";
  std::string cwd_fallback = "/";  // used when cwd cannot be entered
  mode_t umask = 022;
  Stdio stdio;
  std::vector<ResourceLimit> rlimits;          // clamped to what we may set: see LaunchReceipt
  std::vector<std::string> keep_capabilities;  // of the container's own user namespace; "cap_chown"
  std::string seccomp;                         // program bytes of seccomp.h; empty: no filter
  int oom_score_adj = 0;                       // 0..1000: only raising is done
};

// Groups that the process shall be in; see Cgroup::attach_points().
struct CgroupAttach {
  int unified_fd = -1;         // folder in a v2 tree, or -1
  std::vector<int> procs_fds;  // open cgroup.procs of v1 hierarchies
};

// Whether the container ends with its first process.
enum class Lifetime : uint8_t {
  process,       // pid 1 leaves when the process has ended; the kernel kills the rest
  until_closed,  // ends by Process::end(); argv may be empty: then others join
};

// A device beside those that all containers have. Its node is the user's alone; what may be
// done with it is for the control group to say as well.
struct DeviceSpec {
  std::string path;  // below /dev
  char type = 'c';   // or 'b'
  uint32_t major = 0;
  uint32_t minor = 0;
  std::string why;
};

struct LaunchPlan {
  Identity identity;
  SubordinateRange subordinate;
  RootMode root_mode = RootMode::as_user;
  int userns_fd = -1;  // of make_user_namespace() for the same identity; -1: launch() makes one
  Image image;
  Access root_access = Access::read_write;  // read_only: not even the writable layer is written to
  std::vector<MountSpec> mounts;            // in order; the home is one of them
  std::vector<DeviceSpec> devices;
  std::vector<std::string> left_out;  // host image: its mounts at or below these are not made
  std::vector<FileSpec> files;
  std::string hostname;  // empty: the node's
  Network network = Network::host;
  uint64_t writable_bytes = uint64_t{1} << 30;  // the writable layer
  std::string layer;  // a folder with `upper` and `work` that is it instead, and stays; or empty
  uint64_t tmp_bytes = uint64_t{1} << 30;  // /tmp and /var/tmp, each
  uint64_t shm_bytes = uint64_t{1} << 30;  // /dev/shm
  // A socket to which the root goes as a descriptor, without what is mounted in it; or -1. While
  // somebody has that the root lives on, whatever becomes of the container.
  int root_to = -1;
  std::string staging = "/tmp";  // an existing folder of the node: covered only in the child
  CgroupAttach cgroup;
  Lifetime lifetime = Lifetime::process;
  ProcessPlan process;
};

// Every error names the field, the value and what was expected.
Result<void> validate(const LaunchPlan& plan);
Result<void> validate(const Identity& identity, const ProcessPlan& process);

// Absolute, no empty, "." or ".." parts, no trailing slash (but "/"), no NUL.
Result<void> validate_path(const std::string& path, const std::string& what);

}  // namespace gd::container
