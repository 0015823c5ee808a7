// What sacctmgr asks to be changed in the sections of accounts, done to them as values; and who
// may ask for it. Whether the result makes sense as a whole is for the one judge of gd.conf
// (proto/settings.h, with_accounts) to say.
//
// Administrators may change everything. A coordinator of an account may put users into it, take
// them out, set their shares, limits and default account, and do all of that and make, change and
// remove accounts below it. QOS, and who may use which, are the administrators'.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "proto/account_section.h"
#include "proto/messages_accounts.h"
#include "server/core/cluster.h"
#include "server/core/command.h"

namespace gd::core {

using SectionName = std::pair<std::string, std::string>;  // kind and name
using AccountSections = std::map<SectionName, AccountSection>;

// The sections as they are to be, or why not. All or nothing.
Result<AccountSections> edited(const AccountSections& now, const Actor& actor,
                               const AccountsRequest& request);

// Live jobs whose user may no longer charge their account by `fresh`: at most kMaxActiveShown.
inline constexpr size_t kMaxActiveShown = 100;
std::vector<ActiveJob> jobs_left_behind(const Cluster& cluster, const ClusterConfig& fresh);

// "add account lab; change user lab/ada (max_jobs)": for the event log.
std::string summary(const AccountsRequest& request);

// Value of a key; empty if it is not given.
std::string_view entry_of(const AccountSection& section, std::string_view key);

}  // namespace gd::core
