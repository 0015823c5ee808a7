// A cluster and its jobs in a few lines of text: for people who ask what the scheduler would
// do, and for tests of the planner. Times are seconds; a line with # in front is a remark.
//
//   node 1 [cpus=4] [mem=4000] [features=ssd,gpu] [closed]   is called n1; mem is MiB
//   partition short [nodes=1,2] [tier=2] [down]              none: "main", of all nodes
//   run 9 on=2 [cpus=4] [mem=0] [until=100] [age=50]         job 9 holds cpus of n2 from 0 on
//   queue 1 [at=0] [run=50] [limit=100] [cpus=4] [nodes=2] [tasks=3] [per_node=2] [mem=100]
//           [features=ssd] [list=n1,n2] [exclude=n3] [exclusive] [partition=short] [nice=5]
//           [user=alice] [account=lab] [qos=high] [licenses=matlab:2] [after=3,4]
//   license matlab count=4
//   qos high [priority=10] [max_jobs_per_user=2] ...      the keys of gd.conf's [qos]
//   account lab [parent=art] [grp_tres=cpu=16,mem=4G] ...  likewise; parents first
//   user alice [max_jobs=3] ...                            likewise; * is everybody else
//
//   reserve maint nodes=1,2 start=100 end=200             of these nodes; a job asks for it by
//                                                          reservation=maint
//
//   preempt qos mode=requeue [exempt=60]                   by the preempt= of the QOS, or
//   preempt partition_prio mode=cancel                     by tiers; a partition may then have
//                                                          preempt_mode= and grace_time=
//
//   expect 1 [start=0] [end=50] [on=n1+n2]                what is to become of job 1; of one that
//                                                          is sent back, start=0,90 end=40,140
//
// A `run` may say user, account, qos, partition and licenses as well.
// A queued job is submitted at `at` and runs for `run`, or for its whole limit. Its cpus are
// a task's. Jobs of one moment are queued in the order of the lines. `after` names jobs on lines
// before, which must have ended, however they did. `expect` changes nothing: differences() in
// gdsim/expect.h compares.
#pragma once

#include <string_view>

#include "base/result.h"
#include "gdsim/workload.h"

namespace gd::sim {

inline constexpr size_t kMaxScenarioBytes = size_t{4} << 20;

// Hostile input is expected. Errors name the line: "line 3: node 1: unknown word 'cpu'".
Result<Workload> parse_scenario(std::string_view text);

}  // namespace gd::sim
