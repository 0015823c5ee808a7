// sacctmgr's dump files: a site as text, and text as changes of a site.
//
//   Cluster - 'linux':Fairshare=1:QOS='normal'
//   QOS - 'short':Priority=10            gd's own: Slurm's dumps leave QOS out
//   Parent - 'root'
//   Account - 'lab':Description='the lab':GrpTRES=cpu=8
//   Parent - 'lab'
//   User - 'ada':DefaultAccount='lab':Fairshare=3:Coordinator='lab'
//
// Parents come before what is below them. "#" begins a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cmd/sacctmgr_site.h"
#include "proto/messages_accounts.h"

namespace gd::cmd {

inline constexpr size_t kMaxDumpBytes = size_t{8} << 20;

// The lines after the comment that Slurm's dumps begin with, which is dump_heading().
std::vector<std::string> dump_lines(const Site& site);
std::string dump_heading();

struct LoadPlan {
  std::string cluster;
  std::vector<std::string> qos, accounts, users;  // that are new
  AccountsRequest request;
};

// `clean`: beginning with nothing, so everything in it is new.
Result<LoadPlan> plan_load(std::string_view text, const Site& site, bool clean);

}  // namespace gd::cmd
