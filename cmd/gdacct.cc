// gdacct - jobs of the past, and what they used.
#include "cmd/gdacct.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/acct_form.h"
#include "cmd/advice.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/job_fields.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr char kDefaultFormat[] = "jobid,jobname,partition,account,alloccpus,state,exitcode";
constexpr char kBriefFormat[] = "jobid,state,exitcode";
constexpr char kLongFormat[] =
    "jobid,jobidraw,jobname,partition,maxrss,alloccpus,elapsed,state,exitcode,reqmem,totalcpu,"
    "nodelist,alloctres";

constexpr CommandInfo kInfo{
    .name = "gdacct",
    .slurm_name = "sacct",
    .summary = "Show finished jobs and what they used",
    .arguments = "",
    .examples =
        "gdacct                                 # one's own, since midnight\n"
        "gdacct -S now-7days -s FAILED,TIMEOUT\n"
        "gdacct -j 42 -o JobID,Elapsed,TotalCPU,MaxRSS\n"
        "gdacct --advise                        # what to ask for the next time\n"
        "gdacct -a -X -P -n -S 2026-01-01       # for programs\n"};

using Writer = AcctListing<AcctRow>;

void write_job(const AcctOptions& options, const JobRecord& job, const AcctRow& common,
               Writer& writer, std::string& text) {
  const auto row_of = [&](const StepRecord* step, bool batch) {
    writer.row({.job = job,
                .step = step,
                .batch = batch,
                .now = common.now,
                .units = common.units,
                .cluster = common.cluster},
               text);
  };
  row_of(nullptr, false);
  if (options.allocations || job.start_time == TimePoint{}) return;
  const bool has_batch_step =
      std::ranges::any_of(job.steps, [](const StepRecord& step) { return step.id == kBatchStep; });
  if (job.spec->kind == JobKind::batch && !has_batch_step) {
    row_of(nullptr, true);
  }
  for (const StepRecord& step : job.steps) row_of(&step, false);
}

template <class List>
bool among(const List& wanted, const std::string& value) {
  return wanted.empty() || std::ranges::count(wanted, value) > 0;
}

Result<std::vector<JobView>> fetch(const AcctOptions& options, const AcctPlan& plan,
                                   Client& controller) {
  std::vector<JobView> jobs = TRY(fetch_jobs(controller, plan.history));
  std::set<JobId> seen;
  for (const JobView& view : jobs) seen.insert(view.job.id);
  for (JobView& view : TRY(fetch_jobs(controller, plan.live))) {
    if (seen.insert(view.job.id).second) jobs.push_back(std::move(view));
  }
  std::erase_if(jobs, [&](const JobView& view) {
    const JobSpec& spec = *view.job.spec;
    return !is_in(plan.window, view.job) || !among(options.accounts, spec.account) ||
           !among(options.wckeys, spec.wckey) ||
           !among(options.qos, spec.qos.empty() ? std::string("normal") : spec.qos);
  });
  if (options.each_element) jobs = one_by_one(std::move(jobs));
  std::ranges::sort(jobs, {}, [](const JobView& view) { return view.job.id; });
  return jobs;
}

Result<int> run(const AcctOptions& options, Context& context) {
  if (options.help_format) return context.out << list_fields(acct_fields()), kExitDone;
  const TimePoint now = context.now();
  const char units = options.units == 0 && options.fixed_units ? 'M' : options.units;
  const AcctRules rules = context.slurm() ? AcctRules::slurm : AcctRules::own;
  const AcctPlan plan =
      TRY(to_acct_plan(options, rules, own_name(), ::getuid(), now, local_zone()));
  Client* controller = TRY(context.controller());
  TRY(check_clusters(options.clusters, context));
  const Result<std::vector<JobView>> jobs = fetch(options, plan, *controller);
  if (!jobs.ok())
    return Error{jobs.error().code,
                 context.slurm() ? slurm_reason(jobs.error()) : jobs.error().text};
  if (options.advise) {
    RunBook book;
    for (const JobView& view : *jobs) book.add(view.job);
    context.out << advice_table(book.all());
    return kExitDone;
  }
  if (options.json) {
    JsonWriter json(JsonStyle::pretty);
    json.begin_object();
    write_meta(json);
    json.key("jobs").begin_array();
    for (const JobView& view : *jobs) {
      if (context.slurm())
        write_acct_json(json, view.job, now, controller->cluster());
      else
        write_json(json, view, now);
    }
    json.end_array().end_object();
    context.out << json.take();
    return kExitDone;
  }
  Writer writer({.parsable = options.parsable,
                 .parsable2 = options.parsable2,
                 .delimiter = options.delimiter},
                plan.items, acct_fields());
  std::string text;
  if (!options.no_header) writer.header(text);
  for (const JobView& view : *jobs) {
    write_job(options, view.job,
              {.job = view.job, .now = now, .units = units, .cluster = controller->cluster()},
              writer, text);
    context.out << std::exchange(text, "");
  }
  context.out << text;
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<AcctOptions, define_gdacct, run>(kInfo, call);
}

}  // namespace

void define_gdacct(Cli& cli, AcctOptions& options) {
  cli.group("Which jobs");
  cli.list("-j,--jobs,--job", "JOB[,...]", "These jobs, of any time unless one is given",
           options.filter.jobs);
  cli.list("-u,--user,--uid", "NAME[,...]", "Jobs of these users", options.filter.users)
      .complete(Completes::user);
  cli.flag("-a,--allusers", "Jobs of everybody", options.all_users);
  cli.list("--name", "NAME[,...]", "Jobs with these names", options.filter.names);
  cli.list("-r,--partition", "NAME[,...]", "Jobs in these partitions", options.filter.partitions)
      .complete(Completes::partition);
  cli.list("-s,--state", "STATE[,...]", "Jobs in these states", options.filter.states);
  cli.list("-A,--accounts,--account", "NAME[,...]", "Jobs of these accounts", options.accounts);
  cli.list("-q,--qos", "NAME[,...]", "Jobs of these qualities of service", options.qos);
  cli.list("-W,--wckeys", "KEY[,...]", "Jobs with these keys of --wckey", options.wckeys);
  cli.on("-N,--nodelist", "NODES", "Jobs that ran on one of these nodes",
         [&options](std::string_view text) -> Result<void> {
           options.filter.nodes = TRY(expand_hostlist(text));
           return {};
         })
      .complete(Completes::node);
  define_clusters(cli, options.clusters);
  cli.flag("-L,--allclusters,--local", "There is one cluster: as without this option",
           options.same);
  cli.flag("--array", "One line for each waiting element of an array", options.each_element);
  cli.option("-S,--starttime", "MOMENT", "Not ended before; midnight is the default",
             options.since);
  cli.option("-E,--endtime", "MOMENT", "Submitted before, and not to begin later", options.until);
  cli.flag("-X,--allocations", "One line for each job, none for its steps", options.allocations);
  cli.group("Form");
  cli.flag("--advise",
           "What jobs of each name and size have used, the last 90 days' if -S is not given, and "
           "what --mem and --time they need",
           options.advise);
  cli.option("-o,--format", "FIELD[%WIDTH][,...]", "Columns; --helpformat lists them",
             options.format)
      .env("FORMAT");
  cli.flag("-e,--helpformat", "The fields that --format knows", options.help_format);
  cli.flag("-b,--brief", "JobID, State and ExitCode", options.brief);
  cli.flag("-l,--long", "More columns", options.long_list);
  cli.flag("-n,--noheader", "No line of headings", options.no_header);
  cli.flag("-p,--parsable", "Separated by '|', also at the end", options.parsable);
  cli.flag("-P,--parsable2", "Separated by '|'", options.parsable2);
  cli.option("--delimiter", "TEXT", "Instead of '|'", options.delimiter);
  cli.on(
      "--units", "K|M|G|T|P", "Memory in this unit",
      [&options](std::string_view text) -> Result<void> {
        if (text.size() != 1 || std::string_view("KMGTP").find(text[0]) == std::string::npos) {
          return Error{ErrorCode::usage, "'" + printable(text) + "' is not one of K, M, G, T, P"};
        }
        options.units = text[0];
        return {};
      });
  cli.flag("--noconvert", "Memory in the unit it is kept in: MaxRSS in K, the rest in M",
           options.fixed_units);
  cli.flag("--json", "All that is known, as JSON", options.json);
  cli.refuse(
      "-B,--batch-script -c,--completion -D,--duplicates --env-vars --federation -f,--file "
      "-F,--flags -g,--gid -i,--nnodes -I,--ncpus -k,--timelimit-min -K,--timelimit-max "
      "-R,--reason -T,--truncate -x,--associations --whole-hetjob --yaml -v,--verbose");
}

Result<AcctPlan> to_acct_plan(const AcctOptions& options, AcctRules rules, const std::string& me,
                              Uid uid, TimePoint now, const TimeZone& zone) {
  if (options.advise && (options.json || options.format)) {
    return Error{ErrorCode::usage, "--advise has a form of its own: no --format and no --json"};
  }
  AcctPlan plan;
  JobFilter filter = TRY(to_filter(options.filter, me));
  std::vector<JobState> states = std::exchange(filter.states, {});
  const bool everybody =
      options.all_users || uid == 0 || !filter.jobs.empty() || !filter.elements.empty();
  if (filter.users.empty() && !everybody) filter.users = {me};
  plan.history = {.filter = filter, .history = true};
  plan.live = {.filter = filter};
  const auto moment = [&](const std::string& text) {
    return parse_moment(text, now, zone, Direction::past);
  };
  AcctMoments asked{.jobs = !filter.jobs.empty() || !filter.elements.empty()};
  if (!options.since.empty()) asked.since = TRY(moment(options.since));
  if (!options.until.empty()) asked.until = TRY(moment(options.until));
  if (!asked.since && !asked.jobs && options.advise) asked.since = now - kAdviceReach;
  plan.window = acct_window(asked, std::move(states), rules, now, TRY(moment("today")));
  if (plan.window.from && plan.window.to && *plan.window.to < *plan.window.from) {
    if (rules == AcctRules::own) {
      return Error{ErrorCode::usage, "the end time is before the start time"};
    }
    return Error{ErrorCode::usage, "Start time (" + format_moment(*plan.window.from, zone) +
                                       ") requested is after end time (" +
                                       format_moment(*plan.window.to, zone) + ")."};
  }
  plan.history.since = plan.window.from;
  plan.history.until = latest_end(plan.window);
  const char* fallback = options.brief       ? kBriefFormat
                         : options.long_list ? kLongFormat
                                             : kDefaultFormat;
  plan.items = TRY(parse_percent_format(options.format.value_or(fallback), acct_width));
  (void)TRY(Listing<AcctRow>::make(plan.items, acct_fields()));
  return plan;
}

const Command kGdacct{&kInfo, start};

}  // namespace gd::cmd
