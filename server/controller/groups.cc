// A failed renewal keeps the old answer; a user who is unknown here has no groups.
#include "server/controller/groups.h"

#include <algorithm>

#include "base/user.h"

namespace gd::controller {

Result<UserGroups> resolve_groups(Uid uid, Gid gid) {
  UserGroups out;
  out.group = group_label(gid);
  out.groups.push_back(out.group);
  const Result<User> user = look_up_user(uid);
  if (!user.ok()) {
    if (user.error().code == ErrorCode::not_found) return out;
    return user.error();
  }
  for (const gid_t each : user->groups) {
    if (each == gid) continue;
    const Result<std::string> name = group_name(each);
    if (name.ok()) out.groups.push_back(*name);
  }
  return out;
}

const UserGroups* GroupCache::find(Uid uid) const {
  const auto entry = known_.find(uid);
  return entry == known_.end() ? nullptr : &entry->second.groups;
}

bool GroupCache::start_asking(Uid uid, TimePoint now) {
  const auto entry = known_.find(uid);
  if (entry != known_.end() && now - entry->second.at < kGroupsAge) return false;
  return asking_.insert(uid).second;
}

void GroupCache::answered(Uid uid, const Result<UserGroups>& groups, TimePoint now) {
  asking_.erase(uid);
  if (groups.ok()) {
    known_[uid] = {*groups, now};
  } else if (const auto old = known_.find(uid); old != known_.end()) {
    old->second.at = now;  // ask again later
  }
}

}  // namespace gd::controller
