// The nodes that a partition, a constraint and exclusions leave over, shared by all shapes that
// name the same: thousands of shapes have a handful of sets.
//
// Nodes of equal capacity are a class, so that the question whether a job could ever run
// costs a look at each class and not at each node.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/sched/machine.h"
#include "server/sched/placement.h"

namespace gd::sched {

struct NodeClass {
  NodeIndex example;
  uint32_t count = 0;
};

struct NodeSet {
  uint32_t id = 0;                // of the table that made it: below ShapeTable::set_slots()
  std::vector<NodeIndex> nodes;   // in the partition's order
  std::vector<NodeIndex> sorted;  // the same by index
  std::vector<NodeClass> classes;
  [[nodiscard]] bool contains(NodeIndex node) const;
};

NodeSet make_node_set(std::string_view constraint, std::span<const std::string> exclude,
                      const Partition& partition, std::span<const Node> nodes);

// Could it be held if every node of the set were empty?
bool could_hold(const NodeSet& set, const Need& need, std::span<const Node> nodes);

}  // namespace gd::sched
