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
  scenario.rules_ = sched::preempt_rules(all.preempt, all.limits);
  for (const sim::Running& row : all.running) {
    const std::vector<sched::NodeUse> uses{{row.node, 1, row.held}};
    scenario.limits_.count_running(
        scenario.limits_.claim_of(all.owners[row.owner]), scenario.limits_.held(uses, Seconds{0}),
        {TimePoint{row.began}, TimePoint{row.until}, {}}, sched::LimitBook::Sign::more);
    scenario.licences_.hold(row.licences, TimePoint{row.until});
    sched::Node& node = all.nodes[row.node.value];
    node.shares.push_back({row.job, row.held, TimePoint{row.until}});
    subtract(node.free, row.held);
    scenario.add_tenant(row);
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
    if (scenario.rules_) {
      standing.preempts = sched::preempt_row(
          *scenario.rules_, sched::preempt_column(all.limits, all.owners[job.owner].qos));
    }
    const sched::ShapeId shape = scenario.shapes_.intern(key, all.nodes, all.partitions);
    scenario.queue_.add(shape, standing, {.eligible = TimePoint{job.submit}, .job = id});
    scenario.shape_of_[id] = shape;
  }
  return scenario;
}

void Scenario::add_tenant(const sim::Running& row) {
  if (!rules_) return;
  const std::string& qos = workload_.owners[row.owner].qos;
  const bool by_tier = rules_->by == sched::PreemptRules::By::tier;
  const sched::PreemptTerms terms =
      by_tier ? workload_.partition_terms[row.partition]
              : sched::preempt_terms(workload_.preempt, limits_.find_qos(qos));
  sched::Tenant& tenant = tenants_[row.job];
  tenant.qos = sched::preempt_column(workload_.limits, qos);
  tenant.tier = workload_.partitions[row.partition].tier;
  tenant.facts.qos_factor = limits_.qos_factor(qos);
  tenant.eligible = tenant.start = TimePoint{row.began};
  tenant.may_go = terms.mode != PreemptMode::off;
  tenant.safe_until = tenant.start + terms.exempt;
  tenant.leaves_within = terms.grace;
}

void Scenario::follow(const sched::Preemption& one) {
  for (const JobId victim : one.victims) {
    tenants_.at(victim).ending = true;
    tenants_.at(victim).gone_by = TimePoint{} + tenants_.at(victim).leaves_within;
  }
  takeovers_.push_back({.job = one.job,
                        .array = {},
                        .shape = shape_of_.at(one.job),
                        .claim = {},
                        .placement = one.placement,
                        .awaits = one.awaits});
}

void Scenario::remove(JobId running) {
  tenants_.erase(running);
  for (sched::Node& node : workload_.nodes) {
    for (const sched::Share& share : node.shares) {
      if (share.job == running) add(node.free, share.held);
    }
    std::erase_if(node.shares, [&](const sched::Share& share) { return share.job == running; });
  }
}

void Scenario::close(std::string_view name) {
  for (sched::Node& node : workload_.nodes) {
    if (node.name == name) node.open = false;
  }
}

void Scenario::hold(std::string_view name, JobId job, const Resources& held) {
  for (sched::Node& node : workload_.nodes) {
    if (node.name != name) continue;
    node.shares.push_back({job, held, TimePoint{} + sched::kForever});
    subtract(node.free, held);
  }
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
  for (const sched::Preemption& one : plan.preemptions) {
    std::string victims;
    for (const JobId victim : one.victims) {
      victims += (victims.empty() ? "" : "+") + number(victim);
    }
    add("end " + victims + " for " + number(one.job) + " " + names(one.placement));
  }
  for (const sched::Promise& one : plan.promises) {
    const auto at = std::chrono::floor<Seconds>(one.at.time_since_epoch()).count();
    add("reserve " + number(one.job) + " @" + std::to_string(at));
  }
  for (const sched::Verdict& one : plan.verdicts) {
    if (one.reason == Reason::partition_config) add("reject " + number(one.job));
  }
  for (const JobId job : plan.dropped) add("drop " + number(job));
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
