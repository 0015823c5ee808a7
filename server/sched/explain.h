// Why a job waits, as a value: the verdict of the last pass, and what its shape
// lacks in numbers.
#pragma once

#include <string>

#include "proto/job_state.h"
#include "server/sched/plan.h"

namespace gd::sched {

// A shape that cannot be held by any set of nodes of its partitions even if they
// were empty: what is asked and the most there is, in one line.
//   "8 cpus a task asked, 4 are on the largest node of partition main"
std::string why_impossible(const Shape& shape, std::span<const Node> nodes,
                           std::span<const Partition> partitions);

// Why a possible shape finds no node at all to wait for: they are down, drained, removed.
Reason reason_without_nodes(const Shape& shape, std::span<const Node> nodes,
                            std::span<const Partition> partitions);

}  // namespace gd::sched
