#include "server/core/opening_steps.h"

#include <span>

#include "server/core/step_layout.h"

namespace gd::core {
namespace {

StepRecord opening_step(StepId id, std::string name, TimePoint now) {
  StepRecord step;
  step.id = id;
  step.name = std::move(name);
  step.join_container = false;  // it makes the job's
  step.start_time = now;
  return step;
}

StepRecord batch_step(const JobRecord& job, const std::string& node, TimePoint now) {
  StepRecord step = opening_step(kBatchStep, "batch", now);
  step.shares.push_back({.node = node});
  step.argv = job.spec->argv;
  step.chdir = job.spec->chdir;
  return step;
}

StepRecord interactive_step(const JobSpec& spec, const std::vector<NodeShare>& nodes,
                            TimePoint now) {
  StepRecord step = opening_step(kInteractiveStep, "interactive", now);
  step.shares = lay_out_first(spec, nodes);
  step.cyclic = spec.cyclic;
  step.cpu_bind = spec.cpu_bind;
  step.cpus_per_task = spec.cpus_per_task;
  step.programs = spec.programs;
  step.argv = spec.argv;
  step.chdir = spec.chdir;
  step.pty = spec.pty;
  step.record = spec.record;
  return step;
}

// On these nodes nothing runs at first: containers for the steps that will come.
StepRecord place_step(std::span<const NodeShare> nodes, TimePoint now) {
  StepRecord step = opening_step(kExternStep, "extern", now);
  for (const NodeShare& node : nodes) step.shares.push_back({.node = node.node});
  return step;
}

}  // namespace

std::vector<NodeShare> shares_of(const Cluster& cluster, const sched::Placement& placement) {
  std::vector<NodeShare> shares;
  for (const sched::NodeUse& use : placement.uses) {
    const NodeEntry* node = cluster.node_at(use.node);
    shares.push_back({node->record.name, node->record.info.boot_id, use.held, false});
  }
  return shares;
}

std::vector<StepRecord> opening_steps(const JobRecord& job, const std::vector<NodeShare>& nodes,
                                      TimePoint now) {
  std::vector<StepRecord> steps;
  const std::span<const NodeShare> all(nodes);
  switch (job.spec->kind) {
    case JobKind::interactive: steps.push_back(interactive_step(*job.spec, nodes, now)); break;
    case JobKind::allocation: steps.push_back(place_step(all, now)); break;
    case JobKind::batch:
      steps.push_back(batch_step(job, nodes.front().node, now));
      if (nodes.size() > 1) steps.push_back(place_step(all.subspan(1), now));
  }
  return steps;
}

}  // namespace gd::core
