// One group over all hierarchies of the machine.
#include "server/container/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <set>

#include "server/container/cgroup_backend.h"

namespace gd::container {
namespace {

constexpr size_t kMaxControlFileBytes = size_t{4} << 20;

int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// Between two looks at a condition that v1 cannot announce.
void pause_ms(int ms) {
  (void)::poll(nullptr, 0, ms);
}

void collect_processes(const std::string& folder, std::vector<pid_t>& pids) {
  const std::string text = read_text(folder + "/cgroup.procs");
  pid_t pid = 0;
  for (const char c : text) {
    if (c == '\n') {
      if (pid > 0) pids.push_back(pid);
      pid = 0;
    } else if (c >= '0' && c <= '9') {
      pid = pid * 10 + (c - '0');
    }
  }
  for (const std::string& name : subfolders(folder)) {
    collect_processes(folder + "/" + name, pids);
  }
}

Result<void> remove_folder(const std::string& folder, int64_t deadline) {
  for (const std::string& name : subfolders(folder)) {
    TRY(remove_folder(folder + "/" + name, deadline));
  }
  // A process that has just ended keeps its group busy for a moment.
  while (::rmdir(folder.c_str()) != 0) {
    if (errno == ENOENT) return {};
    if (errno != EBUSY || now_ms() >= deadline) return os_error("remove group " + folder);
    pause_ms(1);
  }
  return {};
}

}  // namespace

// ---- Shared small things.

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string read_text(const std::string& path) {
  Result<Bytes> text = read_file(path, kMaxControlFileBytes);
  return text.ok() ? std::move(text).take() : std::string();
}

void try_write(const std::string& path, const std::string& text,
               std::vector<std::string>& warnings) {
  const Result<void> done = write_file(path, text);
  if (!done.ok()) warnings.push_back("'" + text + "' refused: " + done.error().text);
}

uint64_t read_number(const std::string& path) {
  uint64_t value = 0;
  for (const char c : read_text(path)) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

uint64_t value_of(std::string_view text, std::string_view key) {
  uint64_t sum = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    line.remove_prefix(key.size() + 1);
    uint64_t value = 0;
    for (const char c : line) {
      if (c < '0' || c > '9') break;
      value = value * 10 + static_cast<uint64_t>(c - '0');
    }
    sum += value;
  }
  return sum;
}

std::vector<std::string> subfolders(const std::string& folder) {
  std::vector<std::string> names;
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

uint64_t quota_us(uint32_t cpu_milli) {
  constexpr uint64_t kLeastUs = 1000;  // the kernel takes no less
  return std::max(kLeastUs, uint64_t{cpu_milli} * kPeriodUs / 1000);
}

// ---- Cgroup.

std::vector<std::string> Cgroup::folders() const {
  std::set<std::string> unique;  // cpu and cpuacct may be one hierarchy
  if (!paths_.unified.empty()) unique.insert(paths_.unified);
  for (const auto& [controller, path] : paths_.v1) unique.insert(path);
  return {unique.begin(), unique.end()};
}

// The hierarchy by which processes are found and killed.
const std::string& Cgroup::tracking_folder() const {
  if (!paths_.unified.empty()) return paths_.unified;
  for (const char* controller : {"pids", "memory"}) {
    if (const auto found = paths_.v1.find(controller); found != paths_.v1.end()) {
      return found->second;
    }
  }
  return paths_.v1.begin()->second;  // Tree::discover() saw to it that there is one
}

Result<std::vector<std::string>> Cgroup::set_limits(const CgroupLimits& limits) {
  std::vector<std::string> warnings;
  if (mode_ == CgroupMode::v2) {
    v2::set_limits(paths_.unified, limits, warnings);
    return warnings;
  }
  if (const auto cpuset = paths_.v1.find("cpuset"); limits.cpuset && cpuset != paths_.v1.end()) {
    if (::mkdir(cpuset->second.c_str(), 0755) != 0 && errno != EEXIST) {
      return os_error("make group " + cpuset->second);
    }
  }
  v1::set_limits(paths_, limits, warnings);
  return warnings;
}

Result<Cgroup> Cgroup::make_step(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name.front() == '.') {
    return Error{ErrorCode::invalid, "step group '" + name + "': expected a plain name"};
  }
  Cgroup step(mode_, name_ + "/" + name, {});
  if (!paths_.unified.empty()) step.paths_.unified = paths_.unified + "/" + name;
  if (mode_ == CgroupMode::v2) {
    std::vector<std::string> missing;  // told by Tree::discover() already
    v2::enable_controllers(paths_.unified, missing);
  }
  step.above_.v1 = paths_.v1;
  for (const char* controller : v1::kStepControllers) {
    if (const auto found = paths_.v1.find(controller); found != paths_.v1.end()) {
      step.paths_.v1[controller] = found->second + "/" + name;
      // Others on the same hierarchy are entered with it.
      std::erase_if(step.above_.v1,
                    [path = found->second](const auto& other) { return other.second == path; });
    }
  }
  // v1 alone: the step is tracked where it has a group of its own.
  for (const std::string& folder : step.folders()) {
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
      return os_error("make group " + folder);
    }
  }
  return step;
}

Result<CgroupAttach> Cgroup::attach_points() {
  CgroupAttach attach;
  if (!paths_.unified.empty()) {
    if (!unified_fd_.valid()) unified_fd_ = TRY(open_file(paths_.unified, O_RDONLY | O_DIRECTORY));
    attach.unified_fd = unified_fd_.get();
  }
  if (procs_fds_.empty()) {
    std::set<std::string> v1_folders;
    for (const CgroupPaths* paths : {&paths_, &above_}) {
      for (const auto& [controller, path] : paths->v1) {
        if (exists(path)) v1_folders.insert(path);
      }
    }
    for (const std::string& folder : v1_folders) {
      procs_fds_.push_back(TRY(open_file(folder + "/cgroup.procs", O_WRONLY)));
    }
  }
  for (const UniqueFd& fd : procs_fds_) attach.procs_fds.push_back(fd.get());
  return attach;
}

Result<CgroupUsage> Cgroup::usage() const {
  if (!exists(tracking_folder())) {
    return Error{ErrorCode::not_found, "group " + name_ + " is gone"};
  }
  CgroupUsage usage;
  if (mode_ == CgroupMode::v2) {
    v2::add_usage(paths_.unified, usage);
  } else {
    v1::add_usage(paths_, usage);
  }
  return usage;
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::vector<pid_t> pids;
  collect_processes(tracking_folder(), pids);
  std::sort(pids.begin(), pids.end());
  return pids;
}

Result<void> Cgroup::signal_all(int number) const {
  for (const pid_t pid : TRY(processes())) {
    if (::kill(pid, number) != 0 && errno != ESRCH) {
      return os_error("signal process " + std::to_string(pid));
    }
  }
  return {};
}

Result<bool> Cgroup::populated() const {
  if (paths_.unified.empty()) return !TRY(processes()).empty();
  return value_of(read_text(paths_.unified + "/cgroup.events"), "populated") != 0;
}

Result<void> Cgroup::kill_all() {
  if (!paths_.unified.empty()) {
    const std::string file = paths_.unified + "/cgroup.kill";
    if (exists(file)) return write_file(file, "1");
    if (!exists(paths_.unified)) return {};
  }
  // Without cgroup.kill: no new processes, then all there are. One that was forked before
  // the lid was on is found in the next round.
  const CgroupPaths& pids_owner = paths_.v1.contains("pids") ? paths_ : above_;
  if (const auto pids = pids_owner.v1.find("pids");
      pids != pids_owner.v1.end() && &pids_owner == &paths_) {
    std::vector<std::string> ignored;
    try_write(pids->second + "/pids.max", "0", ignored);
  }
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    if (TRY(processes()).empty()) return {};
    TRY(signal_all(SIGKILL));
    pause_ms(1);
  }
  return {};  // those that do not die at once are waited for by wait_empty()
}

Result<void> Cgroup::wait_empty(int timeout_ms) const {
  const int64_t deadline = now_ms() + timeout_ms;
  UniqueFd events;
  if (!paths_.unified.empty()) {
    Result<UniqueFd> opened = open_file(paths_.unified + "/cgroup.events", O_RDONLY);
    if (!opened.ok()) return {};  // the group is gone
    events = std::move(opened).take();
  }
  while (TRY(populated())) {
    const int64_t left = deadline - now_ms();
    if (left <= 0) {
      return Error{ErrorCode::unavailable,
                   "group " + name_ + ": " + std::to_string(TRY(processes()).size()) +
                       " processes left after " + std::to_string(timeout_ms) + " ms"};
    }
    if (!events.valid()) {
      pause_ms(1);
      continue;
    }
    // The kernel announces a change from the last read on this descriptor, so a read comes
    // first, and its answer counts.
    char buffer[256];
    const ssize_t count = ::pread(events.get(), buffer, sizeof buffer, 0);
    if (count > 0 && value_of({buffer, static_cast<size_t>(count)}, "populated") == 0) break;
    pollfd one{events.get(), POLLPRI, 0};
    (void)::poll(&one, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
  }
  return {};
}

Result<void> Cgroup::destroy(int timeout_ms) {
  const int64_t deadline = now_ms() + timeout_ms;
  TRY(kill_all());
  TRY(wait_empty(timeout_ms));
  unified_fd_.reset();
  procs_fds_.clear();
  for (const std::string& folder : folders()) TRY(remove_folder(folder, deadline));
  return {};
}

}  // namespace gd::container
