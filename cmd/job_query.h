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

// "12", "12.3", "12.batch": a job or one of its steps; "12_4", "12_[1-5]": elements of an array.
struct JobArgument {
  JobId job;
  std::optional<IndexSet> elements;
  std::optional<StepId> step;
};
Result<JobArgument> parse_job_argument(std::string_view text);

// `me` is the name that --me stands for. "all" among the states: any.
Result<JobFilter> to_filter(const FilterOptions& options, const std::string& me);
std::string own_name();

// Job ids as typed, "7,8_[1-3]" and "9": cut at commas that are not in brackets, then sorted into
// jobs and elements. A step is refused.
std::vector<std::string> split_job_list(std::string_view text);
Result<void> add_named(std::string_view text, std::vector<JobId>& jobs,
                       std::vector<JobElements>& elements);

// Of what waits in one record, only the elements that were asked for.
void narrow(std::vector<JobView>& jobs, const JobFilter& filter);

// What waits in one record, element by element.
std::vector<JobView> one_by_one(std::vector<JobView> jobs);

Result<std::vector<JobView>> fetch_jobs(Client& client, const JobQuery& query);

// "gdkill: job 9: no such job" for each; kExitRefused if there is one.
int print_outcomes(const JobsReply& reply, Context& context);

}  // namespace gd::cmd
