// gdrun - run a command in a container on some node, as if it ran here.
#include "cmd/gdrun.h"

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

Result<int> run(const RunOptions& options, Context& context) {
  if (options.command.empty()) return usage("no command given");
  TRY(check_one_task(options.job.spec));
  TRY(check_clusters(options.job.clusters, context));
  const Surroundings around = surroundings();
  SessionOptions session{.pty = options.pty, .quiet = options.quiet};
  if (const std::optional<JobId> inside = TRY(job_to_join(options))) {
    const StepRequest request =
        TRY(to_step_request(options.job, *inside, options.command, options.pty, around));
    Client* controller = TRY(context.controller());
    const StepReply reply = TRY(controller->ask<StepReply>(request));
    session.job = reply.job;
    session.step = reply.step;
    session.access = reply.access;
    return session_code(TRY(run_session(session, *controller, context)), session.job, context);
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
  return session_code(TRY(run_session(session, *controller, context)), session.job, context);
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
  cli.flag("-u,--unbuffered", "Output comes as it is written, as without this option",
           options.same);
  cli.flag("-K,--kill-on-bad-exit", "The end of its one task ends the step, as without this option",
           options.same);
  cli.on("--mpi", "none", "How MPI is started: not at all", {}).choose({"none"});
  cli.on("--cpu-bind", "none|no|q|quiet", "Bind to no single processors", {})
      .choose({"none", "no", "q", "quiet"});
  cli.refuse(
      "-o,--output -e,--error -i,--input -l,--label -W,--wait -X,--disable-status -Z,--no-allocate "
      "-r,--relative -I,--immediate -E,--preserve-env -T,--threads --accel-bind --bcast "
      "--compress --debugger-test --epilog --exact --export-file --het-group --interactive "
      "--mpi-params --msg-timeout --multi-prog --open-mode --overlap --prolog --requeue "
      "--resv-ports --send-libs --slurmd-debug --task-epilog --task-prolog --test-only "
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
