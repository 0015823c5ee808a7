#include "proto/task_layout.h"

#include <algorithm>
#include <numeric>

namespace gd {

std::optional<std::vector<uint32_t>> share_out_tasks(uint32_t tasks,
                                                     const std::vector<uint32_t>& room) {
  const uint64_t most = std::accumulate(room.begin(), room.end(), uint64_t{0});
  if (tasks > most) return std::nullopt;
  std::vector<uint32_t> counts(room.size(), 0);
  uint32_t left = tasks;
  while (left > 0) {
    for (size_t node = 0; node < room.size() && left > 0; ++node) {
      if (counts[node] == room[node]) continue;
      ++counts[node];
      --left;
    }
  }
  return counts;
}

std::vector<std::vector<uint32_t>> task_numbers(const std::vector<uint32_t>& counts, bool cyclic) {
  std::vector<std::vector<uint32_t>> numbers(counts.size());
  uint32_t next = 0;
  if (!cyclic) {
    for (size_t node = 0; node < counts.size(); ++node) {
      for (uint32_t i = 0; i < counts[node]; ++i) numbers[node].push_back(next++);
    }
    return numbers;
  }
  const uint32_t rounds = counts.empty() ? 0 : *std::ranges::max_element(counts);
  for (uint32_t round = 0; round < rounds; ++round) {
    for (size_t node = 0; node < counts.size(); ++node) {
      if (round < counts[node]) numbers[node].push_back(next++);
    }
  }
  return numbers;
}

std::string run_lengths(const std::vector<uint32_t>& counts) {
  std::string text;
  for (size_t i = 0; i < counts.size();) {
    size_t end = i;
    while (end < counts.size() && counts[end] == counts[i]) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(counts[i]);
    if (end - i > 1) text += "(x" + std::to_string(end - i) + ")";
    i = end;
  }
  return text;
}

std::vector<uint32_t> tasks_per_node(const JobSpec& spec,
                                     const std::vector<uint32_t>& cpus_per_node) {
  const size_t nodes = std::max<size_t>(cpus_per_node.size(), 1);
  if (spec.tasks_per_node && !spec.tasks) return std::vector<uint32_t>(nodes, *spec.tasks_per_node);
  const uint32_t per_task = std::max(spec.cpus_per_task.value_or(1), 1U);
  std::vector<uint32_t> here(nodes, 0);
  if (!spec.tasks) {  // as many as have room
    for (size_t i = 0; i < nodes; ++i) {
      const uint32_t cpus = i < cpus_per_node.size() ? cpus_per_node[i] : 1;
      here[i] = std::max(cpus / per_task, 1U);
    }
    return here;
  }
  uint32_t left = *spec.tasks;
  for (size_t i = 0; i < nodes && left > 0; ++i) {  // each node has one before any has two
    here[i] = 1;
    --left;
  }
  for (size_t i = 0; i < nodes && left > 0; ++i) {
    const uint32_t cpus = i < cpus_per_node.size() ? cpus_per_node[i] : 1;
    uint32_t room = std::max(cpus / per_task, 1U) - here[i];
    if (spec.tasks_per_node) {
      room = std::min(room, *spec.tasks_per_node - std::min(here[i], *spec.tasks_per_node));
    }
    const uint32_t more = std::min(left, room);
    here[i] += more;
    left -= more;
  }
  if (left > 0) here.back() += left;  // more tasks than cpus: the controller allowed it
  return here;
}

}  // namespace gd
