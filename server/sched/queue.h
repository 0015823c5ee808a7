// The waiting jobs that may start, in order, by shape.
//
// A pass asks for the first job of each shape and drops a shape as soon as its
// first job finds no room: the cost of a pass grows with the number of distinct
// shapes and of starts, not with the number of jobs.
// Cost: add and remove O(log jobs); about 100 octets a job.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "proto/ids.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct QueueKey {
  uint32_t tier = 1;
  double score = 0;
  JobId job;
  uint32_t count = 1;  // so many of this shape: the elements of an array that wait
  JobId array;         // whose room View::array_room may limit; 0: of no array
  bool operator==(const QueueKey&) const = default;
  // Served first: higher tier, higher score, older job.
  bool operator<(const QueueKey& other) const {
    if (tier != other.tier) return tier > other.tier;
    if (score != other.score) return score > other.score;
    return job < other.job;
  }
};

class PendingQueue {
 public:
  using Jobs = std::set<QueueKey>;

  void add(const QueueKey& key, ShapeId shape);
  void remove(const QueueKey& key, ShapeId shape);

  [[nodiscard]] const std::map<ShapeId, Jobs>& by_shape() const { return by_shape_; }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  std::map<ShapeId, Jobs> by_shape_;  // no empty sets
  size_t size_ = 0;
};

}  // namespace gd::sched
