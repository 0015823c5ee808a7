// The waiting jobs that may start, by shape and by standing.
//
// A lane holds the jobs of one shape and one standing: all that a priority depends on but
// time is equal in it, and so is what limits them, so its jobs are in the order of their waiting,
// at every moment. Only the heads of the lanes have to be compared, by their priority at the time
// of a pass: no order is stored that time could make wrong.
//
// A pass drops a shape as soon as one of its jobs finds no room: the cost of a pass grows
// with the number of lanes and of starts, not with the number of jobs.
// Cost: add and remove O(log jobs); about 100 octets a job, 200 a lane.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "server/sched/limit_book.h"
#include "server/sched/priority.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct Standing {
  uint32_t tier = 1;  // a higher one is served first, whatever the priorities
  PriorityFacts facts;
  ClaimId claim;          // what limits it
  uint32_t preempts = 0;  // by its QOS: a row of PreemptRules::rows; 0: nobody
  bool operator==(const Standing&) const = default;
  bool operator<(const Standing& other) const {
    if (tier != other.tier) return tier < other.tier;
    if (claim != other.claim) return claim < other.claim;
    if (preempts != other.preempts) return preempts < other.preempts;
    return facts < other.facts;
  }
};

struct QueueKey {
  TimePoint eligible{};  // its waiting is counted from here
  JobId job;
  uint32_t count = 1;  // so many of this shape: the elements of an array that wait
  JobId array;         // whose room View::array_room may limit; 0: of no array
  bool operator==(const QueueKey&) const = default;
  // Within a lane: who waits longer, then the older job.
  bool operator<(const QueueKey& other) const {
    if (eligible != other.eligible) return eligible < other.eligible;
    return job < other.job;
  }
};

class PendingQueue {
 public:
  using Jobs = std::set<QueueKey>;
  using Lanes = std::map<Standing, Jobs>;  // no empty sets

  void add(ShapeId shape, const Standing& standing, const QueueKey& key);
  void remove(ShapeId shape, const Standing& standing, const QueueKey& key);
  [[nodiscard]] bool contains(ShapeId shape, const Standing& standing, const QueueKey& key) const;

  [[nodiscard]] const std::map<ShapeId, Lanes>& by_shape() const { return by_shape_; }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  std::map<ShapeId, Lanes> by_shape_;  // no empty maps
  size_t size_ = 0;
};

}  // namespace gd::sched
