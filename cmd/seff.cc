// seff - how much of what it held a job has used, in the form of Slurm's contributed script.
#include <algorithm>
#include <array>
#include <cstdio>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"
#include "cmd/usage_text.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "seff",
                            .slurm_name = "seff",
                            .summary = "Show how much of what it held a job has used",
                            .arguments = "JOB",
                            .examples = "seff 42\nseff 42_7\n",
                            .completes = Completes::job};

struct EffOptions {
  std::vector<std::string> jobs;
};

void define(Cli& cli, EffOptions& options) {
  cli.refuse("-d,--debug");
  cli.rest(options.jobs);
}

std::string two_digits(double value) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

std::string size_text(uint64_t mib) {  // "1.50 GB"
  constexpr std::string_view kUnits[] = {"MB", "GB", "TB", "PB"};
  double value = static_cast<double>(mib);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return two_digits(value) + " " + std::string(kUnits[unit]);
}

double percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void write_use(Output& out, const JobView& view, TimePoint now) {
  const JobRecord& job = view.job;
  const Usage used = usage_so_far(view);
  const uint32_t cores = std::max(cpus_of(job), 1U);
  const Seconds elapsed = elapsed_of(job, now);
  const uint64_t used_ms = used.cpu_user_ms + used.cpu_system_ms;
  const Seconds wall = elapsed * cores;
  out.line("CPU Utilized: " + format_time_limit(Seconds{used_ms / 1000}));
  out.line("CPU Efficiency: " +
           two_digits(percent(used_ms, static_cast<uint64_t>(wall.count()) * 1000)) + "% of " +
           format_time_limit(wall) + " core-walltime");
  out.line("Job Wall-clock time: " + format_time_limit(elapsed));
  const uint64_t held = memory_of(job);
  const bool per_cpu = job.spec->memory_per_cpu_mib.has_value();
  const uint64_t share = held / (per_cpu ? cores : std::max(nodes_of(job), 1U));
  out.line("Memory Utilized: " + size_text(used.memory_peak_mib));
  out.line("Memory Efficiency: " + two_digits(percent(used.memory_peak_mib, held)) + "% of " +
           size_text(held) + " (" + size_text(share) + (per_cpu ? "/core)" : "/node)"));
}

Result<JobView> find(Client& controller, const std::string& word) {
  JobQuery query;
  query.live = true;
  TRY(add_named(word, query.filter.jobs, query.filter.elements));
  std::vector<JobView> found = TRY(fetch_jobs(controller, query));
  if (found.empty()) {
    query.history = true;
    found = TRY(fetch_jobs(controller, query));
  }
  if (found.empty()) return Error{ErrorCode::not_found, "Job not found."};
  return std::move(found.front());
}

Result<int> run(const EffOptions& options, Context& context) {
  if (options.jobs.size() != 1) return Error{ErrorCode::usage, "name one job"};
  Client* controller = TRY(context.controller());
  const JobView view = TRY(find(*controller, options.jobs[0]));
  const JobRecord& job = view.job;
  context.out.line("Job ID: " + std::to_string(job.id.value));
  if (job.array) context.out.line("Array Job ID: " + job_name_of(job, 64));
  context.out.line("Cluster: " + controller->cluster());
  context.out.line("User/Group: " + job.user + "/" + job.group);
  const std::string state(long_name(job.state));
  if (job.start_time == TimePoint{} || job.state == JobState::pending) {
    context.out.line("State: " + state);
    context.out.line("Efficiency not available for jobs in the " + state + " state.");
    return kExitDone;
  }
  context.out.line("State: " + state +
                   (ended(job.state) ? " (exit code " + std::to_string(job.exit.code) + ")" : ""));
  if (nodes_of(job) > 1) {
    context.out.line("Nodes: " + std::to_string(nodes_of(job)));
    context.out.line("Cores per node: " + std::to_string(cpus_of(job) / nodes_of(job)));
  } else {
    context.out.line("Cores: " + std::to_string(cpus_of(job)));
  }
  write_use(context.out, view, context.now());
  if (!ended(job.state)) {
    context.out.line("WARNING: Efficiency statistics may be misleading for " + state + " jobs.");
  }
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<EffOptions, define, run>(kInfo, call);
}

}  // namespace

const Command kSeff{&kInfo, start};

}  // namespace gd::cmd
