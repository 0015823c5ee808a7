#include "cmd/job_query.h"

#include <unistd.h>

#include <algorithm>

#include "base/hostlist.h"
#include "base/text.h"
#include "base/user.h"
#include "cmd/command.h"
#include "proto/step_name.h"

namespace gd::cmd {
namespace {

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

constexpr std::string_view kStateNames[] = {"pending",    "configuring",   "running",   "suspended",
                                            "completing", "completed",     "failed",    "cancelled",
                                            "timeout",    "out_of_memory", "node_fail", "preempted",
                                            "deadline",   "boot_fail",     "all"};

// Slurm's states that no job of gd is ever in: programs ask for them among others.
constexpr std::string_view kNeverStates[] = {
    "RF", "REQUEUE_FED", "RH", "REQUEUE_HOLD",  "RQ", "REQUEUED",     "RS", "RESIZING",
    "RV", "REVOKED",     "SI", "SIGNALING",     "SE", "SPECIAL_EXIT", "SO", "STAGE_OUT",
    "ST", "STOPPED",     "RD", "RESV_DEL_HOLD", "UN", "UPDATE_DB"};

bool is_never(std::string_view name) {
  return std::ranges::any_of(kNeverStates,
                             [name](std::string_view each) { return equal_no_case(each, name); });
}

Result<std::vector<JobState>> parse_states(const std::vector<std::string>& names) {
  std::vector<JobState> states;
  for (const std::string& name : names) {
    if (equal_no_case(name, "all")) return std::vector<JobState>{};
    const std::optional<JobState> state = parse_job_state(name);
    if (!state && is_never(name)) continue;
    if (!state) {
      return usage("invalid job state specified: '" + printable(name) + "'" +
                   did_you_mean(to_lower(name), kStateNames));
    }
    states.push_back(*state);
  }
  return states;
}

}  // namespace

void define_filter(Cli& cli, FilterOptions& options) {
  cli.group("Which jobs");
  cli.list("-u,--user,--users", "NAME[,...]", "Jobs of these users", options.users)
      .complete(Completes::user);
  cli.flag("--me", "One's own jobs", options.me);
  cli.list("-n,--name", "NAME[,...]", "Jobs with these names", options.names);
  cli.list("-p,--partition", "NAME[,...]", "Jobs in these partitions", options.partitions)
      .complete(Completes::partition);
  cli.list("-t,--states,--state", "STATE[,...]", "Jobs in these states; all: any state",
           options.states);
  // A hostlist has commas of its own.
  cli.on("-w,--nodelist", "NODES", "Jobs on these nodes",
         [&options](std::string_view text) -> Result<void> {
           options.nodes = TRY(expand_hostlist(text));
           return {};
         })
      .complete(Completes::node);
}

Result<JobArgument> parse_job_argument(std::string_view text) {
  const size_t dot = text.find('.');
  std::string_view id = text.substr(0, dot);
  const auto invalid = [text] { return usage("invalid job id " + printable(text)); };
  if (id.find('+') != std::string_view::npos) {
    return usage("heterogeneous jobs are not supported: " + printable(text));
  }
  std::optional<IndexSet> elements;
  if (const size_t bar = id.find('_'); bar != std::string_view::npos) {
    Result<ArraySpec> named = parse_array_spec(id.substr(bar + 1));
    if (!named.ok()) return invalid();
    elements = std::move(named->elements);
    id = id.substr(0, bar);
  }
  const Result<uint32_t> number = parse_number<uint32_t>(id, 1);
  if (!number.ok()) return invalid();
  JobArgument argument{.job = JobId{*number}, .elements = std::move(elements), .step = {}};
  if (dot == std::string_view::npos) return argument;
  argument.step = parse_step_name(text.substr(dot + 1));
  if (!argument.step) return invalid();
  return argument;
}

std::vector<std::string> split_job_list(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth <= 0)
      parts.push_back(std::exchange(part, ""));
    else
      part += c;
  }
  if (!part.empty()) parts.push_back(part);
  return parts;
}

Result<void> add_named(std::string_view text, std::vector<JobId>& jobs,
                       std::vector<JobElements>& elements) {
  for (const std::string& part : split_job_list(text)) {
    std::string_view id = part;
    take_prefix(id, "jobid=");
    JobArgument argument = TRY(parse_job_argument(id));
    if (argument.step) return usage("'" + printable(part) + "' is a step; a job is wanted");
    if (argument.elements)
      elements.push_back({argument.job, std::move(*argument.elements)});
    else
      jobs.push_back(argument.job);
  }
  return {};
}

void narrow(std::vector<JobView>& jobs, const JobFilter& filter) {
  if (filter.elements.empty()) return;
  for (JobView& view : jobs) {
    if (!view.job.array || view.job.array->elements.size() < 2) continue;
    const auto& whole = filter.jobs;
    if (std::ranges::count(whole, view.job.array->array) > 0) continue;
    if (std::ranges::count(whole, view.job.id) > 0) continue;
    IndexSet wanted;
    for (const JobElements& each : filter.elements) {
      if (each.job == view.job.array->array) wanted = wanted.united(each.elements);
    }
    view.job.array->elements = view.job.array->elements.common(wanted);
  }
}

std::string own_name() {
  return user_label(::getuid());
}

Result<JobFilter> to_filter(const FilterOptions& options, const std::string& me) {
  JobFilter filter{.jobs = {},
                   .users = options.users,
                   .names = options.names,
                   .partitions = options.partitions,
                   .nodes = options.nodes,
                   .states = TRY(parse_states(options.states))};
  if (options.me) filter.users = {me};
  std::string all;  // a list was cut at every comma, also inside brackets
  for (const std::string& text : options.jobs) all += (all.empty() ? "" : ",") + text;
  for (const std::string& text : split_job_list(all)) {
    JobArgument argument = TRY(parse_job_argument(text));
    if (argument.elements)
      filter.elements.push_back({argument.job, std::move(*argument.elements)});
    else
      filter.jobs.push_back(argument.job);
  }
  // Only states that never are: no job may match, and no job has the id 0.
  const bool never = !options.states.empty() && std::ranges::all_of(options.states, is_never);
  if (never) filter.jobs = {JobId{0}};
  return filter;
}

Result<std::vector<JobView>> fetch_jobs(Client& client, const JobQuery& query) {
  std::vector<JobView> jobs;
  TRY(client.pages(query, [&jobs](Message&& page) -> Result<bool> {
    auto* reply = std::get_if<JobQueryReply>(&page);
    if (reply == nullptr) return Error{ErrorCode::internal, "an answer that lists no jobs"};
    std::move(reply->jobs.begin(), reply->jobs.end(), std::back_inserter(jobs));
    return reply->more;
  }));
  narrow(jobs, query.filter);
  return jobs;
}

int print_outcomes(const JobsReply& reply, Context& context) {
  for (const JobOutcome& outcome : reply.refused) {
    const bool named = outcome.text.starts_with("job ");
    context.warn(named ? outcome.text
                       : "job " + std::to_string(outcome.job.value) + ": " + outcome.text);
  }
  return reply.refused.empty() ? kExitDone : kExitRefused;
}

std::vector<JobView> one_by_one(std::vector<JobView> jobs) {
  std::vector<JobView> all;
  for (JobView& view : jobs) {
    if (!view.job.array || element_of(view.job)) {
      all.push_back(std::move(view));
      continue;
    }
    const JobId array = view.job.array->array;
    view.job.array->elements.for_each([&](uint32_t element) {
      JobView& one = all.emplace_back(view);
      one.job.array = ArrayPart{array, IndexSet::of(element), 0, 0, 0, 0};
    });
  }
  return all;
}

}  // namespace gd::cmd
