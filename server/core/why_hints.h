// What a waiting job could ask for instead so that it starts now: changes that its user can make
// to it as it waits, each tried with the planner.
#pragma once

#include <string>
#include <vector>

#include "server/core/cluster.h"

namespace gd::core {

// Commands, the smallest change of each kind first: "gdctl update 7 TimeLimit=00:30:00".
std::vector<std::string> hints(const Cluster& cluster, const JobRecord& job, TimePoint now);

}  // namespace gd::core
