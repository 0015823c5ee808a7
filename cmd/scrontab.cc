// scrontab - jobs that recur, in a crontab that the cluster keeps.
#include "cmd/scrontab.h"

#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "base/user.h"
#include "cmd/client.h"
#include "cmd/crontab_text.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "scrontab",
                            .slurm_name = "scrontab",
                            .summary = "Have jobs run again and again, by a crontab",
                            .arguments = "[FILE|-]",
                            .examples =
                                "scrontab -e\n"
                                "scrontab jobs.cron      # in the place of what there was\n"
                                "scrontab -l -v          # and when each runs next\n",
                            .completes = Completes::file};

// What #SCRON takes, in messages.
constexpr CommandInfo kEntryInfo{
    .name = "scron", .slurm_name = "scron", .summary = "", .arguments = "", .examples = ""};

constexpr std::string_view kNewCrontab =
    "# minute hour day month weekday  command      (or @daily, @hourly, @weekly ...)\n"
    "# Options of a job stand before it:  #SCRON -t 10 --mem=1G\n";

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

// The program, without its folder and arguments.
std::string name_for(const std::string& command) {
  const std::string program = command.substr(0, command.find_first_of(" \t"));
  return program.substr(program.rfind('/') + 1);
}

Result<void> check_options(const JobOptions& options) {
  const JobSpec& spec = options.spec;
  const auto refuse = [](std::string_view name) {
    return usage("--" + std::string(name) + " has no meaning for a job that recurs");
  };
  if (!spec.array.empty()) return refuse("array");
  if (!spec.dependency.empty()) return refuse("dependency");
  if (!options.begin.empty()) return refuse("begin");
  if (!options.deadline.empty()) return refuse("deadline");
  if (options.memory_auto) return refuse("mem=auto");
  if (options.explain) return refuse("explain-sandbox");
  return {};
}

Result<JobOptions> options_of(const CrontabEntry& entry) {
  JobOptions options;
  options.export_names = "NONE";  // the shell that it is written in is not there when it runs
  Cli cli(kEntryInfo, Dialect::gd);
  define_job_options(cli, options, JobOptionSet::batch);
  for (const Directive& directive : entry.options) {
    const std::string where = "line " + std::to_string(directive.line);
    Result<Parsed> parsed = cli.parse(directive.words, RestMode::permute, where);
    if (!parsed.ok()) return std::move(parsed).error().in(where);
    if (!parsed->rest.empty()) {
      return usage(where + ": '" + printable(parsed->rest[0]) + "' is not an option");
    }
    TRY(cli.apply(*parsed));
  }
  return options;
}

Result<CronEntry> to_entry(const CrontabEntry& line, const Surroundings& around) {
  const JobOptions options = TRY(options_of(line));
  TRY(check_options(options));
  CronEntry entry{.spec = TRY(finish_spec(options, around))};
  JobSpec& spec = entry.spec;
  spec.kind = JobKind::batch;
  spec.cron = line.schedule;
  spec.cron_line = line.line;
  if (spec.name.empty()) spec.name = name_for(line.command);
  if (spec.output.empty()) spec.output = "scrontab-%x.out";  // of the last run, not one of each
  spec.command = line.command;
  entry.script =
      "#!/bin/sh\n# line " + std::to_string(line.line) + " of a crontab\n\n" + line.command + "\n";
  entry.environment = TRY(export_environment(options.export_names, around.environment));
  if (options.login_environment && around.login) {
    const auto login = TRY(around.login(*options.login_environment));
    entry.environment = TRY(with_login_environment(entry.environment, login));
  }
  return entry;
}

void print_runs(const CrontabReply& reply, Context& context) {
  for (const CronRun& run : reply.runs) {
    context.warn("line " + std::to_string(run.line) + ": job " + std::to_string(run.job.value) +
                 ", " + moment_or(run.next, "now"));
  }
}

// An image's own list of users, where this may be called, need not know its user.
std::string home() {
  const Result<User> user = look_up_user(::getuid());
  return user.ok() ? user->home : get_env("HOME").value_or("/");
}

Result<int> install(const std::string& text, const CrontabOptions& options, Context& context) {
  Surroundings around = surroundings();
  around.directory = home();
  CrontabRequest request = TRY(to_crontab_request(text, around));
  request.user = options.user;
  const auto reply = TRY(TRY(context.controller())->ask<CrontabReply>(request));
  for (const std::string& warning : reply.warnings) context.warn("warning: " + warning);
  if (options.verbose) print_runs(reply, context);
  return kExitDone;
}

Result<int> install_file(const CrontabOptions& options, Context& context) {
  const bool named = !options.rest.empty() && options.rest[0] != "-";
  if (named) return install(TRY(read_file(options.rest[0], kMaxCrontabBytes)), options, context);
  if (options.rest.empty() && ::isatty(0) != 0) {
    return usage("name a file, - for standard input, or one of -e, -l and -r");
  }
  return install(TRY(read_all(0, "standard input", kMaxCrontabBytes)), options, context);
}

Result<CrontabReply> fetch(const CrontabOptions& options, Context& context) {
  return TRY(context.controller())->ask<CrontabReply>(CrontabQuery{.user = options.user});
}

Result<int> list(const CrontabOptions& options, Context& context) {
  const CrontabReply reply = TRY(fetch(options, context));
  if (!reply.there) {
    return Error{ErrorCode::not_found,
                 "no crontab for " + (options.user.empty() ? own_name() : options.user)};
  }
  context.out << reply.text;
  if (options.verbose) print_runs(reply, context);
  return kExitDone;
}

Result<int> edit(const CrontabOptions& options, Context& context) {
  const CrontabReply before = TRY(fetch(options, context));
  const std::string text = before.there ? before.text : std::string(kNewCrontab);
  std::string edited = TRY(edit_text(text));
  if (edited == text) {
    context.warn("no changes made to crontab");
    return kExitDone;
  }
  while (true) {
    Result<int> done = install(edited, options, context);
    if (done.ok() || ::isatty(0) == 0) return done;
    context.warn(done.error().text);
    if (!wants_again(context.err)) return kExitRefused;
    edited = TRY(edit_text(edited));
  }
}

Result<int> run(const CrontabOptions& options, Context& context) {
  switch (TRY(verb_of(options))) {
    case CrontabVerb::install: return install_file(options, context);
    case CrontabVerb::edit: return edit(options, context);
    case CrontabVerb::list: return list(options, context);
    case CrontabVerb::remove: break;
  }
  const CrontabRequest request{.request = new_request_id(), .user = options.user, .remove = true};
  (void)TRY(TRY(context.controller())->ask<CrontabReply>(request));
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<CrontabOptions, define_scrontab, run>(kInfo, call);
}

}  // namespace

void define_scrontab(Cli& cli, CrontabOptions& options) {
  cli.flag("-e,--edit", "Edit the crontab with $VISUAL, $EDITOR or vi", options.edit);
  cli.flag("-l,--list", "Print the crontab", options.list);
  cli.flag("-r,--remove", "Remove the crontab; what runs goes on to its end", options.remove);
  cli.option("-u,--user", "USER", "The crontab of this user, to list or to remove it", options.user)
      .complete(Completes::user);
  cli.flag("-v,--verbose", "Say of each entry which job it has, and when that runs",
           options.verbose);
  cli.rest(options.rest);
}

Result<CrontabVerb> verb_of(const CrontabOptions& options) {
  const int verbs = int{options.edit} + int{options.list} + int{options.remove};
  if (verbs > 1) return usage("-e, -l and -r exclude each other");
  if (options.rest.size() > 1 || (verbs == 1 && !options.rest.empty())) {
    return usage(verbs == 1 ? "-e, -l and -r take no file" : "name one file");
  }
  if (options.edit) return CrontabVerb::edit;
  if (options.list) return CrontabVerb::list;
  return options.remove ? CrontabVerb::remove : CrontabVerb::install;
}

Result<CrontabRequest> to_crontab_request(const std::string& text, const Surroundings& around) {
  CrontabRequest request{.request = new_request_id(), .text = text};
  for (const CrontabEntry& line : TRY(parse_crontab(text))) {
    Result<CronEntry> entry = to_entry(line, around);
    if (!entry.ok()) {
      Error error = std::move(entry).error();
      const bool named = error.text.starts_with("line ");  // an option's own line
      return named ? error : error.in("line " + std::to_string(line.line));
    }
    request.entries.push_back(std::move(entry).take());
  }
  return request;
}

const Command kScrontab{&kInfo, start};

}  // namespace gd::cmd
