// The pure part of sacctmgr's lists: accounts and who may charge them, as Slurm shows them, made
// from the configuration that the controller tells. Changes are in sacctmgr_change.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/format.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

using AcctMgrRow = std::map<std::string, std::string>;  // by field, lower case

struct AcctMgrQuery {
  std::string entity;  // "user", "account", "association", "cluster", "qos", "tres", "wckey"
  std::vector<std::string> users, accounts, clusters, names;
  std::string format;
  bool with_associations = false;
  bool with_coordinators = false;
};

// "list user alice format=account%20", "show assoc where user=alice".
Result<AcctMgrQuery> parse_acct_mgr(std::span<const std::string> words);

// Rows in the order of the configuration. What it does not say is empty.
std::vector<AcctMgrRow> acct_mgr_rows(const AcctMgrQuery& query, const ConfigReply& config);

// Slurm's own columns of the entity where `format` is empty.
Result<std::vector<FormatItem>> acct_mgr_format(const AcctMgrQuery& query);
std::string acct_mgr_header(const FormatItem& item);

}  // namespace gd::cmd
