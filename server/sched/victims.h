// Who has to go so that a job can start: a choice over the nodes that it could have, pure.
//
// Of all choices the one with the fewest victims; of those, the one whose victims are worth
// least, compared from the most valuable down. Worth is the tier of the partition, then the
// priority that the job had when it started, then how long it has run: the youngest goes first.
// For a job on one node whose need is of one kind no choice is smaller; for others it is close,
// and in any case nobody is chosen who could be spared, or exchanged for somebody who is worth
// less (as far as the 4096 exchanges go that a search tries).
//
// Nobody is chosen at all if the job could not start then, or could without it once those have
// gone that are ending anyway.
// Cost: O(nodes + kMostNodesCompared x shares of a node x log) for a job on one node; else the
// same with O(victims x nodes) more.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "proto/ids.h"
#include "server/sched/machine.h"
#include "server/sched/placement.h"
#include "server/sched/shape.h"

namespace gd::sched {

// The first so many nodes that could serve are compared with each other.
inline constexpr size_t kMostNodesCompared = 256;

struct Worth {
  uint32_t tier = 0;
  double priority = 0;
  TimePoint start{};
  bool operator==(const Worth&) const = default;
  bool operator<(const Worth& other) const {
    if (tier != other.tier) return tier < other.tier;
    if (priority != other.priority) return priority < other.priority;
    return start > other.start;
  }
};

// A node that the job could have, with what could be given back there.
struct Ground {
  NodeIndex node;
  std::vector<const Share*> ending;  // of jobs that are ending anyway
  struct Held {
    uint32_t who = 0;  // place among all that could go, in the order of their worth, least first
    const Share* share = nullptr;
  };
  std::vector<Held> held;  // of those that could go
};

// What would be free on that node, for all of the job's time, without these shares of it.
using RoomWithout = std::function<Resources(NodeIndex, std::span<const Share* const> gone)>;

struct Victims {
  std::vector<uint32_t> who;  // the least worth first; never empty
  std::vector<Offer> nodes;   // where the job would be, and how many tasks of it
};

// Grounds are in the order in which nodes are filled.
std::optional<Victims> choose_victims(const Need& need, std::span<const NodeIndex> required,
                                      std::span<const Node> nodes, std::span<const Ground> grounds,
                                      const RoomWithout& room);

}  // namespace gd::sched
