// Fair Tree: who of a tree of accounts has had least of what is hers.
//
// A node has shares, and usage. Its level is (its part of its siblings' shares) / (its part
// of their usage): among siblings the one with the higher level stands first, and all below
// her stand before all below the next: a user of an account that had little goes before any
// user of one that had much. Siblings of one level are taken as one, their children
// compared by level. Leaves are ranked so, equal ones alike; the factor of a leaf is 1 for
// the first, 1/n for the last of n.
//
// Usage is cpu seconds that lose half of their weight each half-life. What a job has used
// follows from when it ran, so nothing has to be added up while it runs.
// Cost: fair_tree_factors() O(nodes log nodes).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"

namespace gd::sched {

struct FairNode {
  uint32_t parent = 0;  // index of one before it; the root, at index 0, is its own
  uint32_t shares = 1;  // 0: last among its siblings
  double usage = 0;     // of a user; accounts have the sum of what is below them
  bool user = true;     // accounts without users are ranked, but are no leaves
};

struct FairRank {
  double factor = 1;  // 0..1, of a leaf
  double level = 0;   // infinite: nothing used yet
  double usage = 0;   // with all that is below it
};

// By index of the tree.
std::vector<FairRank> fair_tree_ranks(std::span<const FairNode> tree);

// Usage as it was at a moment. half_life 0: it never fades.
struct FadingUsage {
  double seconds_held = 0;  // cpus, or what else is held, times seconds
  TimePoint at{};
  bool operator==(const FadingUsage&) const = default;
};
double faded(const FadingUsage& usage, TimePoint now, Seconds half_life);
// What is left at `now` of cpus that were held from `from` until now.
double usage_of_run(uint64_t cpus, TimePoint from, TimePoint now, Seconds half_life);
// Adds a run that has ended at `to`.
void charge(FadingUsage& usage, uint64_t cpus, TimePoint from, TimePoint to, Seconds half_life);

}  // namespace gd::sched
