// Interning, and which nodes could hold a shape if they were empty.
#include "server/sched/shape.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "server/sched/machine.h"
#include "server/sched/node_set.h"
#include "server/sched/placement.h"

namespace gd::sched {

namespace {

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

std::vector<Offer> offers_when_empty(const Need& need, std::span<const Node> nodes,
                                     const NodeSet& set) {
  std::vector<Offer> offers;
  for (const NodeIndex index : set.nodes) {
    const Node& node = nodes[index.value];
    const uint32_t tasks = tasks_that_fit(need, node, node.usable);
    if (tasks > 0) offers.push_back({index, tasks});
  }
  return offers;
}

bool is_possible(const Shape& shape, const NodeSet& set, std::span<const Node> nodes) {
  const Need& need = shape.key.need;
  if (shape.key.node_list.empty()) return could_hold(set, need, nodes);
  const bool all_known = shape.required.size() == shape.key.node_list.size();
  return all_known && choose(need, offers_when_empty(need, nodes, set), shape.required).has_value();
}

void find_required(Shape& shape, std::span<const Node> nodes) {
  shape.required.clear();
  for (const std::string& name : shape.key.node_list) {
    const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) {
      return node.exists && node.name == name;
    });
    if (found == nodes.end()) continue;
    shape.required.push_back(NodeIndex{static_cast<uint32_t>(found - nodes.begin())});
  }
}

}  // namespace

const std::vector<NodeIndex>& Candidates::nodes() const {
  return set->nodes;
}

std::shared_ptr<const NodeSet> ShapeTable::set_of(const ShapeKey& key, PartitionIndex partition,
                                                  std::span<const Node> nodes,
                                                  std::span<const Partition> partitions) {
  auto [place, is_new] = sets_.try_emplace(SetKey{partition, key.constraint, key.exclude});
  if (!is_new) return place->second;
  auto set = std::make_shared<NodeSet>(
      make_node_set(key.constraint, key.exclude, partitions[partition.value], nodes));
  if (free_sets_.empty()) free_sets_.push_back(next_set_++);
  set->id = free_sets_.back();
  free_sets_.pop_back();
  place->second = set;
  if (sets_.size() > 2 * sets_kept_ + 100) sweep_sets();  // seldom: the mean cost is constant
  return set;
}

// Sets that no shape has any more.
void ShapeTable::sweep_sets() {
  std::erase_if(sets_, [&](const auto& one) {
    const bool unused = one.second.use_count() == 1;
    if (unused) free_sets_.push_back(one.second->id);
    return unused;
  });
  sets_kept_ = sets_.size();
}

void ShapeTable::find_candidates(Shape& shape, std::span<const Node> nodes,
                                 std::span<const Partition> partitions) {
  find_required(shape, nodes);
  shape.candidates.clear();
  for (const PartitionIndex partition : shape.key.partitions) {
    std::shared_ptr<const NodeSet> set = set_of(shape.key, partition, nodes, partitions);
    const bool possible = is_possible(shape, *set, nodes);
    shape.candidates.push_back({partition, std::move(set), possible});
  }
}

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

Shape ShapeTable::judge(const ShapeKey& key, std::span<const Node> nodes,
                        std::span<const Partition> partitions) const {
  Shape shape{.key = key, .fit_class = 0, .users = 0, .required = {}, .candidates = {}};
  find_required(shape, nodes);
  for (const PartitionIndex partition : key.partitions) {
    const auto known = sets_.find(SetKey{partition, key.constraint, key.exclude});
    std::shared_ptr<const NodeSet> set;
    if (known != sets_.end()) {
      set = known->second;
    } else {
      set = std::make_shared<NodeSet>(
          make_node_set(key.constraint, key.exclude, partitions[partition.value], nodes));
    }
    const bool possible = is_possible(shape, *set, nodes);
    shape.candidates.push_back({partition, std::move(set), possible});
  }
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
  Shape& shape = shapes_[id.value];
  shape.key = key;
  find_candidates(shape, nodes, partitions);
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
  sets_.clear();
  free_sets_.clear();
  next_set_ = 0;
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
