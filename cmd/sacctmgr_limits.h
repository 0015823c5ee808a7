// Limits of gd.conf as the columns that sacctmgr has for them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/sacctmgr.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

using ConfigValues = std::map<std::string, std::string>;  // by key, those that are given

// What stands in [KIND NAME], by name in the order of the file.
std::vector<std::pair<std::string, ConfigValues>> sections_of(const ConfigReply& config,
                                                              std::string_view kind);
// A column of Slurm's for each key.
void add_limits(AcctMgrRow& row, const ConfigValues& values);

}  // namespace gd::cmd
