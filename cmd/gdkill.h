// The pure part of gdkill: from options to what is asked of the controller.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/job_query.h"

namespace gd::cmd {

struct KillOptions {
  std::vector<std::string> clusters;
  FilterOptions filter;
  std::string signal;
  bool batch = false;
  bool cron = false;
  bool full = false;
  bool interactive = false;
  bool quiet = false;
  bool verbose = false;
};

void define_gdkill(Cli& cli, KillOptions& options);

// One request for the jobs, and one for each step named.
Result<std::vector<CancelRequest>> to_cancel_requests(const KillOptions& options, Dialect dialect,
                                                      const std::string& me);

}  // namespace gd::cmd
