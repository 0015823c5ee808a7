// A launch plan as text: one line a fact, in the order in which they are done.
//
// For people (--explain-sandbox) and for tests; the lines are not a format to parse.
#pragma once

#include <string>
#include <vector>

#include "server/container/cgroup.h"
#include "server/container/launch_plan.h"

namespace gd::container {

// REQUIRES: validate(plan) passed. Reads nothing but the node's mount table.
Result<std::vector<std::string>> explain(const LaunchPlan& plan);

// What the control groups allow.
std::vector<std::string> explain(const CgroupLimits& limits);

}  // namespace gd::container
