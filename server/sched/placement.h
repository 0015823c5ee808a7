// Which nodes, and how many tasks on each, for one job.
//
// A task's cpus are on one node. Jobs that fit on one node go to one (unless they
// ask for more); others take the nodes with the most room first, so that they
// touch few. Nodes are tried in the partition's order, which packs small jobs
// together. An exclusive job takes nodes whole, and only empty ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/resources.h"
#include "server/sched/machine.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct NodeUse {
  NodeIndex node;
  uint32_t tasks = 0;
  Resources held;
  bool operator==(const NodeUse&) const = default;
};

struct Placement {
  PartitionIndex partition;
  std::vector<NodeUse> uses;  // in the partition's order
  bool operator==(const Placement&) const = default;
};

// How many tasks of the need go on a node with so much room.
uint32_t tasks_that_fit(const Need& need, const Node& node, const Resources& room);
// What so many tasks hold there.
Resources held_by(const Need& need, const Node& node, const Resources& room, uint32_t tasks);

struct Offer {  // a node that can take at least one task
  NodeIndex node;
  uint32_t tasks = 0;
};

// Nodes and tasks out of the offers (the ones to be taken first stand first), or
// nothing if they do not suffice. `required` nodes must be among them.
std::optional<std::vector<Offer>> choose(const Need& need, std::span<const Offer> offers,
                                         std::span<const NodeIndex> required);

// The chosen ones in the candidates' order, whatever order they were offered in.
std::vector<Offer> in_order_of(std::span<const NodeIndex> candidates,
                               std::span<const Offer> chosen);

}  // namespace gd::sched
