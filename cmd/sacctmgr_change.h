// The pure part of sacctmgr's add, modify and delete: what the words ask for, and what it would
// do to a site: the lines that Slurm prints before it asks, and the request.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/sacctmgr_fields.h"
#include "cmd/sacctmgr_site.h"
#include "proto/messages_accounts.h"

namespace gd::cmd {

enum class ChangeVerb : uint8_t { add, modify, remove };

struct AcctChange {
  ChangeVerb verb = ChangeVerb::add;
  std::string entity;  // "user", "account", "qos", "coordinator"
  std::vector<std::string> names, accounts, clusters;
  std::vector<SetValue> set;
  bool reset_usage = false;  // RawUsage=0
};

// Slurm's answers before anything is changed: what is printed, the exit code where that is all,
// or the request.
struct ChangePlan {
  std::string out, err;
  int code = 0;
  std::optional<AccountsRequest> request;
};

// Is it a verb that changes? "add", "create", "modify", "update", "delete", "remove".
std::optional<ChangeVerb> change_verb(std::string_view word);

// "add user ada account=lab", "modify user where name=ada set maxjobs=3". What Slurm says on
// standard error of a bad line is the error's text, with usage as its code.
Result<AcctChange> parse_acct_change(std::span<const std::string> words);
ChangePlan plan_acct_change(const AcctChange& change, const Site& site);

// A cell as Slurm's "%-10.10s".
std::string mgr_cell(std::string_view value, size_t width);

}  // namespace gd::cmd
