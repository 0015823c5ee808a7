// user.h carried out with the re-entrant calls of the C library. Their buffer
// grows to kMaxBuffer: an entry that needs more is an error, not an endless loop.
#include "base/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace gd {

namespace {

constexpr size_t kMaxBuffer = size_t{4} << 20;  // a group's line lists its members

// What these calls say when there is no such entry; the manual lists them all.
bool means_not_found(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

// Asks with a growing buffer; `ask` returns the errno of the call.
template <class Entry, class Ask>
Result<bool> ask_name_service(std::vector<char>& buffer, Entry& entry, const Ask& ask,
                              const std::string& what) {
  for (buffer.resize(4096);; buffer.resize(buffer.size() * 2)) {
    Entry* found = nullptr;
    const int error = ask(&entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return true;
    if (error == EINTR) continue;
    if (error == ERANGE && buffer.size() < kMaxBuffer) continue;
    if (means_not_found(error)) return false;
    Error failed = os_error("look up " + what, error);
    failed.code = ErrorCode::unavailable;
    return failed;
  }
}

Result<std::vector<gid_t>> groups_of(const char* name, gid_t gid) {
  std::vector<gid_t> groups(64);
  for (;;) {
    int count = static_cast<int>(groups.size());
    if (::getgrouplist(name, gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<size_t>(count));
      break;
    }
    const size_t wanted = std::max(static_cast<size_t>(std::max(count, 0)), groups.size() * 2);
    if (groups.size() == kMaxGroups) {
      return Error{ErrorCode::exhausted, "user " + printable(name) + " is in more than " +
                                             std::to_string(kMaxGroups) + " groups"};
    }
    groups.resize(std::min(wanted, kMaxGroups));
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

template <class Ask>
Result<User> find_user(const Ask& ask, const std::string& what) {
  std::vector<char> buffer;
  passwd entry{};
  if (!TRY(ask_name_service(buffer, entry, ask, what))) {
    return Error{ErrorCode::not_found, "no such user: " + what};
  }
  User user{entry.pw_name, entry.pw_uid, entry.pw_gid, {}, entry.pw_dir, entry.pw_shell};
  user.groups = TRY(groups_of(entry.pw_name, entry.pw_gid));
  return user;
}

template <class Ask>
Result<group> find_group(std::vector<char>& buffer, const Ask& ask, const std::string& what) {
  group entry{};
  if (!TRY(ask_name_service(buffer, entry, ask, what))) {
    return Error{ErrorCode::not_found, "no such group: " + what};
  }
  return entry;
}

}  // namespace

Result<User> look_up_user(const std::string& name) {
  return find_user(
      [&](passwd* entry, char* buffer, size_t size, passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
      },
      printable(name));
}

Result<User> look_up_user(uid_t uid) {
  return find_user([&](passwd* entry, char* buffer, size_t size,
                       passwd** found) { return ::getpwuid_r(uid, entry, buffer, size, found); },
                   "uid " + std::to_string(uid));
}

Result<std::string> group_name(gid_t gid) {
  std::vector<char> buffer;
  const group entry = TRY(find_group(
      buffer,
      [&](group* into, char* memory, size_t size, group** found) {
        return ::getgrgid_r(gid, into, memory, size, found);
      },
      "gid " + std::to_string(gid)));
  return std::string{entry.gr_name};
}

Result<gid_t> look_up_group(const std::string& name) {
  std::vector<char> buffer;
  const group entry = TRY(find_group(
      buffer,
      [&](group* into, char* memory, size_t size, group** found) {
        return ::getgrnam_r(name.c_str(), into, memory, size, found);
      },
      printable(name)));
  return entry.gr_gid;
}

std::string user_label(uid_t uid) {
  Result<User> user = look_up_user(uid);
  return user.ok() ? std::move(user).take().name : std::to_string(uid);
}

std::string group_label(gid_t gid) {
  Result<std::string> name = group_name(gid);
  return name.ok() ? std::move(name).take() : std::to_string(gid);
}

}  // namespace gd
