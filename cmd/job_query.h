// Which jobs, said in options, and the jobs themselves, fetched page by page.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct FilterOptions {
  std::vector<std::string> jobs, users, names, partitions, nodes, states;
  bool me = false;
};

// -u --me -n -p -t -w; the caller names its own way of giving job ids.
void define_filter(Cli& cli, FilterOptions& options);

// "12", "12.3", "12.batch": a job or one of its steps.
struct JobArgument {
  JobId job;
  std::optional<StepId> step;
};
Result<JobArgument> parse_job_argument(std::string_view text);

// `me` is the name that --me stands for. "all" among the states: any.
Result<JobFilter> to_filter(const FilterOptions& options, const std::string& me);
std::string own_name();

Result<std::vector<JobView>> fetch_jobs(Client& client, const JobQuery& query);

// "gdkill: job 9: no such job" for each; kExitRefused if there is one.
int print_outcomes(const JobsReply& reply, Context& context);

}  // namespace gd::cmd
