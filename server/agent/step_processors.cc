#include "server/agent/step_processors.h"

#include <algorithm>
#include <iterator>

#include "server/agent/affinity.h"
#include "server/agent/step_environment.h"

namespace gd::agent {
namespace {

const std::string kNotKept = "processors are not kept apart: ";

// Only who asked for processors of her own hears that there were none.
void claim(StepProcessors& mine, const StepLaunch& launch, const std::string& file,
           std::span<const Core> cores, uint32_t count) {
  Result<std::optional<ProcessorClaim>> taken = ProcessorClaim::take(file, cores, count);
  if (!taken.ok()) {
    mine.note = kNotKept + taken.error().text;
  } else if (!*taken) {
    if (launch.cpu_bind.unit == CpuBind::none) return;
    mine.note = kNotKept + "fewer than " + std::to_string(count) + " of them are free";
  } else {
    mine.claim = std::move(*taken);
    mine.own = mine.claim->processors();
  }
}

void share_out(StepProcessors& mine, const StepLaunch& launch, std::span<const Core> cores) {
  if (launch.cpu_bind.unit == CpuBind::none || mine.own.empty()) return;
  const auto tasks = static_cast<uint32_t>(tasks_here(launch).size());
  if (tasks == 0) return;
  mine.of_tasks = share_out_processors(cores, mine.own, launch.cpu_bind.unit, tasks,
                                       launch.cpus_per_task.value_or(1));
}

std::vector<Core> only(std::span<const Core> cores, const Processors& those) {
  std::vector<Core> left;
  for (const Core& core : cores) {
    Core part{.socket = core.socket, .threads = {}};
    std::ranges::set_intersection(core.threads, those, std::back_inserter(part.threads));
    if (!part.threads.empty()) left.push_back(std::move(part));
  }
  return left;
}

}  // namespace

StepProcessors take_processors(const StepLaunch& launch, const ShepherdSettings& settings) {
  StepProcessors mine;
  if (settings.cores.empty() || launch.held.cpus == 0) return mine;
  claim(mine, launch, settings.processors_file, settings.cores, launch.held.cpus);
  share_out(mine, launch, settings.cores);
  return mine;
}

StepProcessors join_processors(const StepLaunch& launch, const ShepherdSettings& settings,
                               const std::string& owner, pid_t first) {
  StepProcessors mine;
  if (settings.cores.empty()) return mine;
  const Result<Processors> jobs = affinity_of(first);
  if (!jobs.ok()) return mine;  // it has just ended, and so will this step
  mine.own = *jobs;
  const std::vector<Core> cores = only(settings.cores, *jobs);
  if (launch.step_cpus > 0 && launch.step_cpus < jobs->size()) {
    claim(mine, launch, owner + "/processors", cores, launch.step_cpus);
  }
  share_out(mine, launch, cores);
  return mine;
}

}  // namespace gd::agent
