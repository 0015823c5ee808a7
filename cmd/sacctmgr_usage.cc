#include "cmd/sacctmgr_usage.h"

#include "base/text.h"

namespace gd::cmd {

Result<UsageReset> plan_usage_reset(const AcctChange& change) {
  if (!change.set.empty()) {
    return Error{ErrorCode::usage, " RawUsage=0 is set by itself, not beside other values"};
  }
  if (change.names.empty()) {
    return Error{ErrorCode::usage, " No " + change.entity + " given; say whose usage to reset"};
  }
  UsageReset reset;
  reset.out = " Reset usage of " + change.entity + "(s)\n";
  for (const std::string& name : change.names) {
    std::vector<UsageOwner> owners;
    if (change.entity == "qos") owners.push_back({"", "", name});
    if (change.entity == "account") owners.push_back({name, "", ""});
    if (change.entity == "user" && change.accounts.empty()) owners.push_back({"", name, ""});
    if (change.entity == "user") {
      for (const std::string& account : change.accounts) owners.push_back({account, name, ""});
    }
    for (UsageOwner& owner : owners) {
      reset.out += "  " + printable(name) +
                   (change.entity == "user" && !owner.account.empty()
                        ? " of account " + printable(owner.account)
                        : "") +
                   "\n";
      reset.request.owners.push_back(std::move(owner));
    }
  }
  return reset;
}

}  // namespace gd::cmd
