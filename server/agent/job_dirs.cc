#include "server/agent/job_dirs.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/digest.h"
#include "base/fd.h"
#include "base/text.h"
#include "server/agent/tree_size.h"

namespace gd::agent {
namespace {

using std::filesystem::directory_iterator;

constexpr size_t kMaxUsageBytes = 64;

Result<void> check_user(const std::string& user) {
  if (!user.empty() && user[0] != '.' && user.find('/') == std::string::npos) return {};
  return Error{ErrorCode::invalid, "user '" + printable(user) + "' can have no job directory"};
}

Result<UniqueFd> locked(const std::string& root, int how) {
  UniqueFd fd = TRY(open_file(root + "/.lock", O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), how) != 0) {
    if (errno != EINTR) return os_error("lock " + root);
  }
  return fd;
}

std::string mark_of(const JobDirSettings& settings, const std::string& user,
                    const std::string& job) {
  return settings.root + "/.ended/" + user + "." + job;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    names.push_back(each->path().filename());
  }
  return names;
}

class Sweeper {
 public:
  Sweeper(const JobDirSettings& settings, const std::set<JobId>& living, TimePoint now)
      : settings_(settings), living_(living), now_(now) {}

  Result<JobDirSweep> run() {
    for (const char* name : {"/.ended", "/.usage", "/.gone"}) {
      TRY(make_directories(settings_.root + name, 0700));
    }
    for (const std::string& left : names_in(settings_.root + "/.gone")) {
      TRY(remove_tree(settings_.root + "/.gone/" + left));  // of a sweeper that was killed
    }
    for (const std::string& user : names_in(settings_.root)) {
      if (user[0] != '.') TRY(sweep_user(user));
    }
    return done_;
  }

 private:
  Result<void> sweep_user(const std::string& user) {
    const std::string folder = settings_.root + "/" + user;
    for (const std::string& name : names_in(folder)) {
      const Result<uint32_t> number = parse_number<uint32_t>(name);
      if (!number.ok()) continue;
      if (TRY(take_away(user, name, JobId{*number}))) ++done_.removed;
    }
    const std::string bytes = std::to_string(measure_tree(folder));
    return replace_file(settings_.root + "/.usage/" + user, bytes, 0600);
  }

  // Out of its place under the lock, and then away.
  Result<bool> take_away(const std::string& user, const std::string& name, JobId job) {
    const std::string mark = mark_of(settings_, user, name);
    std::string gone;
    {
      const UniqueFd lock = TRY(locked(settings_.root, LOCK_EX));
      if (living_.contains(job)) {
        (void)::unlink(mark.c_str());
        return false;
      }
      struct stat about {};
      if (::stat(mark.c_str(), &about) != 0) {
        ++done_.ended;
        TRY(replace_file(mark, "", 0600));
        return false;
      }
      if (now_ - TimePoint(Milliseconds(int64_t{about.st_mtim.tv_sec} * 1000)) < settings_.keep) {
        return false;
      }
      gone = settings_.root + "/.gone/" + to_hex(random_bytes(8));
      if (::rename((settings_.root + "/" + user + "/" + name).c_str(), gone.c_str()) != 0) {
        return os_error("remove job directory " + user + "/" + name);
      }
      (void)::unlink(mark.c_str());
    }
    TRY(remove_tree(gone));
    return true;
  }

  const JobDirSettings& settings_;
  const std::set<JobId>& living_;
  TimePoint now_;
  JobDirSweep done_;
};

}  // namespace

std::string job_dir_path(const JobDirSettings& settings, const std::string& user, JobId job) {
  return settings.root + "/" + user + "/" + std::to_string(job.value);
}

Result<void> check_job_dir_quota(const JobDirSettings& settings, const std::string& user) {
  TRY(check_user(user));
  const Result<Bytes> text = read_file(settings.root + "/.usage/" + user, kMaxUsageBytes);
  if (settings.quota_mib == 0 || !text.ok()) return {};
  const Result<uint64_t> bytes = parse_number<uint64_t>(*text);
  if (!bytes.ok() || *bytes >> 20 < settings.quota_mib) return {};
  return Error{ErrorCode::denied, "job directories of " + user + " take " +
                                      std::to_string(*bytes >> 20) + " MiB of " +
                                      std::to_string(settings.quota_mib) +
                                      " MiB: empty some below " + settings.root + "/" + user};
}

Result<void> make_job_dir(const JobDirSettings& settings, const std::string& user, uid_t uid,
                          gid_t gid, JobId job) {
  TRY(check_user(user));
  TRY(make_directories(settings.root, 0755));
  const std::string above = settings.root + "/" + user;
  const std::string path = job_dir_path(settings, user, job);
  const UniqueFd lock = TRY(locked(settings.root, LOCK_SH));
  (void)::unlink(mark_of(settings, user, std::to_string(job.value)).c_str());
  struct stat about {};
  if (::lstat(path.c_str(), &about) == 0 && about.st_uid == uid) return {};
  TRY(check_job_dir_quota(settings, user));
  TRY(make_directories(above, 0755));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return os_error(path);
  // Made here and not hers yet: nobody else can have put anything in its place.
  if (::chown(path.c_str(), uid, gid) != 0) return os_error("chown " + path);
  return {};
}

Result<JobDirSweep> sweep_job_dirs(const JobDirSettings& settings, const std::set<JobId>& living,
                                   TimePoint now) {
  if (settings.root.empty()) return JobDirSweep{};
  TRY(make_directories(settings.root, 0755));
  return Sweeper(settings, living, now).run();
}

}  // namespace gd::agent
