// gdkill - cancel jobs, or send them a signal.
#include "cmd/gdkill.h"

#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "gdkill",
                            .slurm_name = "scancel",
                            .summary = "Cancel jobs, or send them a signal",
                            .arguments = "[JOB[_ELEMENTS][.STEP]]...",
                            .examples =
                                "gdkill 42 43\n"
                                "gdkill 44_3 45_[1-100]          # elements of arrays\n"
                                "gdkill --me --state=pending      # all that still wait\n"
                                "gdkill -s USR1 42                # a signal instead\n",
                            .completes = Completes::job};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

Result<bool> confirmed(const JobView& view) {
  Output ask(2);
  ask << "Cancel job_id=" << job_name_of(view.job, 64) << " name=" << printable(view.job.spec->name)
      << " partition=" << view.job.spec->partition << " [y/n]? ";
  (void)ask.flush();
  std::string line;
  char c = 0;
  while (::read(0, &c, 1) == 1 && c != '\n') line += c;
  return !line.empty() && (line[0] == 'y' || line[0] == 'Y');
}

// -i: looks the jobs up and asks about each; what is left is what to cancel.
Result<std::vector<CancelRequest>> ask_about(const std::vector<CancelRequest>& requests,
                                             Client& controller) {
  std::vector<CancelRequest> chosen;
  for (const CancelRequest& request : requests) {
    CancelRequest kept = request;
    kept.filter = {};
    for (const JobView& view : TRY(fetch_jobs(controller, {.filter = request.filter}))) {
      if (ended(view.job.state) || !TRY(confirmed(view))) continue;
      // The id of a record of an array may be the whole array's: its elements are meant.
      if (view.job.array)
        kept.filter.elements.push_back({view.job.array->array, view.job.array->elements});
      else
        kept.filter.jobs.push_back(view.job.id);
    }
    const bool any = !kept.filter.jobs.empty() || !kept.filter.elements.empty();
    if (any) chosen.push_back(std::move(kept));
  }
  return chosen;
}

Result<int> run(const KillOptions& options, Context& context) {
  std::vector<CancelRequest> requests =
      TRY(to_cancel_requests(options, context.dialect, own_name()));
  Client* controller = TRY(context.controller());
  TRY(check_clusters(options.clusters, context));
  if (options.interactive) requests = TRY(ask_about(requests, *controller));
  int code = kExitDone;
  for (const CancelRequest& request : requests) {
    Result<JobsReply> reply = controller->ask<JobsReply>(request);
    if (!reply.ok()) {
      if (!context.slurm()) return std::move(reply).error();
      return Error{reply.error().code, "Kill job error: " + slurm_reason(reply.error())};
    }
    std::erase_if(reply->refused, [&](const JobOutcome& outcome) {
      const bool gone = outcome.code == ErrorCode::not_found || outcome.code == ErrorCode::conflict;
      return gone && (context.slurm() || (options.quiet && outcome.code == ErrorCode::conflict));
    });
    code = std::max(code, print_outcomes(*reply, context));
    if (options.verbose) context.warn(std::to_string(reply->done) + " jobs told");
  }
  return code;
}

int start(const Invocation& call) {
  return start_command<KillOptions, define_gdkill, run>(kInfo, call);
}

}  // namespace

void define_gdkill(Cli& cli, KillOptions& options) {
  define_filter(cli, options.filter);
  cli.group("How");
  cli.option("-s,--signal", "SIGNAL", "Send SIGNAL (a name or a number) instead of cancelling",
             options.signal);
  cli.flag("-b,--batch", "Signal only the batch script itself", options.batch);
  cli.flag("-f,--full", "Signal all of the job, as without this option", options.full);
  cli.flag("--cron", "Jobs of a crontab, too: their lines in it are disabled", options.cron);
  cli.flag("-i,--interactive", "Ask about each job", options.interactive);
  cli.flag("-Q,--quiet", "Print nothing for jobs that have already ended", options.quiet);
  cli.flag("-v,--verbose", "Say how many jobs were told", options.verbose);
  define_clusters(cli, options.clusters);
  cli.refuse("-A,--account --ctld -H,--hurry -q,--qos -R,--reservation --sibling --wckey");
  cli.rest(options.filter.jobs);
}

Result<std::vector<CancelRequest>> to_cancel_requests(const KillOptions& options, Dialect dialect,
                                                      const std::string& me) {
  const FilterOptions& filter = options.filter;
  if (filter.jobs.empty() && filter.users.empty() && filter.names.empty() &&
      filter.partitions.empty() && filter.nodes.empty() && filter.states.empty() && !filter.me) {
    return usage(dialect == Dialect::slurm
                     ? "No job identification provided"
                     : "no jobs given; name job ids, or use --me, --user, --name or --state");
  }
  CancelRequest request{
      .request = new_request_id(), .filter = {}, .batch_only = options.batch, .cron = options.cron};
  FilterOptions others = filter;
  others.jobs.clear();
  request.filter = TRY(to_filter(others, me));
  if (!options.signal.empty()) {
    const Result<int> signal = parse_signal(options.signal);
    if (!signal.ok())
      return usage("--signal=" + printable(options.signal) + ": " + signal.error().text);
    request.signal = *signal;
  }
  std::vector<CancelRequest> requests;
  for (const std::string& text : split_job_list(join(std::span(std::as_const(filter.jobs)), ","))) {
    JobArgument argument = TRY(parse_job_argument(text));
    if (argument.elements && argument.step)
      return usage("a step of several elements: " + printable(text));
    if (argument.elements) {
      request.filter.elements.push_back({argument.job, std::move(*argument.elements)});
      continue;
    }
    if (!argument.step) {
      request.filter.jobs.push_back(argument.job);
      continue;
    }
    CancelRequest step = request;
    step.request = new_request_id();
    step.filter.jobs = {argument.job};
    step.step = argument.step;
    requests.push_back(std::move(step));
  }
  const bool more = !request.filter.jobs.empty() || !request.filter.elements.empty();
  if (requests.empty() || more) requests.push_back(std::move(request));
  return requests;
}

const Command kGdkill{&kInfo, start};

}  // namespace gd::cmd
