// gdsh - a shell in a container: a fresh one, or that of a job that runs.
#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/forward_session.h"
#include "cmd/gdrun.h"
#include "cmd/job_query.h"
#include "cmd/session.h"
#include "cmd/session_list.h"
#include "cmd/submit.h"

namespace gd::cmd {
namespace {

struct ShellOptions {
  JobOptions job;
  std::string attach;
  std::string record;
  std::vector<ForwardSpec> forwards;
  bool no_shell = false;
  bool list = false;
  bool quiet = false;
  std::vector<std::string> rest;
};

constexpr CommandInfo kInfo{
    .name = "gdsh",
    .slurm_name = "",
    .summary = "Open a shell in a fresh container, or in a job that runs",
    .arguments = "[JOB] [COMMAND [ARGUMENT]...]",
    .examples =
        "gdsh -c 4 --mem=8G -t 2:00:00     # a shell in a container of one's own\n"
        "gdsh --image=/srv/images/debian\n"
        "gdsh 42                           # inside of job 42\n"
        "gdsh -L 8888 42                   # also, port 8888 here is a notebook's in job 42\n"
        "gdsh --list                       # the sessions that one has\n"
        "gdsh --attach 42                  # back after a lost connection, or after ~d\n",
    .rest = RestMode::stop_at_first,
    .completes = Completes::job};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

bool is_number(const std::string& word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

Result<void> add_forward(ShellOptions& options, std::string_view text) {
  if (options.forwards.size() == kMaxForwards) {
    return usage("-L: at most " + std::to_string(kMaxForwards) + " ports");
  }
  options.forwards.push_back(TRY(parse_forward(text)));
  return {};
}

void define(Cli& cli, ShellOptions& options) {
  define_job_options(cli, options.job, JobOptionSet::session);
  cli.group("Session");
  cli.option("--attach", "JOB[.STEP]", "Come back to a session that was left or lost",
             options.attach)
      .complete(Completes::job);
  cli.on("-L,--forward", "[BIND:]PORT[:HOST:PORT]",
         "Connections to PORT here, on the loopback or at BIND, go to PORT, or HOST:PORT, as the "
         "job sees it; may be given more than once",
         [&options](std::string_view text) { return add_forward(options, text); });
  cli.flag("--no-shell", "With -L and a job: no terminal, until Ctrl-C or the job's end",
           options.no_shell);
  cli.flag("--list", "Show one's sessions, and whether somebody is at them", options.list);
  cli.option("--record", "PATTERN",
             "Record what is shown into a new file there, as asciicast; %j is the job's id, %s the "
             "step's",
             options.record)
      .complete(Completes::file);
  cli.flag("-Q,--quiet", "No messages of one's own", options.quiet);
  cli.refuse("-m,--distribution");
  cli.rest(options.rest);
}

Result<SessionOptions> attach(const ShellOptions& options, Client& controller) {
  const JobArgument argument = TRY(parse_job_argument(options.attach));
  const StepRequest request{.request = new_request_id(),
                            .job = argument.job,
                            .attach = argument.step,
                            .attach_any = !argument.step,
                            .pty = true};
  const StepReply reply = TRY(controller.ask<StepReply>(request));
  const bool own_step = reply.step == kInteractiveStep;
  return SessionOptions{
      .job = reply.job, .step = reply.step, .access = reply.access[0].access, .owns_job = own_step};
}

Result<SessionOptions> join(const ShellOptions& options, Client& controller) {
  const JobId job = TRY(parse_job_argument(options.rest[0])).job;
  const std::vector<std::string> command(options.rest.begin() + 1, options.rest.end());
  StepRequest request = TRY(to_step_request(options.job, job, command, true, surroundings()));
  request.sharing = StepSharing::overlap;  // a look into a job takes nothing from its steps
  request.tasks = 1;
  request.record = options.record;
  const StepReply reply = TRY(controller.ask<StepReply>(request));
  return SessionOptions{.job = reply.job, .step = reply.step, .access = reply.access[0].access};
}

Result<SessionOptions> begin(const ShellOptions& options, Client& controller, Context& context) {
  SubmitRequest request =
      TRY(to_interactive_request(options.job, options.rest, true, surroundings()));
  request.spec.stays = true;
  request.spec.record = options.record;
  const SubmitReply reply = TRY(controller.ask<SubmitReply>(request));
  for (const std::string& warning : reply.warnings) context.warn("warning: " + warning);
  const auto access = TRY(await_start(reply.job, controller, context, options.quiet));
  return SessionOptions{.job = reply.job, .access = access[0].access, .owns_job = true};
}

std::string come_back(const SessionOptions& session) {
  std::string id = std::to_string(session.job.value);
  if (session.step && *session.step != kInteractiveStep)
    id += "." + std::to_string(session.step->value);
  return "come back with 'gdsh --attach " + id + "'";
}

Result<void> check_together(const ShellOptions& options) {
  const bool attaches = !options.attach.empty();
  if (attaches && !options.rest.empty()) return usage("--attach takes no further arguments");
  if (attaches && !options.record.empty()) {
    return usage("--record is for a new session, --attach for one that runs");
  }
  if (options.list && (attaches || !options.rest.empty() || !options.forwards.empty())) {
    return usage("--list takes no further arguments");
  }
  const bool one_job = options.rest.size() == 1 && is_number(options.rest[0]);
  if (options.no_shell && (options.forwards.empty() || attaches || !one_job)) {
    return usage("--no-shell takes -L and the number of a job that runs, and nothing else");
  }
  return {};
}

Result<int> run(const ShellOptions& options, Context& context) {
  TRY(check_together(options));
  if (options.list) return list_sessions(context);
  if (options.job.explain) {
    return explain_sandbox(
        TRY(to_interactive_request(options.job, options.rest, true, surroundings())), context);
  }
  if (options.no_shell) {
    TRY(check_clusters(options.job.clusters, context));
    const JobId job = TRY(parse_job_argument(options.rest[0])).job;
    return run_forward_session(job, options.forwards, *TRY(context.controller()), context);
  }
  if (::isatty(0) == 0) {
    return Error{ErrorCode::invalid,
                 "standard input is no terminal; use gdrun to run a command without one"};
  }
  TRY(check_one_task(options.job.spec, "gdsh opens one terminal, for one task"));
  TRY(check_clusters(options.job.clusters, context));
  Client* controller = TRY(context.controller());
  const bool joins = !options.rest.empty() && is_number(options.rest[0]);
  SessionOptions session = !options.attach.empty() ? TRY(attach(options, *controller))
                           : joins                 ? TRY(join(options, *controller))
                                                   : TRY(begin(options, *controller, context));
  session.may_detach = true;
  session.quiet = options.quiet;
  session.forwards = options.forwards;
  if (!options.quiet && options.attach.empty() && !joins) {
    context.warn("job " + std::to_string(session.job.value) +
                 " runs; ~? at the start of a line helps");
  }
  Result<SessionEnd> end = run_session(session, *controller, context);
  if (!end.ok()) {
    const bool lost = end.error().code == ErrorCode::unavailable;
    return Error{end.error().code, end.error().text + (lost ? "; " + come_back(session) : "")};
  }
  if (end->kind == SessionEndKind::detached) {
    context.warn("left job " + std::to_string(session.job.value) + "; " + come_back(session));
    return kExitDone;
  }
  if (end->kind == SessionEndKind::taken_over) {
    return Error{ErrorCode::conflict, "another gdsh has taken over this session"};
  }
  return session_code(*end, session.job, context);
}

int start(const Invocation& call) {
  return start_command<ShellOptions, define, run>(kInfo, call);
}

}  // namespace

const Command kGdsh{&kInfo, start};

}  // namespace gd::cmd
