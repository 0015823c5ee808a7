// One section of gd.conf that says who may charge what, and how much: [account NAME],
// [user NAME], [user ACCOUNT/NAME] or [qos NAME]. The controller keeps those that sacctmgr
// made as such sections, so there is one language for both, with one judge
// (proto/settings_limits.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gd {

inline constexpr std::string_view kAccountKinds[] = {"account", "user", "qos"};

struct AccountEntry {
  std::string key;    // as in gd.conf: "grp_tres"
  std::string value;  // as it would be written there
  bool operator==(const AccountEntry&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("key", self.key);
    field("value", self.value);
  }
};

struct AccountSection {
  std::string kind;  // one of kAccountKinds
  std::string name;
  std::vector<AccountEntry> entries;  // each key once
  bool operator==(const AccountSection&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("kind", self.kind);
    field("name", self.name);
    field("entries", self.entries);
  }
};

}  // namespace gd
