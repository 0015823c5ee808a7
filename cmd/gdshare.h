// gdshare - shares of accounts and users, and what they have used of them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/command.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

struct ShareOptions {
  std::vector<std::string> accounts;
  std::vector<std::string> users;
  bool all = false;
  bool users_only = false;
  bool long_listing = false;
  bool no_header = false;
  bool parsable = false;   // '|' behind each field
  bool parsable2 = false;  // '|' between fields
  bool verbose = false;
  std::string format;
};

void define_gdshare(Cli& cli, ShareOptions& options);

// Pure: the rows that were asked for. Without --all and --users, of users only `me`.
std::vector<ShareView> chosen_shares(const ShareOptions& options, const std::string& me,
                                     std::vector<ShareView> rows);
// The table, in Slurm's bytes.
Result<std::string> share_table(const ShareOptions& options, const std::vector<ShareView>& rows);

}  // namespace gd::cmd
