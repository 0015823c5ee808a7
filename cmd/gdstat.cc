// gdstat - the jobs that wait, run, or have just ended.
#include "cmd/gdstat.h"

#include <algorithm>
#include <thread>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/follow.h"
#include "cmd/job_sort.h"
#include "cmd/slurm_json.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr char kDefaultFormat[] = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
constexpr char kLongFormat[] = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";
constexpr char kStartFormat[] = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R";
constexpr char kDefaultSort[] = "P,t,-p,i";

constexpr CommandInfo kInfo{.name = "gdstat",
                            .slurm_name = "squeue",
                            .summary = "Show the jobs that wait, run, or have just ended",
                            .arguments = "[JOB]...",
                            .examples =
                                "gdstat --me\n"
                                "gdstat -t all -u alice,bob\n"
                                "gdstat --live --me               # cpu, memory, I/O now\n"
                                "gdstat --follow 42               # its output, as it comes\n"
                                "gdstat -o '%i %T %R'             # any columns\n"
                                "gdstat --json | jq '.jobs[].job_id'\n",
                            .completes = Completes::job};

bool shown(const StatPlan& plan, JobState state) {
  return plan.states.empty() || std::count(plan.states.begin(), plan.states.end(), state) > 0;
}

bool among(const std::vector<std::string>& wanted, std::string_view value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

Result<std::vector<JobView>> fetch_shown(const StatOptions& options, const StatPlan& plan,
                                         Context& context) {
  std::vector<JobView> jobs = TRY(fetch_jobs(*TRY(context.controller()), plan.query));
  if (plan.must_exist && jobs.empty()) {
    return Error{ErrorCode::not_found,
                 "job " + std::to_string(plan.must_exist->value) + ": no such job"};
  }
  std::erase_if(jobs, [&](const JobView& view) {
    const JobSpec& spec = *view.job.spec;
    return !shown(plan, view.job.state) || !among(options.accounts, spec.account) ||
           !among(options.qos, spec.qos.empty() ? "normal" : std::string_view(spec.qos));
  });
  if (plan.each_element) jobs = one_by_one(std::move(jobs));
  TRY(sort_jobs(jobs, plan.sort, context.now()));
  return jobs;
}

std::string table_for_people(const std::vector<JobView>& jobs, TimePoint now, const Output& out) {
  Table table({"JOB", "NAME", "USER", "PARTITION", "STATE", "TIME", "LIMIT", "NODES", "CPUS",
               "NODES (REASON)"});
  for (const JobView& view : jobs) {
    const JobRecord& job = view.job;
    const std::string nodes = node_list_of(job);
    table.add({job_name_of(job, 64), printable(job.spec->name, 1024), job.user, job.spec->partition,
               std::string(long_name(job.state)), format_elapsed(elapsed_of(job, now)),
               format_elapsed(limit_of(job)), std::to_string(nodes_of(job)),
               std::to_string(cpus_of(job)), nodes.empty() ? "(" + reason_of(job) + ")" : nodes});
  }
  return table.text(terminal_width(out.fd()), wants_colour(out.fd()) ? "\033[1m" : "");
}

void print_json(const std::vector<JobView>& jobs, std::string_view cluster, Context& context) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object();
  write_meta(json);
  json.key("jobs").begin_array();
  for (const JobView& view : jobs) {
    if (context.slurm())
      write_slurm_json(json, view, cluster);
    else
      write_json(json, view, context.now());
  }
  json.end_array().end_object();
  context.out << json.take();
}

Result<void> print_once(const StatOptions& options, const StatPlan& plan, Context& context) {
  const std::vector<JobView> jobs = TRY(fetch_shown(options, plan, context));
  const TimePoint now = context.now();
  if (options.json) {
    print_json(jobs, TRY(context.controller())->cluster(), context);
    return {};
  }
  if (plan.people && terminal_width(context.out.fd()) > 0) {
    context.out << table_for_people(jobs, now, context.out);
    return {};
  }
  auto listing = TRY(Listing<JobRow>::make(plan.items, job_fields()));
  std::string text;
  if (options.long_listing && !options.no_header) {
    text += format_moment(now, local_zone()) + "\n";
  }
  if (!options.no_header) {
    text += cluster_line(options.clusters, context);
    listing.header(text);
  }
  for (const JobView& view : jobs) {
    listing.row({view, now, options.fixed_units}, text);
    if (text.size() > (size_t{32} << 10)) context.out << std::exchange(text, "");
  }
  context.out << text;
  return {};
}

Result<int> follow(const StatOptions& options, Context& context) {
  if (options.arguments.size() + options.filter.jobs.size() != 1) {
    return Error{ErrorCode::usage, "--follow wants one job"};
  }
  const std::string& word =
      options.arguments.empty() ? options.filter.jobs[0] : options.arguments[0];
  Client* controller = TRY(context.controller());
  FollowOptions followed = TRY(find_followed(word, *controller));
  followed.tail_lines = options.tail;
  return follow_job(followed, *controller, context);
}

void print_why_json(const std::vector<WhyReply>& replies, Context& context) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object();
  write_meta(json);
  json.key("jobs").begin_array();
  for (const WhyReply& reply : replies) {
    json.begin_object().key("job").string(reply.name).key("kind").string(reply.kind);
    json.key("sentences").begin_array();
    for (const std::string& each : reply.sentences) json.string(each);
    json.end_array().key("suggestions").begin_array();
    for (const std::string& each : reply.suggestions) json.string(each);
    json.end_array().key("expected_start");
    const TimePoint at = reply.expected_start.value_or(TimePoint{});
    json.number(std::chrono::floor<Seconds>(at.time_since_epoch()).count()).end_object();
  }
  json.end_array().end_object();
  context.out << json.take();
}

Result<int> explain(const StatOptions& options, Context& context) {
  std::vector<std::string> words = options.filter.jobs;
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<WhyQuery> queries;
  for (const std::string& word : words) {
    std::vector<JobId> jobs;
    std::vector<JobElements> elements;
    TRY(add_named(word, jobs, elements));
    for (const JobId job : jobs) queries.push_back({job, {}});
    for (const JobElements& each : elements) {
      queries.push_back({each.job, each.elements.front()});
    }
  }
  if (queries.empty()) return Error{ErrorCode::usage, "--why of which job? name its id"};
  Client* controller = TRY(context.controller());
  std::vector<WhyReply> replies;
  for (const WhyQuery& query : queries) replies.push_back(TRY(controller->ask<WhyReply>(query)));
  if (options.json) return print_why_json(replies, context), kExitDone;
  const int width = terminal_width(context.out.fd());
  for (const WhyReply& reply : replies) context.out << why_text(reply, width > 0 ? width : 80);
  return kExitDone;
}

Result<int> run(const StatOptions& options, Context& context) {
  if (options.follow) return follow(options, context);
  if (options.tail) return Error{ErrorCode::usage, "--tail goes with --follow"};
  if (options.why) return explain(options, context);
  const StatPlan plan = TRY(to_stat_plan(options, context.dialect, own_name()));
  TRY(check_clusters(options.clusters, context));
  if (options.live && !options.json) return run_live(options, plan, context);
  while (true) {
    const Result<void> done = print_once(options, plan, context);
    if (!done.ok()) return context.slurm() ? slurm_load_error(done.error()) : done.error();
    if (!options.iterate || !context.out.flush()) return kExitDone;
    context.out << "\n";
    std::this_thread::sleep_for(Seconds{*options.iterate});
  }
}

int start(const Invocation& call) {
  return start_command<StatOptions, define_gdstat, run>(kInfo, call);
}

}  // namespace

void define_gdstat(Cli& cli, StatOptions& options) {
  cli.group("Which jobs");
  cli.list("-j,--jobs,--job", "JOB[,...]", "These jobs", options.filter.jobs)
      .complete(Completes::job);
  define_filter(cli, options.filter);
  cli.list("-A,--account", "NAME[,...]", "Jobs of these accounts", options.accounts);
  cli.list("-q,--qos", "NAME[,...]", "Jobs of these qualities of service", options.qos);
  cli.flag("-a,--all", "Jobs of hidden partitions, too; there are none", options.all);
  cli.group("Watching");
  cli.flag("--follow", "A job's output as it is written, until its end; exits with its code",
           options.follow);
  cli.count("--tail", "LINES", "With --follow: so many of the lines that are there already",
            options.tail, 0);
  cli.flag("--live", "What running jobs use now; again and again on a terminal", options.live);
  cli.option("--live-sort", "FIGURE", "Order of --live", options.live_sort)
      .choose({"job", "user", "cpu", "memory", "peak", "io", "pids", "time"});
  cli.group("Form");
  cli.flag("-l,--long", "More columns", options.long_listing);
  cli.flag("--start", "When waiting jobs are expected to start", options.start);
  cli.flag("--why", "Why a job waits, with numbers, and what would start it now", options.why);
  cli.option("-o,--format", "FORMAT", "Columns, such as '%i %j %T': see FORMATS", options.format)
      .env("FORMAT");
  cli.option("-O,--Format", "FIELD[:WIDTH][,...]", "Columns by name", options.long_format)
      .env("FORMAT2");
  cli.flag("-h,--noheader", "No line of headings", options.no_header);
  cli.option("-S,--sort", "[-]LETTER[,...]", "Order, by letters of --format; '-' is descending",
             options.sort)
      .env("SORT");
  cli.flag("--json", "All that is known, as JSON", options.json);
  cli.flag("-r,--array", "One line for each element of an array", options.array);
  cli.flag("--noconvert", "Memory in MiB, however much it is", options.fixed_units);
  cli.count("-i,--iterate", "SECONDS", "Again and again", options.iterate);
  define_clusters(cli, options.clusters);
  cli.refuse(
      "--array-unique --federation --hide -L,--licenses --local "
      "-R,--reservation --sibling -s,--steps -P,--priority --yaml");
  cli.rest(options.arguments);
}

std::string why_text(const WhyReply& reply, int width) {
  std::string text;
  size_t column = 0;
  const auto word = [&](std::string_view each) {
    const bool fits = column + 1 + each.size() <= static_cast<size_t>(std::max(width, 20));
    if (column > 0) text += fits ? " " : "\n";
    column = (column > 0 && fits ? column + 1 : 0) + each.size();
    text += each;
  };
  for (const std::string& sentence : reply.sentences) {
    const std::string whole = printable(sentence, 4096) + ".";
    for (const std::string_view each : split_words(whole)) word(each);
  }
  text += "\n";
  if (reply.expected_start) {
    text += "Expected start: " + format_moment(*reply.expected_start, local_zone()) + "\n";
  }
  if (!reply.suggestions.empty()) text += "It would start now after one of these:\n";
  for (const std::string& each : reply.suggestions) text += "  " + printable(each, 4096) + "\n";
  return text;
}

Result<StatPlan> to_stat_plan(const StatOptions& options, Dialect dialect, const std::string& me) {
  StatPlan plan;
  FilterOptions filter = options.filter;
  filter.jobs.insert(filter.jobs.end(), options.arguments.begin(), options.arguments.end());
  plan.query.filter = TRY(to_filter(filter, me));
  plan.states = plan.query.filter.states;
  if (options.start && filter.states.empty())
    plan.states = {JobState::pending};
  else if (filter.states.empty()) {
    plan.states = {JobState::pending, JobState::starting, JobState::running, JobState::suspended,
                   JobState::completing};
  }
  // One job that is named must exist, in whatever state: so ask for it in any.
  const JobFilter& asked = plan.query.filter;
  if (asked.jobs.size() + asked.elements.size() == 1) {
    plan.must_exist = asked.jobs.empty() ? asked.elements[0].job : asked.jobs[0];
  }
  plan.each_element = options.array;
  plan.query.live = options.live;
  plan.query.filter.states = plan.must_exist ? std::vector<JobState>{} : plan.states;
  plan.sort = !options.sort.empty() ? options.sort : (options.start ? "S,i" : kDefaultSort);
  TRY(check_sort(plan.sort));
  if (options.long_format) {
    plan.items = TRY(parse_long_format(*options.long_format));
  } else {
    const char* fallback = options.start          ? kStartFormat
                           : options.long_listing ? kLongFormat
                                                  : kDefaultFormat;
    plan.items = TRY(parse_short_format(options.format.value_or(fallback)));
  }
  (void)TRY(Listing<JobRow>::make(plan.items, job_fields()));
  plan.people = dialect == Dialect::gd && !options.format && !options.long_format &&
                !options.long_listing && !options.start && !options.no_header;
  return plan;
}

const Command kGdstat{&kInfo, start};

}  // namespace gd::cmd
