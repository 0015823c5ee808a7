// Filtering nodes, and what they could hold when they are empty.
#include "server/sched/node_set.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace gd::sched {

namespace {

using Capacity = std::tuple<uint32_t, uint64_t, std::vector<GresCount>>;

Capacity capacity_of(const Node& node) {
  return {node.usable.cpus, node.usable.memory_mib, node.usable.gres};
}

}  // namespace

bool NodeSet::contains(NodeIndex node) const {
  return std::binary_search(sorted.begin(), sorted.end(), node);
}

NodeSet make_node_set(std::string_view constraint, std::span<const std::string> exclude,
                      const Partition& partition, std::span<const Node> nodes) {
  NodeSet set;
  std::map<Capacity, size_t> classes;
  for (const NodeIndex index : partition.nodes) {
    const Node& node = nodes[index.value];
    if (!node.exists || !satisfies(constraint, node.features)) continue;
    if (std::find(exclude.begin(), exclude.end(), node.name) != exclude.end()) continue;
    set.nodes.push_back(index);
    const auto [place, is_new] = classes.try_emplace(capacity_of(node), set.classes.size());
    if (is_new) set.classes.push_back({index, 0});
    ++set.classes[place->second].count;
  }
  set.sorted = set.nodes;
  std::sort(set.sorted.begin(), set.sorted.end());
  return set;
}

bool could_hold(const NodeSet& set, const Need& need, std::span<const Node> nodes) {
  struct Room {
    uint32_t tasks = 0;
    uint32_t count = 0;
  };
  std::vector<Room> rooms;
  uint64_t nodes_with_room = 0;
  for (const NodeClass& one : set.classes) {
    const Node& node = nodes[one.example.value];
    const uint32_t tasks = tasks_that_fit(need, node, node.usable);
    if (tasks == 0) continue;
    rooms.push_back({tasks, one.count});
    nodes_with_room += one.count;
  }
  if (nodes_with_room < need.nodes_min) return false;
  // The roomiest first, as many as it may have.
  std::sort(rooms.begin(), rooms.end(),
            [](const Room& a, const Room& b) { return a.tasks > b.tasks; });
  uint64_t nodes_left = std::min(need.nodes_max, need.tasks);
  if (need.nodes_min > nodes_left) return false;
  uint64_t tasks_left = need.tasks;
  for (const Room& room : rooms) {
    const uint64_t count = std::min<uint64_t>(room.count, nodes_left);
    if (count * room.tasks >= tasks_left) return true;
    tasks_left -= count * room.tasks;
    nodes_left -= count;
  }
  return false;
}

}  // namespace gd::sched
