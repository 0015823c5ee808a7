// A scenario (gdsim/scenario.h tells its words) as the planner sees it at time 0, and plans as
// text. What is wrong with its text stops the test.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "gdsim/workload.h"
#include "server/sched/plan.h"

namespace gd::test {

class Scenario {
 public:
  static Scenario parse(std::string_view text);

  sched::View view() const {
    return {.now = TimePoint{},
            .nodes = workload_.nodes,
            .partitions = workload_.partitions,
            .shapes = shapes_,
            .queue = queue_,
            .limits = &limits_,
            .licences = &licences_,
            .reservations = workload_.reservations,
            .preempt = rules_ ? &*rules_ : nullptr,
            .tenants = &tenants_,
            .takeovers = takeovers_};
  }
  sched::Plan plan(const sched::Policy& policy) const { return sched::plan(policy, view()); }
  // For tests that go on from a plan: those who have to go are told to, and then are gone.
  void follow(const sched::Preemption& one);
  void remove(JobId running);
  void close(std::string_view node);
  void hold(std::string_view node, JobId job, const Resources& held);
  const sched::Shape& shape_of(JobId job) const { return shapes_[shape_of_.at(job)]; }
  const std::vector<sched::Node>& nodes() const { return workload_.nodes; }
  const std::vector<sched::Partition>& partitions() const { return workload_.partitions; }

  // "start 2 n1; start 3 n1+n2; end 7+9 for 5 n1; reserve 1 @100; reject 4; drop 5"
  std::string render(const sched::Plan& plan) const;
  // "1 Resources; 3 Priority", by job, of those with a verdict of their own
  static std::string reasons(const sched::Plan& plan);

 private:
  std::string names(const sched::Placement& placement) const;
  void add_tenant(const sim::Running& row);

  sim::Workload workload_;
  sched::ShapeTable shapes_;
  sched::PendingQueue queue_;
  sched::LimitBook limits_;
  sched::Licences licences_;
  std::optional<sched::PreemptRules> rules_;
  sched::Tenants tenants_;
  std::vector<sched::Takeover> takeovers_;
  std::map<JobId, sched::ShapeId> shape_of_;
};

}  // namespace gd::test
