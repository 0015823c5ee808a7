// resolve_administrators(): the one part of permission.h that asks the name service.
#include <grp.h>

#include <vector>

#include "base/text.h"
#include "base/user.h"
#include "server/auth/permission.h"

namespace gd::auth {

namespace {

constexpr size_t kMaxGroupEntryBytes = size_t{4} << 20;

Result<void> add_group(const std::string& name, Administrators& administrators) {
  std::vector<char> buffer(4096);
  group entry{};
  group* found = nullptr;
  int error = ERANGE;
  while (error == ERANGE && buffer.size() <= kMaxGroupEntryBytes) {
    error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) buffer.resize(buffer.size() * 2);
  }
  if (error != 0) return os_error("group '" + name + "'", error);
  if (found == nullptr) return Error{ErrorCode::not_found, "group '" + name + "' does not exist"};
  administrators.groups.insert(found->gr_gid);
  for (char** member = found->gr_mem; *member != nullptr; ++member) {
    const Result<User> user = look_up_user(std::string(*member));
    if (user.ok()) {
      administrators.users.insert(user->uid);
    } else if (user.error().code != ErrorCode::not_found) {  // a dead member is no reason to stop
      return user.error().in("group '" + name + "'");
    }
  }
  return {};
}

}  // namespace

Result<Administrators> resolve_administrators(const std::vector<std::string>& names,
                                              std::optional<Uid> own_uid) {
  Administrators administrators;
  if (own_uid) administrators.users.insert(*own_uid);
  for (const std::string& name : names) {
    std::string_view group = name;
    if (take_prefix(group, "@")) {
      Result<void> added = add_group(std::string(group), administrators);
      if (!added.ok()) return std::move(added).error().in("administrators");
      continue;
    }
    Result<User> user = look_up_user(name);
    if (!user.ok()) return std::move(user).error().in("administrators");
    administrators.users.insert(user->uid);
  }
  return administrators;
}

}  // namespace gd::auth
