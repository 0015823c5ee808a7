// Control groups of containers: made, limited, read, killed and removed, on v2, v1 and
// the hybrid of both.
//
// A Tree is where our groups live on this machine; a Cgroup is one job's group in it,
// with one sub-group a step that holds the processes. On a hybrid machine the v1
// hierarchies limit, and a group of the same name in the v2 tree tracks and kills.
//
// Groups outlive the objects here and the daemons: nothing is removed by a destructor.
// Cost: about 0.1 ms a group on v2, 0.4 ms on v1, a little more to remove it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "server/container/launch_plan.h"

namespace gd::container {

enum class CgroupMode : uint8_t { v2, v1, hybrid };
std::string_view cgroup_mode_name(CgroupMode mode);

struct DeviceRule {
  char type = 'c';  // 'c' or 'b'
  std::optional<uint32_t> major;
  std::optional<uint32_t> minor;  // nothing: all of them
  std::string access = "rwm";
  bool operator==(const DeviceRule&) const = default;
};

struct CgroupLimits {
  std::optional<uint64_t> memory_bytes;      // hard; no swap
  std::optional<uint32_t> cpu_milli;         // 1500: one and a half cpus' time
  std::optional<uint32_t> cpu_weight_milli;  // share when others want it too; nothing: cpu_milli
  std::optional<std::string> cpuset;         // "0-3,8"
  std::optional<uint32_t> pids;
  std::optional<std::vector<DeviceRule>> devices;  // beside the standard ones; nothing: all allowed
};

struct CgroupUsage {
  uint64_t cpu_ns = 0;
  uint64_t cpu_user_ns = 0;  // the two may add up to a little less than cpu_ns
  uint64_t cpu_system_ns = 0;
  uint64_t memory_bytes = 0;
  uint64_t memory_peak_bytes = 0;
  std::optional<uint64_t> read_bytes;  // empty: not counted in this group
  std::optional<uint64_t> write_bytes;
  uint64_t pids = 0;  // processes and threads
  uint64_t oom_kills = 0;
};

// Where the hierarchies are; found from /proc/self/mountinfo, pure for tests.
struct CgroupMounts {
  std::string unified;                    // mount point of cgroup2, or empty
  std::map<std::string, std::string> v1;  // controller -> mount point
  bool operator==(const CgroupMounts&) const = default;
};
CgroupMounts parse_cgroup_mounts(std::string_view mountinfo);
std::string parse_own_group(std::string_view proc_self_cgroup);  // in the v2 tree: "/a/b"

struct CgroupPaths {    // one group, as folders
  std::string unified;  // empty: none
  std::map<std::string, std::string> v1;
};

class Cgroup {
 public:
  // Writes what can be had; what the machine cannot do comes back as warnings.
  Result<std::vector<std::string>> set_limits(const CgroupLimits& limits);

  // A sub-group for one step; existing ones are opened.
  Result<Cgroup> make_step(const std::string& name);
  // The folder and files by which a process enters this group; they stay open in the Cgroup.
  Result<CgroupAttach> attach_points();

  Result<CgroupUsage> usage() const;  // of this group and those below it
  Result<bool> populated() const;
  Result<void> kill_all();  // everything in it and below, forks in flight included
  Result<void> wait_empty(int timeout_ms) const;
  // Kills, waits, removes: nothing of the group is left. A group that is gone already is fine.
  Result<void> destroy(int timeout_ms);
  Result<std::vector<pid_t>> processes() const;
  Result<void> signal_all(int number) const;  // to each process that is in it now

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const CgroupPaths& paths() const { return paths_; }

 private:
  friend class Tree;
  Cgroup(CgroupMode mode, std::string name, CgroupPaths paths)
      : mode_(mode), name_(std::move(name)), paths_(std::move(paths)) {}
  [[nodiscard]] std::vector<std::string> folders() const;  // of all hierarchies, each once
  [[nodiscard]] const std::string& tracking_folder() const;

  CgroupMode mode_;
  std::string name_;
  CgroupPaths paths_;
  CgroupPaths above_;  // a step's: v1 groups of the job that its processes enter as well
  UniqueFd unified_fd_;
  std::vector<UniqueFd> procs_fds_;
};

class Tree {
 public:
  // `root`: folder below the hierarchies' mount points ("gd", "system.slice/gdjobs.service");
  // nothing: the unit's if it exists, else "gd". Makes it, moves the caller to a leaf where
  // v2 demands it, and enables controllers.
  static Result<Tree> discover(std::optional<std::string> root = std::nullopt);

  [[nodiscard]] CgroupMode mode() const { return mode_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  [[nodiscard]] const CgroupPaths& base() const { return base_; }

  Result<Cgroup> create(const std::string& name);  // an error if it exists
  Result<Cgroup> open(const std::string& name) const;
  // The same without asking whether it is there, to destroy what may be half made.
  Result<Cgroup> open_any(const std::string& name) const;
  Result<std::vector<std::string>> list() const;  // names, sorted

 private:
  CgroupMode mode_ = CgroupMode::v2;
  CgroupPaths base_;
  std::vector<std::string> warnings_;
};

// "job_<n>.<launch>"
std::string group_name(uint64_t job, uint64_t launch);
struct GroupNumbers {
  uint64_t job = 0;
  uint64_t launch = 0;
};
std::optional<GroupNumbers> parse_group_name(std::string_view name);

}  // namespace gd::container
