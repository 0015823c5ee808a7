// Users and groups of this machine, from the name service (files, LDAP ...).
//
// "No such user" is ErrorCode::not_found; a name service that did not answer is
// unavailable and may be tried again: the two must not be mixed up, or a job
// is refused for ever because LDAP had a hiccup. These calls may block on the network.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary, gid among them; sorted
  std::string home;
  std::string shell;
  bool operator==(const User&) const = default;
};

inline constexpr size_t kMaxGroups = 65536;  // NGROUPS_MAX of the kernel

Result<User> look_up_user(const std::string& name);
Result<User> look_up_user(uid_t uid);
Result<std::string> group_name(gid_t gid);
Result<gid_t> look_up_group(const std::string& name);

// For listings: the name, or the number if there is none.
std::string user_label(uid_t uid);
std::string group_label(gid_t gid);

}  // namespace gd
