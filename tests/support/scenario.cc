#include "tests/support/scenario.h"

#include "base/check.h"
#include "gdsim/scenario.h"

namespace gd::test {

Scenario Scenario::parse(std::string_view text) {
  Result<sim::Workload> workload = sim::parse_scenario(text);
  GD_CHECK(workload.ok(), workload.error().text);
  Scenario scenario;
  scenario.workload_ = std::move(workload).take();
  sim::Workload& all = scenario.workload_;
  scenario.limits_.configure(all.limits);
  scenario.licences_.configure(all.limits.licences);
  for (const sim::Running& row : all.running) {
    const std::vector<sched::NodeUse> uses{{row.node, 1, row.held}};
    scenario.limits_.count_running(scenario.limits_.claim_of(all.owners[row.owner]),
                                   scenario.limits_.held(uses), sched::LimitBook::Sign::more);
    scenario.licences_.hold(row.licences, TimePoint{row.until});
    sched::Node& node = all.nodes[row.node.value];
    node.shares.push_back({row.job, row.held, TimePoint{row.until}});
    subtract(node.free, row.held);
  }
  for (const sim::WorkJob& job : all.jobs) {
    const sched::ShapeKey& key = all.keys[job.key];
    const JobId id{static_cast<uint32_t>(job.id)};
    sched::Standing standing{.tier = 0, .facts = {.nice = job.nice}};
    standing.facts.qos_factor = scenario.limits_.qos_factor(all.owners[job.owner].qos);
    standing.claim = scenario.limits_.claim_of(all.owners[job.owner]);
    for (const sched::PartitionIndex partition : key.partitions) {
      standing.tier = std::max(standing.tier, all.partitions[partition.value].tier);
    }
    const sched::ShapeId shape = scenario.shapes_.intern(key, all.nodes, all.partitions);
    scenario.queue_.add(shape, standing, {.eligible = TimePoint{job.submit}, .job = id});
    scenario.shape_of_[id] = shape;
  }
  return scenario;
}

std::string Scenario::names(const sched::Placement& placement) const {
  std::string text;
  for (const sched::NodeUse& use : placement.uses) {
    if (!text.empty()) text += "+";
    text += workload_.nodes[use.node.value].name;
  }
  return text;
}

std::string Scenario::render(const sched::Plan& plan) const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  const auto number = [](JobId job) { return std::to_string(job.value); };
  for (const sched::Start& one : plan.starts) {
    add("start " + number(one.job) + " " + names(one.placement));
  }
  for (const sched::Promise& one : plan.promises) {
    const auto at = std::chrono::floor<Seconds>(one.at.time_since_epoch()).count();
    add("reserve " + number(one.job) + " @" + std::to_string(at));
  }
  for (const sched::Verdict& one : plan.verdicts) {
    if (one.reason == Reason::partition_config) add("reject " + number(one.job));
  }
  return text;
}

std::string Scenario::reasons(const sched::Plan& plan) {
  std::map<JobId, Reason> by_job;
  for (const sched::Verdict& one : plan.verdicts) by_job.emplace(one.job, one.reason);
  std::string text;
  for (const auto& [job, reason] : by_job) {
    text +=
        (text.empty() ? "" : "; ") + std::to_string(job.value) + " " + std::string(name(reason));
  }
  return text;
}

}  // namespace gd::test
