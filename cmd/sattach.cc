// sattach - the input and output of a step that runs, beside those of its srun.
#include "cmd/sattach.h"

#include <algorithm>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/gdacct.h"
#include "cmd/job_query.h"
#include "cmd/step_session.h"
#include "proto/step_name.h"
#include "proto/task_layout.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "sattach",
                            .slurm_name = "sattach",
                            .summary = "Watch a step that runs: its output here, input to it",
                            .arguments = "JOB.STEP",
                            .examples =
                                "sattach 42.0\n"
                                "sattach -l --output-filter=3 42.0\n"
                                "sattach --layout 42.0       # which tasks are where\n",
                            .completes = Completes::job};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

std::vector<std::vector<uint32_t>> numbers_of(const StepRecord& step) {
  std::vector<uint32_t> counts;
  for (const StepShare& share : step.shares) counts.push_back(share.tasks);
  return task_numbers(counts, step.cyclic);
}

Result<JobRecord> fetch(JobId job, Client& controller) {
  JobQuery query;
  query.filter.jobs = {job};
  std::vector<JobView> found = TRY(fetch_jobs(controller, query));
  if (!found.empty()) return std::move(found.front().job);
  return Error{ErrorCode::not_found, "job " + std::to_string(job.value) + ": no such job"};
}

Result<StepRecord> step_in(const JobRecord& job, StepId id) {
  const auto found = std::ranges::find(job.steps, id, &StepRecord::id);
  const std::string name = "job " + std::to_string(job.id.value);
  if (found == job.steps.end()) {
    return Error{ErrorCode::not_found, name + " has no step " + step_name(id)};
  }
  if (id == kBatchStep || id == kExternStep) {
    return Error{ErrorCode::conflict,
                 name + ": step " + step_name(id) + " is no srun's; its output is in files"};
  }
  if (found->pty) {
    return Error{ErrorCode::conflict, name + ": step " + step_name(id) +
                                          " has a terminal; come back to it with gdsh --attach"};
  }
  return *found;
}

Result<int> watch(const AttachOptions& options, const StepArgument& which, const StepRecord& step,
                  Client& controller, Context& context) {
  if (options.input_task) TRY(check_input_task(step, *options.input_task));
  const FilePlan plan = watch_plan(options);
  StepReply reply = TRY(controller.ask<StepReply>(
      StepRequest{.request = new_request_id(), .job = which.job, .attach = which.step}));
  StepSessionOptions session{.job = which.job,
                             .step = which.step,
                             .nodes = std::move(reply.access),
                             .cyclic = step.cyclic,
                             .programs = !step.programs.empty() || step.cpu_bind.verbose,
                             .quiet = options.quiet,
                             .input_task = options.input_task,
                             .watches = true};
  const std::vector<TaskPlace> tasks = task_places(session.nodes, session.cyclic);
  const OutputMode mode = options.label       ? OutputMode::labels
                          : tasks.size() == 1 ? OutputMode::raw
                                              : OutputMode::lines;
  TaskOutput output = TRY(TaskOutput::open(plan, {}, tasks, mode));
  if (options.verbose) {
    session.opening = "watching " + std::to_string(tasks.size()) + " tasks of step " +
                      std::to_string(which.job.value) + "." + step_name(which.step);
  }
  return run_step_session(session, output, controller, context);
}

Result<int> run(const AttachOptions& options, Context& context) {
  const StepArgument which = TRY(parse_step_argument(options.rest));
  Client& controller = *TRY(context.controller());
  const JobRecord job = TRY(fetch(which.job, controller));
  const StepRecord step = TRY(step_in(job, which.step));
  if (!options.layout) return watch(options, which, step, controller, context);
  context.out << layout_text(step);
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<AttachOptions, define_sattach, run>(kInfo, call);
}

}  // namespace

void define_sattach(Cli& cli, AttachOptions& options) {
  cli.count("--input-filter", "TASK", "Input to this task alone", options.input_task, 0);
  cli.count("--output-filter", "TASK", "Standard output of this task alone", options.output_task,
            0);
  cli.count("--error-filter", "TASK", "Standard error of this task alone", options.error_task, 0);
  cli.flag("-l,--label", "Begin each line of output with the number of its task", options.label);
  cli.flag("--layout", "Print which tasks are where, and watch nothing", options.layout);
  cli.flag("-Q,--quiet", "No messages of one's own", options.quiet);
  cli.flag("-v,--verbose", "Say what is watched", options.verbose);
  cli.refuse("--pty");
  cli.rest(options.rest);
}

Result<StepArgument> parse_step_argument(const std::vector<std::string>& words) {
  if (words.size() != 1) return usage("name one step: JOB.STEP");
  const JobArgument argument = TRY(parse_job_argument(words[0]));
  if (!argument.step) return usage("'" + printable(words[0]) + "' names no step; write JOB.STEP");
  if (argument.elements) return usage(printable(words[0]) + ": one job, by its own id");
  return StepArgument{argument.job, *argument.step};
}

FilePlan watch_plan(const AttachOptions& options) {
  FilePlan plan;
  plan.input.only = options.input_task;
  plan.output.only = options.output_task;
  plan.error.only = options.error_task;
  return plan;
}

Result<void> check_input_task(const StepRecord& step, uint32_t task) {
  for (const std::vector<uint32_t>& here : numbers_of(step)) {
    if (std::ranges::find(here, task) == here.end()) continue;
    if (here.size() == 1) return {};
    return usage("--input-filter=" + std::to_string(task) + ": its node has " +
                 std::to_string(here.size()) + " tasks, whose input is one");
  }
  return usage("--input-filter=" + std::to_string(task) + ": the step has " +
               std::to_string(tasks_of(step)) + " tasks, counted from 0");
}

std::string layout_text(const StepRecord& step) {
  const std::vector<std::vector<uint32_t>> numbers = numbers_of(step);
  std::string text = "Job step layout:\n\t" + std::to_string(tasks_of(step)) + " tasks, " +
                     std::to_string(step.shares.size()) + " nodes (" + step_node_list(step) +
                     ")\n\n";
  for (size_t node = 0; node < numbers.size(); ++node) {
    text += "\tNode " + std::to_string(node) + " (" + step.shares[node].node + "), " +
            std::to_string(numbers[node].size()) + " task(s): ";
    for (const uint32_t task : numbers[node]) text += std::to_string(task) + " ";
    text += "\n";
  }
  return text;
}

const Command kSattach{&kInfo, start};

}  // namespace gd::cmd
