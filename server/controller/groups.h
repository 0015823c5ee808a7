// Names of a user's groups, for partitions that only some groups may use.
//
// The name service may be slow, so it is asked by a worker; messages of a user who
// is not known yet wait, in order, for the answer. An answer is good for
// kGroupsAge; an older one is still used while it is asked for again.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd::controller {

inline constexpr Seconds kGroupsAge{600};

struct UserGroups {
  std::string group;                // of the primary gid
  std::vector<std::string> groups;  // that one among them
};

using GroupResolver = std::function<Result<UserGroups>(Uid uid, Gid gid)>;
Result<UserGroups> resolve_groups(Uid uid, Gid gid);  // from this machine's name service

class GroupCache {
 public:
  [[nodiscard]] const UserGroups* find(Uid uid) const;
  // True: unknown or old, and nobody asks yet; the caller is to.
  [[nodiscard]] bool start_asking(Uid uid, TimePoint now);
  void answered(Uid uid, const Result<UserGroups>& groups, TimePoint now);

 private:
  struct Entry {
    UserGroups groups;
    TimePoint at{};
  };
  std::map<Uid, Entry> known_;
  std::set<Uid> asking_;
};

}  // namespace gd::controller
