#include "server/agent/step_folder.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/process.h"
#include "base/text.h"
#include "proto/codec.h"
#include "proto/step_name.h"

namespace gd::agent {
namespace {

Error errno_error(const std::string& what) {
  Error error = os_error(what);
  if (errno == ENOENT || errno == ESRCH) error.code = ErrorCode::not_found;
  if (errno == EEXIST) error.code = ErrorCode::exists;
  return error;
}

// A missing file is no fault of anybody here: it says that a phase was not reached.
Result<Bytes> read_small(const std::string& path, size_t limit) {
  if (::access(path.c_str(), F_OK) != 0) return errno_error(path);
  return read_file(path, limit);
}

}  // namespace

std::string folder_name(const StepKey& key) {
  return std::to_string(key.job.value) + "." + std::to_string(key.launch.value) + "." +
         step_name(key.step);
}

std::optional<StepKey> parse_folder_name(std::string_view name) {
  const std::vector<std::string_view> parts = split(name, '.');
  if (parts.size() != 3) return std::nullopt;
  const Result<uint32_t> job = parse_number<uint32_t>(parts[0]);
  const Result<uint64_t> launch = parse_number<uint64_t>(parts[1]);
  if (!job.ok() || !launch.ok()) return std::nullopt;
  const std::optional<StepId> step = parse_step_name(parts[2]);
  if (!step) return std::nullopt;
  const StepKey key{.job = JobId{*job}, .launch = LaunchNumber{*launch}, .step = *step};
  // One name a step: "007.1.0" is somebody else's folder.
  if (folder_name(key) != name) return std::nullopt;
  return key;
}

StepKey key_of(const StepLaunch& launch) {
  return {launch.job, launch.launch, launch.step};
}
StepKey key_of(const StepStatus& status) {
  return {status.job, status.launch, status.step};
}

StepStatus status_of(const StepKey& key, StepPhase phase) {
  StepStatus status{.job = key.job, .launch = key.launch, .step = key.step};
  status.phase = phase;
  return status;
}

Result<uint64_t> parse_start_time(std::string_view stat_line) {
  // The second field is a name in parentheses that may hold anything, so count from the last one.
  const size_t end_of_name = stat_line.rfind(')');
  if (end_of_name == std::string_view::npos) return Error{ErrorCode::internal, "no name in stat"};
  const std::vector<std::string_view> fields = split_words(stat_line.substr(end_of_name + 1));
  constexpr size_t kStartTime = 19;  // field 22 of the line
  if (fields.size() <= kStartTime) return Error{ErrorCode::internal, "short line in stat"};
  return parse_number<uint64_t>(fields[kStartTime]);
}

Result<ProcessName> name_process(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const Bytes line = TRY(read_small(path, 4096));
  return ProcessName{.pid = pid, .start_time = TRY(parse_start_time(line))};
}

Result<UniqueFd> open_process(const ProcessName& name) {
  UniqueFd fd{static_cast<int>(::syscall(SYS_pidfd_open, name.pid, 0))};
  if (!fd.valid()) return errno_error("process " + std::to_string(name.pid));
  // After the open: from now on the number belongs to what the descriptor holds.
  const ProcessName now = TRY(name_process(name.pid));
  if (now != name) {
    return Error{ErrorCode::not_found, "process " + std::to_string(name.pid) + " is another one"};
  }
  return fd;
}

Result<StepFolder> StepFolder::create(const std::string& jobs_dir, const StepLaunch& launch,
                                      const std::string& boot_id) {
  const std::string path = jobs_dir + "/" + folder_name(key_of(launch));
  if (::access(path.c_str(), F_OK) == 0) {
    return Error{ErrorCode::exists, path + " exists already"};
  }
  const std::string draft = path + ".new";  // no step's name: list_steps() does not see it
  TRY(remove_tree(draft));
  if (::mkdir(draft.c_str(), 0700) != 0) return os_error("make folder " + draft);
  const StepFolder folder{draft};
  TRY(folder.replace("launch", encode_record(launch)));
  TRY(folder.replace("boot", boot_id));
  if (::rename(draft.c_str(), path.c_str()) != 0) return os_error("rename to " + path);
  return StepFolder{path};
}

Result<StepLaunch> StepFolder::read_launch() const {
  return decode_record<StepLaunch>(TRY(read_small(file("launch"), kMaxLaunchBytes)));
}

Result<std::string> StepFolder::read_boot() const {
  return read_small(file("boot"), 256);
}

Result<StepStatus> StepFolder::read_status() const {
  return decode_record<StepStatus>(TRY(read_small(file("status"), kMaxStatusBytes)));
}

Result<void> StepFolder::write_status(const StepStatus& status) const {
  return replace("status", encode_record(status));
}

Result<void> StepFolder::keep_status(const StepStatus& status) const {
  return replace_file(file("status"), encode_record(status), 0600);
}

Result<void> StepFolder::mark_started() const {
  return replace("started", "");
}

Result<bool> StepFolder::was_started() const {
  if (::access(file("started").c_str(), F_OK) == 0) return true;
  if (errno == ENOENT) return false;
  return os_error(file("started"));
}

Result<ProcessName> StepFolder::read_init() const {
  const Bytes text = TRY(read_small(file("init"), 256));
  const std::vector<std::string_view> words = split_words(text);
  if (words.size() != 2) return Error{ErrorCode::internal, file("init") + ": two numbers expected"};
  return ProcessName{.pid = TRY(parse_number<pid_t>(words[0], 1)),
                     .start_time = TRY(parse_number<uint64_t>(words[1]))};
}

Result<void> StepFolder::write_init(const ProcessName& init) const {
  return replace("init", std::to_string(init.pid) + " " + std::to_string(init.start_time) + "\n");
}

Result<void> StepFolder::forget_init() const {
  if (::unlink(file("init").c_str()) != 0 && errno != ENOENT) return os_error(file("init"));
  return {};
}

Result<void> StepFolder::replace(const char* name, std::string_view bytes) const {
  const std::string path = file(name);
  const std::string draft = path + ".new";
  const UniqueFd fd = TRY(open_file(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY(write_all(fd.get(), bytes, draft));
  if (::rename(draft.c_str(), path.c_str()) != 0) return os_error("rename to " + path);
  return {};
}

Result<bool> StepFolder::lock() const {
  UniqueFd fd = TRY(open_file(file("lock"), O_RDWR | O_CREAT, 0600));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_SETLK, &range) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    return os_error("lock " + file("lock"));
  }
  // Record locks belong to the process and are not inherited: a container's pid 1, which is a
  // fork of the shepherd, does not hold it. Closing any descriptor of the file would release it.
  (void)fd.release();
  return true;
}

Result<bool> StepFolder::claim_dead(const StepStatus& lost, StepStatus& status) const {
  const UniqueFd fd = TRY(open_file(file("lock"), O_RDWR | O_CREAT, 0600));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_SETLK, &range) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    return os_error("lock " + file("lock"));
  }
  const Result<StepStatus> before = read_status();
  if (before.ok() && before->phase == StepPhase::ended) {
    status = *before;
    return true;
  }
  status = lost;
  if (before.ok()) status.started = before->started;
  TRY(keep_status(status));
  return true;
}

Result<std::optional<pid_t>> StepFolder::lock_holder() const {
  if (::access(file("lock").c_str(), F_OK) != 0) return std::optional<pid_t>{};
  const UniqueFd fd = TRY(open_file(file("lock"), O_RDWR));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_GETLK, &range) != 0) return os_error("lock " + file("lock"));
  if (range.l_type == F_UNLCK) return std::optional<pid_t>{};
  return std::optional<pid_t>{range.l_pid};
}

Result<void> StepFolder::remove() const {
  // The name goes first, so that a crash in between leaves nothing that looks like a step.
  const std::string doomed = path_ + ".gone";
  if (::rename(path_.c_str(), doomed.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return os_error("rename " + path_);
  }
  return remove_tree(doomed);
}

Result<std::vector<StepKey>> list_steps(const std::string& jobs_dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(jobs_dir.c_str()), ::closedir};
  if (dir == nullptr) return errno_error("open folder " + jobs_dir);
  std::vector<StepKey> keys;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (const std::optional<StepKey> key = parse_folder_name(entry->d_name)) keys.push_back(*key);
  }
  std::ranges::sort(keys);
  return keys;
}

}  // namespace gd::agent
