// What an impossible shape lacks, in numbers.
#include "server/sched/explain.h"

#include <algorithm>

namespace gd::sched {

namespace {

bool listed(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string count(uint64_t number, std::string_view one) {
  return std::to_string(number) + " " + std::string(one) + (number == 1 ? "" : "s");
}

// Nodes of the partition that the shape's names and features leave over.
std::vector<const Node*> left_over(const Shape& shape, const Partition& partition,
                                   std::span<const Node> nodes) {
  std::vector<const Node*> result;
  for (const NodeIndex index : partition.nodes) {
    const Node& node = nodes[index.value];
    if (!node.exists || listed(shape.key.exclude, node.name)) continue;
    if (satisfies(shape.key.constraint, node.features)) result.push_back(&node);
  }
  return result;
}

std::string lack_in(const Shape& shape, const Candidates& candidates, const Partition& partition,
                    std::span<const Node> nodes) {
  const std::string where = " of partition " + partition.name;
  for (const std::string& name : shape.key.node_list) {
    const auto is_it = [&](NodeIndex i) {
      return nodes[i.value].exists && nodes[i.value].name == name;
    };
    if (std::none_of(partition.nodes.begin(), partition.nodes.end(), is_it)) {
      return "node " + name + " is not" + where;
    }
  }
  const std::vector<const Node*> rest = left_over(shape, partition, nodes);
  if (rest.empty()) {
    if (!shape.key.constraint.empty()) {
      return "no node" + where + " has the features " + shape.key.constraint;
    }
    return "no node" + where + " is known that it could use";
  }
  const Need& need = shape.key.need;
  uint32_t cpus = 0;
  uint64_t memory = 0;
  for (const Node* node : rest) {
    cpus = std::max(cpus, node->usable.cpus);
    memory = std::max(memory, node->usable.memory_mib);
  }
  if (need.cpus_per_task > cpus) {
    return count(need.cpus_per_task, "cpu") + " a task asked, " + std::to_string(cpus) +
           " are on the largest node" + where;
  }
  const uint64_t asked =
      need.memory_per_node_mib.value_or(need.memory_per_cpu_mib.value_or(0) * need.cpus_per_task);
  if (asked > memory) {
    return std::to_string(asked) + " MiB of memory asked on a node, " + std::to_string(memory) +
           " are on the largest" + where;
  }
  uint64_t tasks = 0;
  size_t with_room = 0;
  for (const NodeIndex index : candidates.nodes()) {
    const Node& node = nodes[index.value];
    const uint32_t fit = tasks_that_fit(need, node, node.usable);
    tasks += fit;
    with_room += fit > 0 ? 1 : 0;
  }
  if (with_room < need.nodes_min) {
    return count(need.nodes_min, "node") + " asked, " + std::to_string(with_room) + where +
           " could hold a task";
  }
  return count(need.tasks, "task") + " of " + count(need.cpus_per_task, "cpu") + " asked, " +
         std::to_string(tasks) + " fit on the nodes" + where;
}

}  // namespace

std::string why_impossible(const Shape& shape, std::span<const Node> nodes,
                           std::span<const Partition> partitions) {
  std::string text;
  for (const Candidates& candidates : shape.candidates) {
    if (candidates.possible) return {};
    if (!text.empty()) text += "; ";
    text += lack_in(shape, candidates, partitions[candidates.partition.value], nodes);
  }
  return text;
}

Reason reason_without_nodes(const Shape& shape, std::span<const Node> nodes,
                            std::span<const Partition> partitions) {
  if (!shape.required.empty()) return Reason::req_node_not_avail;
  for (const Candidates& candidates : shape.candidates) {
    if (!partitions[candidates.partition.value].up) return Reason::partition_down;
    for (const NodeIndex index : candidates.nodes()) {
      const Node& node = nodes[index.value];
      if (node.open && tasks_that_fit(shape.key.need, node, node.usable) > 0) {
        return Reason::req_node_not_avail;
      }
    }
  }
  return Reason::nodes_down;
}

}  // namespace gd::sched
