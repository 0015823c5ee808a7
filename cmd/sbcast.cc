// sbcast - a file to all nodes of a job.
//
// Each node writes it as the job's user, in the job's container: what DEST means is what it means
// to the job's processes there.
#include "cmd/sbcast.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/hostlist.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/job_options.h"
#include "cmd/job_query.h"
#include "cmd/tree_session.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "sbcast",
                            .slurm_name = "sbcast",
                            .summary = "Copy a file to all nodes of a job",
                            .arguments = "SOURCE DEST",
                            .examples =
                                "sbcast a.out /tmp/a.out        # in a job's script\n"
                                "sbcast -pf -j 42 data /tmp/data\n",
                            .completes = Completes::file};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

Result<uint64_t> size_of(const std::string& path) {
  struct stat status {};
  if (::access(path.c_str(), R_OK) != 0 || ::stat(path.c_str(), &status) != 0) {
    const std::string why = std::generic_category().message(errno);
    return Error{ErrorCode::not_found, "Can't open `" + printable(path) + "`: " + why};
  }
  if (S_ISREG(status.st_mode)) return static_cast<uint64_t>(status.st_size);
  return Error{ErrorCode::invalid, path + ": is no file"};
}

// Its nodes, as a list for a step of its job.
Result<std::string> nodes_of_step(JobId job, StepId id, Client& controller) {
  JobQuery query;
  query.filter.jobs = {job};
  for (const JobView& view : TRY(fetch_jobs(controller, query))) {
    for (const StepRecord& step : view.job.steps) {
      if (step.id != id) continue;
      std::vector<std::string> nodes;
      for (const StepShare& share : step.shares) nodes.push_back(share.node);
      return fold_hostlist(nodes);
    }
  }
  return Error{ErrorCode::not_found,
               "job " + std::to_string(job.value) + " has no step " + std::to_string(id.value)};
}

// Slurm's bytes: without the program's name.
int refuse_words(size_t count, Context& context) {
  (void)context.out.flush();
  context.err << "Need two file names, have " + std::to_string(count) + " names\n"
              << "Try \"sbcast --help\" for more information\n";
  return kExitRefused;
}

Result<int> run(const BroadcastOptions& options, Context& context) {
  if (options.words.size() != 2) return refuse_words(options.words.size(), context);
  const BroadcastPlan plan = TRY(plan_broadcast(options, get_env, surroundings().directory));
  const uint64_t bytes = TRY(size_of(plan.source));
  Client& controller = *TRY(context.controller());
  StepRequest step = tree_step(plan.job, broadcast_command(plan, options));
  step.tasks_per_node = 1;
  if (plan.step) step.node_list = TRY(nodes_of_step(plan.job, *plan.step, controller));
  if (options.verbose) {
    context.warn(plan.source + ", " + std::to_string(bytes) + " bytes, to " + plan.target +
                 " on the nodes of job " + std::to_string(plan.job.value));
  }
  TreeSession session(controller, context);
  session.send({plan.source}, Folders::refuse);
  if (options.timeout) session.give_up_after(Seconds{*options.timeout});
  const Milliseconds began = boot_time();
  const int code = TRY(session.run(step));
  if (options.verbose && code == kExitDone) {
    context.warn("done in " + std::to_string((boot_time() - began).count()) + " ms");
  }
  return code;
}

int start(const Invocation& call) {
  return start_command<BroadcastOptions, define_sbcast, run>(kInfo, call);
}

}  // namespace

void define_sbcast(Cli& cli, BroadcastOptions& options) {
  cli.flag("-f,--force", "Replace DEST where it exists", options.force).env("FORCE");
  cli.flag("-p,--preserve", "Keep permissions and times", options.preserve).env("PRESERVE");
  cli.option("-j,--jobid", "JOB[.STEP]",
             "The job, or a step whose nodes are meant; else the one this is called in",
             options.job)
      .complete(Completes::job);
  cli.count("-t,--timeout", "SECONDS", "Give up when no node has taken anything for so long",
            options.timeout)
      .env("TIMEOUT");
  cli.flag("-v,--verbose", "Say what is done", options.verbose);
  const std::string_view no_matter = "Taken for Slurm's sake: all go at once, as they are";
  cli.on("-C,--compress", "[=LIBRARY]", no_matter, {}).env("COMPRESS");
  cli.on("-F,--fanout", "NUMBER", no_matter, {}).env("FANOUT");
  cli.on("-s,--size", "SIZE", no_matter, {}).env("SIZE");
  cli.refuse("--exclude --send-libs --treewidth");
  cli.rest(options.words);
}

Result<BroadcastPlan> plan_broadcast(
    const BroadcastOptions& options,
    const std::function<std::optional<std::string>(const char*)>& get_variable,
    const std::string& folder) {
  if (options.words.size() != 2) return usage("two file names are needed");
  std::string job = options.job;
  if (job.empty()) job = get_variable("SLURM_JOB_ID").value_or("");
  if (job.empty()) job = get_variable("SLURM_JOBID").value_or("");
  if (job.empty()) {
    return usage(
        "Need a job id to run this command.  Run from within a Slurm job or use the --jobid "
        "option.");
  }
  const JobArgument argument = TRY(parse_job_argument(job));
  if (argument.elements) return usage(printable(job) + ": one job, by its own id");
  BroadcastPlan plan{.job = argument.job,
                     .step = argument.step,
                     .source = options.words[0],
                     .target = options.words[1]};
  if (plan.source.empty() || plan.target.empty()) return usage("a file needs a name");
  if (plan.target[0] != '/') plan.target = folder + "/" + plan.target;
  return plan;
}

std::vector<std::string> broadcast_command(const BroadcastPlan& plan,
                                           const BroadcastOptions& options) {
  std::vector<std::string> argv{"receive"};
  if (options.preserve) argv.emplace_back("-p");
  if (!options.force) argv.emplace_back("-n");
  argv.emplace_back("1");
  argv.push_back(plan.target);
  return argv;
}

const Command kSbcast{&kInfo, start};

}  // namespace gd::cmd
