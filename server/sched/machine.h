// The machine as the planner sees it: nodes, what is held on them and until when,
// and partitions. Kept up to date by its owner (server/core), read by a pass.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/resources.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct Share {  // what one job holds of a node
  JobId job;
  Resources held;
  TimePoint until{};  // start + limit; may have passed: the job is about to end
};

struct Node {
  std::string name;
  std::vector<std::string> features;
  Resources usable;           // found, cut by configuration
  Resources free;             // usable minus the shares; kept, not computed
  std::vector<Share> shares;  // by job id
  bool exists = false;        // a removed node leaves its index
  bool open = false;          // up, not drained, clean: may be given jobs
};

// Nodes that are kept from one moment to another for the jobs that ask for it by its id.
struct Reservation {
  uint32_t id = 0;  // from 1
  TimePoint start{};
  TimePoint end{};
  std::vector<NodeIndex> nodes;  // sorted
};

struct Partition {
  std::string name;
  std::vector<NodeIndex> nodes;  // in the order in which they are filled
  uint32_t tier = 1;             // a higher one is served first
  double factor = 0;             // 0..1, for the priority
  bool up = true;
};

}  // namespace gd::sched
