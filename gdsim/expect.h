// What a scenario says is to happen, against what did: the same lines hold for gdsim's replay, for
// the controller's core and for a real cluster, so that these cannot drift apart unseen.
#pragma once

#include <string>

#include "gdsim/replay.h"
#include "gdsim/workload.h"

namespace gd::sim {

// A line for each job that went another way than its `expect` says; empty if all is as it says.
//   "job 3: start=12 on=n2 expected, start=14 on=n1 found"
std::string differences(const Workload& workload, const Schedule& schedule);

}  // namespace gd::sim
