#include "server/core/step_layout.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "proto/task_layout.h"
#include "server/core/admission.h"
#include "server/core/check_form.h"

namespace gd::core {
namespace {

constexpr uint32_t kAnyNumber = std::numeric_limits<uint32_t>::max();

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

bool is_live(const StepRecord& step) {
  return step.state != StepState::ended;
}

uint32_t cpus_per_task_of(const StepRequest& request) {
  return std::max(request.cpus_per_task.value_or(1), 1U);
}

// Only what the request names, from the first node that it counts from.
Result<std::vector<NodeRoom>> asked_rooms(std::vector<NodeRoom> rooms, const StepRequest& request) {
  if (request.relative >= rooms.size()) {
    return invalid("node " + std::to_string(request.relative) +
                   " of the job is not there, it has " + std::to_string(rooms.size()) +
                   ", counted from 0");
  }
  rooms.erase(rooms.begin(), rooms.begin() + request.relative);
  if (!request.node_list.empty()) {
    const std::vector<std::string> wanted = names_in(request.node_list);
    for (const std::string& name : wanted) {
      const bool there = std::ranges::any_of(rooms, [&](const auto& r) { return r.node == name; });
      if (!there) return Error{ErrorCode::not_found, "it is not on node " + name};
    }
    std::erase_if(rooms, [&](const NodeRoom& room) {
      return !std::ranges::binary_search(wanted, room.node);
    });
  }
  if (!request.exclude.empty()) {
    const std::vector<std::string> unwanted = names_in(request.exclude);
    std::erase_if(rooms, [&](const NodeRoom& room) {
      return std::ranges::binary_search(unwanted, room.node);
    });
  }
  if (rooms.empty()) return Error{ErrorCode::not_found, "none of its nodes is left to run on"};
  return rooms;
}

// How many tasks a node takes, with what is free of it.
uint32_t capacity(const NodeRoom& room, const StepRequest& request) {
  uint32_t cpus = room.cpus;
  if (request.sharing == StepSharing::exact) cpus -= std::min(cpus, room.taken_cpus);
  if (request.sharing == StepSharing::whole && room.taken_cpus > 0) cpus = 0;
  uint64_t most = cpus / cpus_per_task_of(request);
  const uint64_t free_memory = room.memory_mib - std::min(room.memory_mib, room.taken_memory_mib);
  if (room.memory_mib > 0 && request.sharing != StepSharing::overlap) {
    if (request.memory_mib && *request.memory_mib > free_memory) most = 0;
    const uint64_t per_task = request.memory_per_cpu_mib.value_or(0) * cpus_per_task_of(request);
    if (per_task > 0) most = std::min(most, free_memory / per_task);
  }
  return static_cast<uint32_t>(
      std::min<uint64_t>(most, request.tasks_per_node.value_or(kAnyNumber)));
}

struct Size {
  size_t nodes = 1;
  uint32_t tasks = 1;
};

// What was asked for, made definite: more nodes than tasks have no sense.
Result<Size> size_of(const std::vector<NodeRoom>& rooms, const StepRequest& request) {
  Size size{.nodes = rooms.size()};
  if (request.nodes_max) size.nodes = std::min<size_t>(size.nodes, *request.nodes_max);
  const uint32_t least = request.nodes_min.value_or(1);
  if (least > rooms.size()) {
    return invalid("Requested node configuration is not available: " + std::to_string(least) +
                   " nodes, the job has " + std::to_string(rooms.size()) + " for it");
  }
  const uint64_t all = uint64_t{request.tasks_per_node.value_or(1)} * size.nodes;
  const uint64_t tasks = request.tasks ? uint64_t{*request.tasks} : all;
  if (tasks == 0 || tasks > kMaxTasks) {
    return invalid(std::to_string(tasks) + " tasks: not between 1 and " +
                   std::to_string(kMaxTasks));
  }
  size.tasks = static_cast<uint32_t>(tasks);
  size.nodes = std::min<size_t>(size.nodes, size.tasks);
  return size;
}

// The first nodes that have room, so many that all tasks fit. None: they do not fit.
std::vector<size_t> choose(const std::vector<uint32_t>& room, Size size) {
  std::vector<size_t> usable;
  for (size_t i = 0; i < room.size(); ++i) {
    if (room[i] > 0) usable.push_back(i);
  }
  if (usable.size() < size.nodes) return {};
  std::vector<size_t> chosen(usable.begin(), usable.begin() + static_cast<ptrdiff_t>(size.nodes));
  const auto all = [&] {
    return std::accumulate(chosen.begin(), chosen.end(), uint64_t{0},
                           [&](uint64_t sum, size_t i) { return sum + room[i]; });
  };
  if (all() >= size.tasks) return chosen;
  // Later ones with more room instead, in the order of the job's nodes.
  std::ranges::stable_sort(usable, std::greater{}, [&](size_t i) { return room[i]; });
  chosen.assign(usable.begin(), usable.begin() + static_cast<ptrdiff_t>(size.nodes));
  std::ranges::sort(chosen);
  return all() >= size.tasks ? chosen : std::vector<size_t>{};
}

std::vector<StepShare> shares_on(const std::vector<NodeRoom>& rooms,
                                 const std::vector<size_t>& chosen,
                                 const std::vector<uint32_t>& room, const StepRequest& request,
                                 uint32_t tasks) {
  std::vector<uint32_t> limits;
  for (const size_t i : chosen) limits.push_back(room[i]);
  const std::vector<uint32_t> counts = share_out_tasks(tasks, limits).value();
  std::vector<StepShare> shares;
  for (size_t i = 0; i < chosen.size(); ++i) {
    StepShare share{.node = rooms[chosen[i]].node, .tasks = counts[i]};
    if (request.sharing == StepSharing::whole) share.cpus = rooms[chosen[i]].cpus;
    if (request.sharing == StepSharing::exact) share.cpus = counts[i] * cpus_per_task_of(request);
    shares.push_back(std::move(share));
  }
  return shares;
}

}  // namespace

Error nodes_busy() {
  return {ErrorCode::unavailable, "Requested nodes are busy"};
}

std::vector<NodeRoom> rooms_of(const JobRecord& job) {
  std::vector<NodeRoom> rooms;
  for (const NodeShare& share : job.nodes) {
    if (share.released) continue;
    NodeRoom room{.node = share.node, .cpus = share.held.cpus, .memory_mib = share.held.memory_mib};
    for (const StepRecord& step : job.steps) {
      const StepShare* taken = share_on(step, share.node);
      if (taken == nullptr || !is_live(step) || taken->cpus == 0) continue;
      room.taken_cpus += taken->cpus;
      room.taken_memory_mib += step.memory_mib.value_or(0);
    }
    rooms.push_back(std::move(room));
  }
  return rooms;
}

Result<std::vector<StepShare>> lay_out(std::vector<NodeRoom> rooms, const StepRequest& request) {
  rooms = TRY(asked_rooms(std::move(rooms), request));
  const Size size = TRY(size_of(rooms, request));
  std::vector<uint32_t> free;
  for (const NodeRoom& room : rooms) free.push_back(capacity(room, request));
  if (const std::vector<size_t> chosen = choose(free, size); !chosen.empty()) {
    return shares_on(rooms, chosen, free, request, size.tasks);
  }
  std::vector<uint32_t> whole;
  for (NodeRoom room : rooms) {
    room.taken_cpus = 0;
    room.taken_memory_mib = 0;
    whole.push_back(capacity(room, request));
  }
  if (!choose(whole, size).empty()) {
    return nodes_busy();
  }
  const uint64_t most = std::accumulate(whole.begin(), whole.end(), uint64_t{0});
  return invalid("More processors requested than permitted: " + std::to_string(size.tasks) +
                 " tasks of " + std::to_string(cpus_per_task_of(request)) + " cpus on " +
                 std::to_string(size.nodes) + " nodes; the job has room for " +
                 std::to_string(most) + " on " + std::to_string(rooms.size()));
}

std::vector<StepShare> lay_out_first(const JobSpec& spec, const std::vector<NodeShare>& nodes) {
  const uint32_t per_task = std::max(spec.cpus_per_task.value_or(1), 1U);
  std::vector<uint32_t> room;
  for (const NodeShare& node : nodes) {
    const uint32_t fit = std::max(node.held.cpus / per_task, 1U);
    room.push_back(std::min(fit, spec.tasks_per_node.value_or(kAnyNumber)));
  }
  const auto count = static_cast<uint32_t>(nodes.size());
  uint32_t tasks = spec.tasks.value_or(spec.tasks_per_node.value_or(1) * count);
  tasks = std::max(tasks, count);
  std::optional<std::vector<uint32_t>> counts = share_out_tasks(tasks, room);
  // More tasks than processors were asked for: the node that has most takes the rest.
  if (!counts) {
    counts = room;
    const uint64_t fit = std::accumulate(room.begin(), room.end(), uint64_t{0});
    *std::ranges::max_element(*counts) += static_cast<uint32_t>(tasks - fit);
  }
  std::vector<StepShare> shares;
  for (size_t i = 0; i < nodes.size(); ++i) {
    shares.push_back({.node = nodes[i].node, .tasks = (*counts)[i]});
  }
  return shares;
}

}  // namespace gd::core
