// check_all: what must hold between any two events. Used by tests, the simulator
// and debug builds. Cost: a rebuild of every index.
//
//   indices equal a rebuild; no node is over-committed; an allocated job has nodes,
//   a launch number and resources; launch numbers are unique and below the counter,
//   job ids too; ended and waiting jobs hold nothing; requests map one to one;
//   equal specs are shared; a waiting job is in the queue or has a reason not to be
#pragma once

#include "base/result.h"
#include "server/core/cluster.h"

namespace gd::core {

Result<void> check_all(const Cluster& cluster);

}  // namespace gd::core
