// gdrun - run a command in a container on some node, as if it ran here.
#include "cmd/gdrun.h"

#include <signal.h>

#include <algorithm>

#include "base/duration.h"
#include "base/image_name.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/job_query.h"
#include "cmd/job_wait.h"
#include "cmd/session.h"
#include "cmd/slurm_text.h"
#include "cmd/step_session.h"
#include "cmd/submit.h"
#include "proto/multi_prog.h"
#include "proto/task_frames.h"

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
                                "gdrun -N 4 hostname                # on four nodes\n"
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

bool is_busy(const Error& error) {
  return error.code == ErrorCode::unavailable &&
         error.text.find("Requested nodes are busy") != std::string::npos;
}

// Slurm has no words for what is wrong with an image.
Error not_created(const Error& error, const StepRequest& request, const Context& context) {
  if (!context.slurm() || error.code == ErrorCode::usage) return error;
  const std::string why = request.image ? error.text : slurm_reason(error);
  return Error{error.code,
               "Unable to create step for job " + std::to_string(request.job.value) + ": " + why};
}

// Waits, as srun does, while the job's other steps have what this one needs. The end of one that
// has ended here already may still be on its way from the node: for so long nobody hears of it.
constexpr Milliseconds kQuietWait = 500ms;

Result<StepReply> create_step(const StepRequest& request, Client& controller, Context& context,
                              bool quiet) {
  std::optional<JobNews> news;  // once there is something to wait for
  std::optional<Deadline> soon;
  bool told = false;
  while (true) {
    Result<StepReply> reply = controller.ask<StepReply>(request);
    if (reply.ok()) {
      if (told) context.warn("Step created for job " + std::to_string(request.job.value));
      return reply;
    }
    if (!is_busy(reply.error())) return not_created(reply.error(), request, context);
    if (!news) {
      news.emplace(request.job, controller);
      soon = Deadline::after(kQuietWait);
    }
    if (!told && !quiet && soon->passed()) {
      told = true;
      context.warn("Job " + std::to_string(request.job.value) +
                   " step creation temporarily disabled, retrying (Requested nodes are busy)");
    }
    TRY(told || quiet ? news->wait() : news->wait(soon->remaining()));
  }
}

// Names of files may ask for what only the controller knows of the job.
Result<PatternValues> values_for(const FilePlan& plan, JobId job, std::optional<StepId> step,
                                 Client& controller) {
  if (!plan.has_pattern()) return PatternValues{};
  JobQuery query;
  query.filter.jobs = {job};
  const std::vector<JobView> found = TRY(fetch_jobs(controller, query));
  if (found.empty()) {
    return Error{ErrorCode::not_found, "job " + std::to_string(job.value) +
                                           ": it has gone before its files could be named"};
  }
  return pattern_values(found[0].job, step.value_or(kInteractiveStep));
}

// It has been started and has nowhere to write to.
void abandon(JobId job, std::optional<StepId> step, Client& controller) {
  CancelRequest request{.request = new_request_id()};
  request.filter.jobs = {job};
  if (step) {
    request.signal = SIGKILL;
    request.step = step;
  }
  (void)controller.ask<JobsReply>(request).ok();  // the error that led here is the one to tell
}

OutputMode output_mode(const RunOptions& options, size_t tasks) {
  if (options.label) return OutputMode::labels;
  return tasks == 1 || options.unbuffered ? OutputMode::raw : OutputMode::lines;
}

Result<TaskOutput> open_output(const RunOptions& options, const FilePlan& plan,
                               const StepSessionOptions& session, Client& controller) {
  const PatternValues values = TRY(values_for(plan, session.job, session.step, controller));
  const std::vector<TaskPlace> tasks = task_places(session.nodes, session.cyclic);
  return TaskOutput::open(plan, values, tasks, output_mode(options, tasks.size()));
}

Result<int> follow_tasks(const RunOptions& options, const FilePlan& plan,
                         StepSessionOptions session, Client& controller, Context& context) {
  session.cyclic = options.job.spec.cyclic;
  // Also of one task, where gdtasks says what it got.
  session.programs = !options.job.spec.programs.empty() || options.job.spec.cpu_bind.verbose;
  session.quiet = options.quiet;
  session.kill_on_bad_exit = options.kill_on_bad_exit;
  session.wait = options.wait;
  session.input_task = plan.input.only;
  Result<TaskOutput> output = open_output(options, plan, session, controller);
  if (!output.ok()) {
    abandon(session.job, session.owns_job ? std::nullopt : session.step, controller);
    return std::move(output).error();
  }
  return run_step_session(session, *output, controller, context);
}

Result<int> follow_terminal(const RunOptions& options, const StepSessionOptions& session,
                            Client& controller, Context& context) {
  const SessionOptions terminal{.job = session.job,
                                .step = session.step,
                                .access = session.nodes.front().access,
                                .owns_job = session.owns_job,
                                .quiet = options.quiet};
  return session_code(TRY(run_session(terminal, controller, context)), session.job, context);
}

Result<StepSessionOptions> start_step_in(JobId job, const RunOptions& options,
                                         const StepRequest& request, Context& context) {
  for (const std::string& name : without_effect(options.job.spec)) {
    context.warn("warning: " + name + " means nothing for a step of job " +
                 std::to_string(job.value) + ", which runs");
  }
  Client* controller = TRY(context.controller());
  StepReply reply = TRY(create_step(request, *controller, context, options.quiet));
  return StepSessionOptions{.job = reply.job, .step = reply.step, .nodes = std::move(reply.access)};
}

Result<StepSessionOptions> start_job(const RunOptions& options, const SubmitRequest& request,
                                     Context& context) {
  Client* controller = TRY(context.controller());
  const Result<SubmitReply> reply = controller->ask<SubmitReply>(request);
  if (!reply.ok()) {
    if (!context.slurm()) return reply.error();
    return Error{reply.error().code,
                 "Unable to allocate resources: " + slurm_reason(reply.error())};
  }
  for (const std::string& warning : reply->warnings) context.warn("warning: " + warning);
  StepSessionOptions session{.job = reply->job, .owns_job = true};
  session.nodes = TRY(await_start(session.job, *controller, context, options.quiet));
  return session;
}

// The file of --multi-prog stands where the command does.
Result<void> read_programs(RunOptions& options) {
  if (!options.multi_prog) return {};
  const std::string& path = options.command[0];
  Result<Bytes> text = read_file(path, kMaxProgramsBytes);
  if (!text.ok()) return std::move(text).error().in("--multi-prog");
  const uint32_t tasks = options.job.spec.tasks.value_or(1);
  if (auto read = parse_programs(*text, tasks); !read.ok()) {
    return std::move(read).error().in("--multi-prog: " + path);
  }
  if (options.command.size() > 1) return usage("--multi-prog takes one file and no arguments");
  options.job.spec.tasks = tasks;
  options.job.spec.programs = *std::move(text);
  options.command.clear();
  return {};
}

// Of a job of one's own; of a step only the controller knows how many it will be.
uint64_t asked_tasks(const JobSpec& spec) {
  return spec.tasks.value_or(uint64_t{spec.tasks_per_node.value_or(1)} * spec.nodes_min);
}

// gdtasks is told on its node which of its tasks gets the input, whatever --export says.
void add_input_task(Bytes& environment, const FilePlan& plan) {
  if (!plan.input.only) return;
  environment += kInputTaskVariable;
  environment += "=" + std::to_string(*plan.input.only);
  environment += '\0';
}

Result<int> run(const RunOptions& asked, Context& context) {
  RunOptions options = asked;
  if (options.command.empty()) return usage("no command given");
  const std::optional<JobId> inside = TRY(job_to_join(options));
  if (inside) TRY(inherit(options, get_env));
  if (options.pty) {
    if (inside) options.job.spec.tasks = 1;
    TRY(check_one_task(options.job.spec, "--pty gives one terminal to one task"));
  }
  TRY(check_clusters(options.job.clusters, context));
  TRY(read_programs(options));
  const FilePlan plan = TRY(to_file_plan(options));
  if (!inside) TRY(check_tasks(plan, asked_tasks(options.job.spec)));
  const Surroundings around = surroundings();
  if (options.job.explain) {
    return explain_sandbox(
        TRY(to_interactive_request(options.job, options.command, options.pty, around)), context);
  }
  StepSessionOptions session;
  if (inside) {
    StepRequest request =
        TRY(to_step_request(options.job, *inside, options.command, options.pty, around));
    add_input_task(request.environment, plan);
    request.relative = options.relative;
    const bool exact = options.exact || request.cpus_per_task || options.job.spec.exclusive;
    request.sharing = options.overlap ? StepSharing::overlap
                      : exact         ? StepSharing::exact
                                      : StepSharing::whole;
    session = TRY(start_step_in(*inside, options, request, context));
  } else {
    SubmitRequest request =
        TRY(to_interactive_request(options.job, options.command, options.pty, around));
    add_input_task(request.environment, plan);
    session = TRY(start_job(options, request, context));
  }
  Client* controller = TRY(context.controller());
  if (options.pty) return follow_terminal(options, session, *controller, context);
  return follow_tasks(options, plan, std::move(session), *controller, context);
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
  cli.flag("-u,--unbuffered", "Output leaves as it comes, not in whole lines", options.unbuffered);
}

void define_tasks(Cli& cli, RunOptions& options) {
  cli.group("Tasks");
  cli.on("-m,--distribution", "block|cyclic",
         "How tasks are numbered: node by node (block, the default), or over the nodes in turn",
         [&options](std::string_view text) -> Result<void> {
           const std::string_view first = text.substr(0, text.find(':'));
           if (first != "block" && first != "cyclic" && first != "*") {
             return usage("'" + printable(text) + "' is neither block nor cyclic");
           }
           options.job.spec.cyclic = first == "cyclic";
           return {};
         })
      .env("DISTRIBUTION");
  cli.flag("--multi-prog", "The command is a file that says which tasks run what",
           options.multi_prog);
  cli.on("-K,--kill-on-bad-exit", "[=0|1]", "End all tasks when one ends with another code than 0",
         [&options](std::string_view text) -> Result<void> {
           if (!text.empty() && text != "0" && text != "1") {
             return usage("0 or 1, not '" + printable(text) + "'");
           }
           options.kill_on_bad_exit = text != "0";
           return {};
         });
  cli.on("-W,--wait", "SECONDS",
         "How long after the first task's end to wait for the others; 0: until they end",
         [&options](std::string_view text) -> Result<void> {
           options.wait = Seconds{TRY(parse_number<uint32_t>(text))};
           return {};
         });
  cli.on("--mpi", "none", "How MPI is started: by its own mpirun, or not at all", {})
      .choose({"none"});
  cli.on("--cpu-bind", "[verbose,]none|threads|cores|sockets",
         "What each task keeps to of the job's processors: so many as it needs, in whole units",
         [&options](std::string_view text) -> Result<void> {
           options.job.spec.cpu_bind = TRY(parse_cpu_bind(text));
           return {};
         });
  cli.group("In a job");
  cli.flag("--exact", "As many processors as the tasks need, and no other step's; so with -c",
           options.exact);
  cli.flag("--overlap", "Share what the job holds with its other steps", options.overlap);
  cli.flag("--whole", "All that the job holds on the step's nodes (the default)", options.same);
  cli.on("-r,--relative", "N", "Begin with node N of the job, counted from 0",
         [&options](std::string_view text) -> Result<void> {
           options.relative = TRY(parse_number<uint32_t>(text));
           return {};
         });
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
  define_tasks(cli, options);
  define_files(cli, options);
  cli.refuse(
      "-X,--disable-status -Z,--no-allocate -I,--immediate -E,--preserve-env -T,--threads "
      "--accel-bind --bcast --compress --debugger-test --epilog --export-file --het-group "
      "--interactive --mpi-params --msg-timeout --prolog --requeue --resv-ports --send-libs "
      "--slurmd-debug --task-epilog --task-prolog --test-only --tres-per-task -v,--verbose");
  cli.rest(options.command);
}

Result<void> inherit(RunOptions& options,
                     const std::function<std::optional<std::string>(const char*)>& get_variable) {
  JobSpec& spec = options.job.spec;
  const auto number = [&](const char* name) -> Result<std::optional<uint32_t>> {
    const std::optional<std::string> text = get_variable(name);
    if (!text || text->empty()) return std::optional<uint32_t>{};
    Result<uint32_t> value = parse_number<uint32_t>(*text, 1);
    if (!value.ok()) return std::move(value).error().in(name);
    return std::optional<uint32_t>{*value};
  };
  const bool told = spec.tasks || spec.tasks_per_node;
  if (!told) spec.tasks = TRY(number("SLURM_NTASKS"));
  if (!told && !spec.tasks) spec.tasks = TRY(number("SLURM_NPROCS"));
  if (!told && !spec.tasks) spec.tasks_per_node = TRY(number("SLURM_NTASKS_PER_NODE"));
  const auto is_set = [&](const char* name) {
    const std::optional<std::string> text = get_variable(name);
    return text && !text->empty() && *text != "0" && *text != "no";
  };
  const std::optional<std::string> bind = get_variable("SLURM_CPU_BIND");
  if (bind && !bind->empty() && spec.cpu_bind == CpuBindChoice{}) {
    Result<CpuBindChoice> choice = parse_cpu_bind(*bind);
    if (!choice.ok()) return std::move(choice).error().in("SLURM_CPU_BIND");
    spec.cpu_bind = *choice;
  }
  options.label = options.label || is_set("SLURM_LABELIO");
  options.unbuffered = options.unbuffered || is_set("SLURM_UNBUFFEREDIO");
  options.kill_on_bad_exit = options.kill_on_bad_exit || is_set("SLURM_KILL_BAD_EXIT");
  options.exact = options.exact || is_set("SLURM_EXACT");
  options.overlap = options.overlap || is_set("SLURM_OVERLAP");
  return {};
}

Result<void> check_one_task(const JobSpec& spec, std::string_view why) {
  const auto refuse = [&](std::string_view what, uint32_t count) {
    return Error{ErrorCode::usage,
                 std::string(what) + "=" + std::to_string(count) + ": " + std::string(why)};
  };
  if (spec.tasks.value_or(1) > 1) return refuse("--ntasks", *spec.tasks);
  if (spec.tasks_per_node.value_or(1) > 1) return refuse("--ntasks-per-node", *spec.tasks_per_node);
  if (spec.nodes_min > 1) return refuse("--nodes", spec.nodes_min);
  return {};
}

std::vector<std::string> without_effect(const JobSpec& spec) {
  std::vector<std::string> names;
  const auto note = [&](bool given, const char* name) {
    if (given) names.emplace_back(name);
  };
  note(!spec.partition.empty(), "--partition");
  note(!spec.account.empty(), "--account");
  note(!spec.qos.empty(), "--qos");
  note(!spec.constraint.empty(), "--constraint");
  note(!spec.gres_per_node.empty(), "--gres");
  note(!spec.devices.empty(), "--device");
  note(!spec.dependency.empty(), "--dependency");
  note(spec.nice != 0, "--nice");
  note(spec.hold, "--hold");
  note(spec.mail_events != 0, "--mail-type");
  return names;
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
  const bool programs = !spec.programs.empty();
  if (!command.empty()) spec.command = command[0];
  if (spec.name.empty()) {
    spec.name = programs          ? "programs"
                : command.empty() ? "shell"
                                  : command[0].substr(command[0].rfind('/') + 1);
  }
  request.environment = TRY(export_environment(options.export_names, around.environment));
  return request;
}

Result<StepRequest> to_step_request(const JobOptions& options, JobId job,
                                    const std::vector<std::string>& command, bool pty,
                                    const Surroundings& around) {
  const JobSpec& spec = options.spec;
  StepRequest request{.request = new_request_id(),
                      .job = job,
                      .name = spec.name,
                      .argv = command,
                      .programs = spec.programs,
                      .chdir = spec.chdir,
                      .pty = pty};
  if (request.chdir.empty())
    request.chdir = around.directory;
  else if (request.chdir[0] != '/')
    request.chdir = around.directory + "/" + request.chdir;
  if (spec.nodes_max) {  // else it was not said
    request.nodes_min = spec.nodes_min;
    request.nodes_max = spec.nodes_max;
  }
  request.tasks = spec.tasks;
  request.tasks_per_node = spec.tasks_per_node;
  request.cpus_per_task = spec.cpus_per_task;
  request.memory_mib = spec.memory_per_node_mib;
  request.memory_per_cpu_mib = spec.memory_per_cpu_mib;
  if (spec.time_limit && *spec.time_limit < kMaxDuration) request.time_limit = spec.time_limit;
  request.node_list = spec.node_list;
  request.exclude = spec.exclude;
  request.cyclic = spec.cyclic;
  request.cpu_bind = spec.cpu_bind;
  if (spec.image != ImageSpec{} || !spec.mounts.empty()) {
    request.image = spec.image;
    request.image->name = absolute_image_name(spec.image.name, around.directory);
    request.mounts = spec.mounts;
  }
  request.environment = TRY(export_environment(options.export_names, around.environment));
  return request;
}

const Command kGdrun{&kInfo, start};

}  // namespace gd::cmd
