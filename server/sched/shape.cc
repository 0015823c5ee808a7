// Interning, and which nodes could hold a shape if they were empty.
#include "server/sched/shape.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "server/sched/machine.h"
#include "server/sched/placement.h"

namespace gd::sched {

namespace {

bool listed(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

char sign_of(std::string_view constraint) {
  return constraint.find('|') != std::string_view::npos ? '|' : '&';
}

std::vector<Offer> offers_when_empty(const Shape& shape, std::span<const Node> nodes,
                                     const Candidates& candidates) {
  std::vector<Offer> offers;
  for (const NodeIndex index : candidates.nodes) {
    const Node& node = nodes[index.value];
    offers.push_back({index, tasks_that_fit(shape.key.need, node, node.usable)});
  }
  return offers;
}

Candidates candidates_in(const Shape& shape, PartitionIndex partition, std::span<const Node> nodes,
                         std::span<const Partition> partitions) {
  Candidates result{partition, {}, false};
  for (const NodeIndex index : partitions[partition.value].nodes) {
    const Node& node = nodes[index.value];
    if (!node.exists || listed(shape.key.exclude, node.name)) continue;
    if (!satisfies(shape.key.constraint, node.features)) continue;
    if (tasks_that_fit(shape.key.need, node, node.usable) == 0) continue;
    result.nodes.push_back(index);
  }
  const bool all_known = shape.required.size() == shape.key.node_list.size();
  result.possible =
      all_known &&
      choose(shape.key.need, offers_when_empty(shape, nodes, result), shape.required).has_value();
  return result;
}

void find_candidates(Shape& shape, std::span<const Node> nodes,
                     std::span<const Partition> partitions) {
  shape.required.clear();
  for (const std::string& name : shape.key.node_list) {
    const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) {
      return node.exists && node.name == name;
    });
    if (found == nodes.end()) continue;
    shape.required.push_back(NodeIndex{static_cast<uint32_t>(found - nodes.begin())});
  }
  shape.candidates.clear();
  for (const PartitionIndex partition : shape.key.partitions) {
    shape.candidates.push_back(candidates_in(shape, partition, nodes, partitions));
  }
}

}  // namespace

bool Shape::possible() const {
  return std::any_of(candidates.begin(), candidates.end(),
                     [](const Candidates& c) { return c.possible; });
}

Need need_of(const JobSpec& spec) {
  Need need;
  need.cpus_per_task = std::max<uint32_t>(1, spec.cpus_per_task.value_or(1));
  need.nodes_min = std::max<uint32_t>(1, spec.nodes_min);
  need.nodes_max = spec.nodes_max.value_or(kNoLimit);
  need.tasks_per_node = spec.tasks_per_node.value_or(kNoLimit);
  need.tasks = need.nodes_min * spec.tasks_per_node.value_or(1);
  if (spec.tasks) {
    need.tasks = std::max<uint32_t>(1, *spec.tasks);
    need.nodes_min = std::min(need.nodes_min, need.tasks);  // no node without a task
  }
  need.memory_per_node_mib = spec.memory_per_node_mib;
  need.memory_per_cpu_mib = spec.memory_per_cpu_mib;
  need.gres_per_node = spec.gres_per_node;
  need.exclusive = spec.exclusive;
  return need;
}

Shape make_shape(const ShapeKey& key, std::span<const Node> nodes,
                 std::span<const Partition> partitions) {
  Shape shape{.key = key, .fit_class = 0, .users = 0, .required = {}, .candidates = {}};
  find_candidates(shape, nodes, partitions);
  return shape;
}

ShapeId ShapeTable::intern(const ShapeKey& key, std::span<const Node> nodes,
                           std::span<const Partition> partitions) {
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    ++shapes_[known->second.value].users;
    return known->second;
  }
  ShapeKey without_limit = key;
  without_limit.limit = Seconds{0};
  auto [entry, is_new] = classes_.try_emplace(std::move(without_limit), 0, 0);
  if (is_new) {
    if (free_classes_.empty()) free_classes_.push_back(next_class_++);
    entry->second.first = free_classes_.back();
    free_classes_.pop_back();
  }
  ++entry->second.second;

  if (free_.empty()) {
    free_.push_back(ShapeId{static_cast<uint32_t>(shapes_.size())});
    shapes_.emplace_back();
  }
  const ShapeId id = free_.back();
  free_.pop_back();
  Shape& shape = shapes_[id.value] = make_shape(key, nodes, partitions);
  shape.fit_class = entry->second.first;
  shape.users = 1;
  by_key_.emplace(key, id);
  return id;
}

void ShapeTable::release(ShapeId id) {
  Shape& shape = shapes_[id.value];
  GD_CHECK(shape.users > 0, id);
  if (--shape.users > 0) return;
  by_key_.erase(shape.key);
  ShapeKey without_limit = std::move(shape.key);
  without_limit.limit = Seconds{0};
  const auto entry = classes_.find(without_limit);
  if (--entry->second.second == 0) {
    free_classes_.push_back(entry->second.first);
    classes_.erase(entry);
  }
  shape = Shape{};
  free_.push_back(id);
}

const Shape* ShapeTable::find(const ShapeKey& key) const {
  const auto known = by_key_.find(key);
  return known == by_key_.end() ? nullptr : &shapes_[known->second.value];
}

void ShapeTable::refresh(std::span<const Node> nodes, std::span<const Partition> partitions) {
  for (const auto& [key, id] : by_key_) find_candidates(shapes_[id.value], nodes, partitions);
}

Result<void> check_constraint(std::string_view constraint) {
  if (constraint.empty()) return {};
  const bool mixed = constraint.find('|') != std::string_view::npos &&
                     constraint.find('&') != std::string_view::npos;
  if (mixed) {
    return Error{ErrorCode::invalid,
                 "constraint '" + std::string(constraint) + "' mixes & and |; use one of them"};
  }
  const std::string_view special = "()[]*,:!<>= \t";
  if (const size_t at = constraint.find_first_of(special); at != std::string_view::npos) {
    return Error{ErrorCode::invalid, "constraint '" + std::string(constraint) + "' has '" +
                                         constraint[at] + "' at position " + std::to_string(at) +
                                         "; features are joined by & or by |"};
  }
  for (const std::string_view part : parts_of(constraint, sign_of(constraint))) {
    if (part.empty()) {
      return Error{ErrorCode::invalid,
                   "constraint '" + std::string(constraint) + "' lacks a feature's name"};
    }
  }
  return {};
}

bool satisfies(std::string_view constraint, std::span<const std::string> features) {
  if (constraint.empty()) return true;
  const char sign = sign_of(constraint);
  const auto has = [&](std::string_view part) {
    return std::find(features.begin(), features.end(), part) != features.end();
  };
  const std::vector<std::string_view> parts = parts_of(constraint, sign);
  return sign == '|' ? std::any_of(parts.begin(), parts.end(), has)
                     : std::all_of(parts.begin(), parts.end(), has);
}

}  // namespace gd::sched
