// A cluster and its queue in a few lines of text, for tests of the planner. It is
// always time 0; times are seconds.
//
//   node 1 cpus=4 [mem=4000] [features=ssd,gpu] [closed]     is called n1
//   partition short nodes=1,2 [tier=2] [down]                none: "main", of all nodes
//   run 9 on=2 cpus=4 [mem=0] until=100                      job 9 holds cpus of n2
//   queue 1 [cpus=4] [nodes=2] [tasks=3] [per_node=2] [mem=100] [limit=50] [features=ssd]
//           [list=n1,n2] [exclude=n3] [exclusive] [partition=short] [nice=5]
//
// cpus of a queued job are a task's. Jobs are queued in the order of the lines.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/sched/plan.h"
#include "server/sched/timeline.h"

namespace gd::test {

class Scenario {
 public:
  static Scenario parse(std::string_view text);  // aborts on what it does not know

  sched::View view() const { return {TimePoint{}, nodes_, partitions_, shapes_, queue_}; }
  sched::Plan plan(const sched::Policy& policy) const { return sched::plan(policy, view()); }
  const sched::Shape& shape_of(JobId job) const { return shapes_[shape_of_.at(job)]; }
  const std::vector<sched::Node>& nodes() const { return nodes_; }
  const std::vector<sched::Partition>& partitions() const { return partitions_; }

  // "start 2 n1; start 3 n1+n2; reserve 1 @100; reject 4"
  std::string render(const sched::Plan& plan) const;
  // "1 Resources; 3 Priority", by job, of those with a verdict of their own
  static std::string reasons(const sched::Plan& plan);

 private:
  struct Line;
  void add_node(const Line& line);
  void add_partition(const Line& line);
  void add_run(const Line& line);
  void add_job(const Line& line);
  std::string names(const sched::Placement& placement) const;

  std::vector<sched::Node> nodes_;
  std::vector<sched::Partition> partitions_;
  sched::ShapeTable shapes_;
  sched::PendingQueue queue_;
  std::map<JobId, sched::ShapeId> shape_of_;
};

}  // namespace gd::test
