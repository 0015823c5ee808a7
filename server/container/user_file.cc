// The change of identity and back again, around one open.
#include "server/container/user_file.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "base/check.h"

namespace gd::container {
namespace {

// The effective ids are a user's while this lives. Only the effective ones: the real and
// saved ids stay root, which is the way back.
class AsUser {
 public:
  static Result<AsUser> enter(const Identity& identity) {
    AsUser self;
    const int count = ::getgroups(0, nullptr);
    if (count < 0) return os_error("getgroups");
    self.groups_.resize(static_cast<size_t>(count));
    if (::getgroups(count, self.groups_.data()) != count) return os_error("getgroups");
    std::vector<gid_t> groups = {identity.gid};
    for (const Group& group : identity.groups) groups.push_back(group.gid);
    self.active_ = true;  // from here on the destructor restores
    if (::setgroups(groups.size(), groups.data()) != 0) return os_error("setgroups");
    if (::setegid(identity.gid) != 0) return os_error("setegid");
    if (::seteuid(identity.uid) != 0) return os_error("seteuid");
    return self;
  }
  AsUser(AsUser&& other) noexcept
      : groups_(std::move(other.groups_)), active_(std::exchange(other.active_, false)) {}
  AsUser& operator=(AsUser&&) = delete;
  ~AsUser() {
    if (!active_) return;
    GD_CHECK(::seteuid(0) == 0, errno);
    GD_CHECK(::setegid(0) == 0, errno);
    GD_CHECK(::setgroups(groups_.size(), groups_.data()) == 0, errno);
  }

 private:
  AsUser() = default;
  std::vector<gid_t> groups_;
  bool active_ = false;
};

Result<void> check_caller(const Identity& identity) {
  if (identity.uid == 0) return Error{ErrorCode::denied, "uid 0 is no user to open files as"};
  if (::geteuid() != 0 || ::getegid() != 0) {
    return Error{ErrorCode::denied, "opening files as another user needs root"};
  }
  return {};
}

}  // namespace

Result<UniqueFd> open_as_user(const std::string& path, int flags, mode_t mode,
                              const Identity& identity, Symlinks symlinks) {
  TRY(check_caller(identity));
  if (symlinks == Symlinks::refuse_last) flags |= O_NOFOLLOW;
  const AsUser as_user = TRY(AsUser::enter(identity));
  return open_file(path, flags, mode);
}

Result<void> make_directories_as_user(const std::string& path, mode_t mode,
                                      const Identity& identity) {
  TRY(check_caller(identity));
  const AsUser as_user = TRY(AsUser::enter(identity));
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      const int error = errno;
      struct stat status {};
      const bool there = ::stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
      if (!there) return os_error("mkdir " + part, error);  // EACCES, EROFS for an existing one
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> rename_as_user(const std::string& from, const std::string& to,
                            const Identity& identity) {
  TRY(check_caller(identity));
  const AsUser as_user = TRY(AsUser::enter(identity));
  if (::rename(from.c_str(), to.c_str()) != 0) return os_error("rename " + to);
  return {};
}

Result<void> remove_file_as_user(const std::string& path, const Identity& identity) {
  TRY(check_caller(identity));
  const AsUser as_user = TRY(AsUser::enter(identity));
  if (::unlink(path.c_str()) != 0) return os_error("remove " + path);
  return {};
}

}  // namespace gd::container
