// How many tasks fit where, and which nodes are chosen.
#include "server/sched/placement.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace gd::sched {

namespace {

// A job that names no memory takes along each cpu's part of the node's.
uint64_t part_of_memory(const Node& node, uint64_t cpus) {
  if (node.usable.cpus == 0) return 0;
  return node.usable.memory_mib * cpus / node.usable.cpus;
}

uint64_t memory_of(const Need& need, const Node& node, uint32_t tasks) {
  const uint64_t cpus = uint64_t{tasks} * need.cpus_per_task;
  if (need.memory_per_node_mib) return *need.memory_per_node_mib;
  if (need.memory_per_cpu_mib) return *need.memory_per_cpu_mib * cpus;
  return part_of_memory(node, cpus);
}

bool gres_fits(const Need& need, const Resources& room) {
  for (const GresCount& wanted : need.gres_per_node) {
    uint64_t there = 0;
    for (const GresCount& have : room.gres) {
      const bool same = wanted.type.empty() || have.type == wanted.type;
      if (same && have.name == wanted.name) there += have.count;
    }
    if (there < wanted.count) return false;
  }
  return true;
}

// An entry without a type is given of the types that are there, in order.
std::vector<GresCount> pick_gres(const Need& need, const Resources& room) {
  Resources left = room;
  Resources picked;
  for (const GresCount& wanted : need.gres_per_node) {
    uint64_t missing = wanted.count;
    for (GresCount& have : left.gres) {
      if (have.name != wanted.name) continue;
      if (!wanted.type.empty() && have.type != wanted.type) continue;
      const uint64_t amount = std::min(missing, have.count);
      if (amount == 0) continue;
      picked.gres.push_back({have.name, have.type, amount});
      have.count -= amount;
      missing -= amount;
    }
  }
  normalise(picked);
  return picked.gres;
}

// Gives each chosen node one task, then the rest evenly as far as they have room.
void spread(std::vector<Offer>& chosen, std::vector<uint32_t> capacity, uint32_t tasks) {
  uint32_t left = tasks - static_cast<uint32_t>(chosen.size());
  for (Offer& offer : chosen) offer.tasks = 1;
  while (left > 0) {
    uint32_t with_room = 0;
    for (size_t i = 0; i < chosen.size(); ++i) with_room += chosen[i].tasks < capacity[i] ? 1 : 0;
    const uint32_t each = std::max<uint32_t>(1, left / with_room);
    for (size_t i = 0; i < chosen.size() && left > 0; ++i) {
      const uint32_t more = std::min({each, capacity[i] - chosen[i].tasks, left});
      chosen[i].tasks += more;
      left -= more;
    }
  }
}

}  // namespace

uint32_t tasks_that_fit(const Need& need, const Node& node, const Resources& room) {
  if (need.exclusive && (room.cpus != node.usable.cpus || room.cpus == 0)) return 0;
  uint64_t fit = room.cpus / need.cpus_per_task;
  fit = std::min<uint64_t>({fit, need.tasks, need.tasks_per_node});
  if (fit == 0 || need.memory_per_node_mib.value_or(0) > room.memory_mib) return 0;
  if (!gres_fits(need, room)) return 0;
  if (need.memory_per_node_mib) return static_cast<uint32_t>(fit);
  const auto fits = [&](uint64_t tasks) {
    return memory_of(need, node, static_cast<uint32_t>(tasks)) <= room.memory_mib;
  };
  if (fits(fit)) return static_cast<uint32_t>(fit);
  uint64_t low = 0;  // fits; memory grows with tasks, so halve
  while (fit - low > 1) {
    const uint64_t middle = low + (fit - low) / 2;
    (fits(middle) ? low : fit) = middle;
  }
  return static_cast<uint32_t>(low);
}

Resources held_by(const Need& need, const Node& node, const Resources& room, uint32_t tasks) {
  if (need.exclusive) return node.usable;
  return {tasks * need.cpus_per_task, memory_of(need, node, tasks), pick_gres(need, room)};
}

std::optional<std::vector<Offer>> choose(const Need& need, std::span<const Offer> offers,
                                         std::span<const NodeIndex> required) {
  if (offers.size() < need.nodes_min) return std::nullopt;
  const auto is_required = [&](const Offer& offer) {
    return std::find(required.begin(), required.end(), offer.node) != required.end();
  };
  if (need.nodes_min == 1 && required.empty()) {
    for (const Offer& offer : offers) {
      if (offer.tasks >= need.tasks) return std::vector<Offer>{{offer.node, need.tasks}};
    }
  }
  // Required ones first; then, if every node is to get more than one task, roomy ones first.
  std::vector<size_t> order(offers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const bool one_each = need.tasks == need.nodes_min;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const bool a_first = is_required(offers[a]);
    const bool b_first = is_required(offers[b]);
    if (a_first != b_first) return a_first;
    return !one_each && offers[a].tasks > offers[b].tasks;
  });
  const size_t nodes_min = std::max<size_t>(need.nodes_min, required.size());
  const size_t nodes_max = std::min<size_t>(need.nodes_max, need.tasks);
  if (nodes_min > nodes_max) return std::nullopt;

  std::vector<size_t> taken;
  uint64_t capacity = 0;
  for (const size_t i : order) {
    if (taken.size() >= nodes_min && capacity >= need.tasks) break;
    if (taken.size() == nodes_max) break;
    taken.push_back(i);
    capacity += offers[i].tasks;
  }
  if (taken.size() < nodes_min || capacity < need.tasks) return std::nullopt;
  for (size_t i = 0; i < required.size(); ++i) {
    if (!is_required(offers[taken[i]])) return std::nullopt;  // one of them is not on offer
  }
  std::sort(taken.begin(), taken.end());
  std::vector<Offer> chosen;
  std::vector<uint32_t> capacities;
  for (const size_t i : taken) {
    chosen.push_back(offers[i]);
    capacities.push_back(offers[i].tasks);
  }
  spread(chosen, std::move(capacities), need.tasks);
  return chosen;
}

std::vector<Offer> in_order_of(std::span<const NodeIndex> candidates,
                               std::span<const Offer> chosen) {
  std::map<NodeIndex, Offer> by_node;
  for (const Offer& offer : chosen) by_node.emplace(offer.node, offer);
  std::vector<Offer> result;
  for (const NodeIndex index : candidates) {
    if (const auto found = by_node.find(index); found != by_node.end()) {
      result.push_back(found->second);
    }
  }
  return result;
}

}  // namespace gd::sched
