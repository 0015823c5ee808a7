// gdrun - run a command in a container on some node, as if it ran here.
#include "cmd/gdrun.h"

#include <signal.h>

#include "base/process.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/job_query.h"
#include "cmd/session.h"
#include "cmd/slurm_text.h"
#include "cmd/submit.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "gdrun",
                            .slurm_name = "srun",
                            .summary = "Run a command on some node, with its input and output here",
                            .arguments = "COMMAND [ARGUMENT]...",
                            .examples =
                                "gdrun -c 8 --mem=16G make -j8\n"
                                "gdrun --pty --image=/srv/images/debian python3\n"
                                "tar c src | gdrun -D /scratch tar x\n"
                                "gdrun -o log/%j.out -i data.csv ./analyse\n"
                                "gdrun --jobid=42 ps ax             # in a job that runs\n",
                            .rest = RestMode::stop_at_first,
                            .completes = Completes::command,
                            .slurm_usage_code = 255};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

// The job we are in, or that --jobid names; none: a job of our own.
Result<std::optional<JobId>> job_to_join(const RunOptions& options) {
  std::string text = options.job_id;
  if (text.empty()) text = get_env("SLURM_JOB_ID").value_or(get_env("SLURM_JOBID").value_or(""));
  if (text.empty()) return std::optional<JobId>{};
  return std::optional<JobId>{TRY(parse_job_argument(text)).job};
}

// Once the job is known, since the names of the files may ask for it.
Result<RunFiles> open_streams(const FilePlan& plan, const SessionOptions& session,
                              Client& controller) {
  if (!plan.has_pattern()) return open_files(plan, PatternValues{});
  JobQuery query;
  query.filter.jobs = {session.job};
  const std::vector<JobView> found = TRY(fetch_jobs(controller, query));
  if (found.empty()) {
    return Error{ErrorCode::not_found, "job " + std::to_string(session.job.value) +
                                           ": it has gone before its files could be named"};
  }
  return open_files(plan, pattern_values(found[0].job, session.step.value_or(kInteractiveStep)));
}

// It has been started and has nowhere to write to.
void abandon(const SessionOptions& session, Client& controller) {
  CancelRequest request{.request = new_request_id()};
  request.filter.jobs = {session.job};
  if (!session.owns_job) {
    request.signal = SIGKILL;
    request.step = session.step;
  }
  (void)controller.ask<JobsReply>(request).ok();  // the error that led here is the one to tell
}

Result<int> follow(SessionOptions session, const FilePlan& plan, Client& controller,
                   Context& context) {
  const Result<RunFiles> files = open_streams(plan, session, controller);
  if (!files.ok()) {
    abandon(session, controller);
    return files.error();
  }
  if (files->input.valid()) session.input = files->input.get();
  if (files->output.valid()) session.output = files->output.get();
  if (files->error.valid()) session.error = files->error.get();
  return session_code(TRY(run_session(session, controller, context)), session.job, context);
}

Result<int> run(const RunOptions& options, Context& context) {
  if (options.command.empty()) return usage("no command given");
  TRY(check_one_task(options.job.spec));
  TRY(check_clusters(options.job.clusters, context));
  const FilePlan plan = TRY(to_file_plan(options));
  const Surroundings around = surroundings();
  SessionOptions session{.pty = options.pty, .quiet = options.quiet};
  if (options.label) session.label = "0: ";
  if (const std::optional<JobId> inside = TRY(job_to_join(options))) {
    const StepRequest request =
        TRY(to_step_request(options.job, *inside, options.command, options.pty, around));
    Client* controller = TRY(context.controller());
    const StepReply reply = TRY(controller->ask<StepReply>(request));
    session.job = reply.job;
    session.step = reply.step;
    session.access = reply.access;
    return follow(std::move(session), plan, *controller, context);
  }
  const SubmitRequest request =
      TRY(to_interactive_request(options.job, options.command, options.pty, around));
  Client* controller = TRY(context.controller());
  const Result<SubmitReply> reply = controller->ask<SubmitReply>(request);
  if (!reply.ok()) {
    if (!context.slurm()) return reply.error();
    return Error{reply.error().code,
                 "Unable to allocate resources: " + slurm_reason(reply.error())};
  }
  for (const std::string& warning : reply.value().warnings) context.warn("warning: " + warning);
  session.job = reply.value().job;
  session.owns_job = true;
  session.access = TRY(await_start(session.job, *controller, context, options.quiet));
  return follow(std::move(session), plan, *controller, context);
}

void define_files(Cli& cli, RunOptions& options) {
  FileOptions& files = options.files;
  cli.group("Files");
  cli.option("-o,--output", "PATTERN|all|none|0",
             "File for standard output; %j is the job's id, %s the step's", files.output)
      .complete(Completes::file);
  cli.option("-e,--error", "PATTERN|all|none|0",
             "File for standard error; else it goes where the output goes", files.error)
      .complete(Completes::file);
  cli.option("-i,--input", "PATTERN|all|none|0", "File for standard input", files.input)
      .complete(Completes::file);
  cli.on("--open-mode", "append|truncate", "What to do with output files that exist (truncate)",
         [&files](std::string_view text) -> Result<void> {
           files.open_mode = text == "append" ? OpenMode::append : OpenMode::truncate;
           return {};
         })
      .choose({"append", "truncate"});
  cli.flag("-l,--label", "Begin each line of output with the number of its task: '0: '",
           options.label);
}

// Slurm's options that ask for what one task in its job's container has anyway.
void define_granted(Cli& cli, RunOptions& options) {
  cli.flag("-u,--unbuffered", "Output comes as it is written, as without this option",
           options.same);
  cli.flag("--overlap", "Share what the job holds with its other steps, as without this option",
           options.same);
  cli.on("-K,--kill-on-bad-exit", "[=0|1]",
         "The end of its one task ends the step, as without this option",
         [](std::string_view text) -> Result<void> {
           if (text.empty() || text == "0" || text == "1") return {};
           return usage("0 or 1, not '" + printable(text) + "'");
         });
  cli.on("-W,--wait", "SECONDS", "How long after the first task's end to wait for the others",
         [](std::string_view text) -> Result<void> {
           (void)TRY(parse_number<uint32_t>(text));
           return {};
         });
  cli.on("--mpi", "none", "How MPI is started: not at all", {}).choose({"none"});
  cli.on("--cpu-bind", "none|no|q|quiet", "Bind to no single processors", {})
      .choose({"none", "no", "q", "quiet"});
}

int start(const Invocation& call) {
  return start_command<RunOptions, define_gdrun, run>(kInfo, call);
}

}  // namespace

void define_gdrun(Cli& cli, RunOptions& options) {
  define_job_options(cli, options.job, JobOptionSet::interactive);
  cli.group("Running");
  cli.flag("--pty", "Give the command a terminal", options.pty);
  cli.option("--jobid", "JOB", "Run in this job, which runs already", options.job_id)
      .complete(Completes::job);
  cli.flag("-Q,--quiet", "No messages of one's own", options.quiet);
  define_granted(cli, options);
  define_files(cli, options);
  cli.refuse(
      "-X,--disable-status -Z,--no-allocate -r,--relative -I,--immediate -E,--preserve-env "
      "-T,--threads --accel-bind --bcast --compress --debugger-test --epilog --exact "
      "--export-file --het-group --interactive --mpi-params --msg-timeout --multi-prog --prolog "
      "--requeue --resv-ports --send-libs --slurmd-debug --task-epilog --task-prolog --test-only "
      "--tres-per-task --whole -v,--verbose");
  cli.rest(options.command);
}

Result<void> check_one_task(const JobSpec& spec) {
  const auto refuse = [](std::string_view what, uint32_t count) {
    return Error{ErrorCode::usage, std::string(what) + "=" + std::to_string(count) +
                                       ": one task on one node is started; more is not supported"};
  };
  if (spec.tasks.value_or(1) > 1) return refuse("--ntasks", *spec.tasks);
  if (spec.tasks_per_node.value_or(1) > 1) return refuse("--ntasks-per-node", *spec.tasks_per_node);
  if (spec.nodes_min > 1) return refuse("--nodes", spec.nodes_min);
  return {};
}

Result<FilePlan> to_file_plan(const RunOptions& options) {
  FilePlan plan = TRY(plan_files(options.files));
  const bool plain = plan == FilePlan{.append = plan.append} && !options.label;
  if (!options.pty || plain) return plan;
  return usage(
      "--pty gives the command one terminal; --input, --output, --error and --label do "
      "not go with it");
}

Result<SubmitRequest> to_interactive_request(const JobOptions& options,
                                             const std::vector<std::string>& command, bool pty,
                                             const Surroundings& around) {
  SubmitRequest request{.request = new_request_id(), .spec = TRY(finish_spec(options, around))};
  JobSpec& spec = request.spec;
  spec.kind = JobKind::interactive;
  spec.argv = command;
  spec.pty = pty;
  if (!command.empty()) spec.command = command[0];
  if (spec.name.empty()) {
    spec.name = command.empty() ? "shell" : command[0].substr(command[0].rfind('/') + 1);
  }
  request.environment = TRY(export_environment(options.export_names, around.environment));
  return request;
}

Result<StepRequest> to_step_request(const JobOptions& options, JobId job,
                                    const std::vector<std::string>& command, bool pty,
                                    const Surroundings& around) {
  StepRequest request{.request = new_request_id(),
                      .job = job,
                      .argv = command,
                      .chdir = options.spec.chdir,
                      .pty = pty};
  if (request.chdir.empty())
    request.chdir = around.directory;
  else if (request.chdir[0] != '/')
    request.chdir = around.directory + "/" + request.chdir;
  request.node = options.spec.node_list;
  request.environment = TRY(export_environment(options.export_names, around.environment));
  return request;
}

const Command kGdrun{&kInfo, start};

}  // namespace gd::cmd
