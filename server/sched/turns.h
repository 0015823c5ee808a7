// Whose turn it is in a pass: the heads of the lanes, by their priority at that moment.
//
// Cost: one sort of 24 octets a lane; O(log lanes) for each job that comes after the first of
// its lane.
#pragma once

#include <algorithm>
#include <queue>
#include <vector>

#include "server/sched/queue.h"

namespace gd::sched {

// What decides who is served first, apart from the rest: a pass sorts one for each lane.
struct Rank {
  double priority = 0;
  uint32_t tier = 0;
  JobId job;
  uint32_t lane = 0;  // of all_heads()
};

struct Later {  // for a heap whose top is the job that is served first
  bool operator()(const Rank& a, const Rank& b) const {
    if (a.tier != b.tier) return a.tier < b.tier;
    if (a.priority != b.priority) return a.priority < b.priority;
    return a.job > b.job;
  }
};

struct Head {  // the first job of a lane that has not been looked at
  PendingQueue::Jobs::const_iterator job;
  PendingQueue::Jobs::const_iterator end;
  const Standing* standing;
  ShapeId shape;
  uint32_t left = 1;  // of this job's count
};

// All lanes in the order of their heads, and those that come again with their next job. Where
// most shapes have one job, as where all differ, each lane is sorted once and never moved.
class Turns {
 public:
  explicit Turns(std::vector<Rank> ranks) : first_(std::move(ranks)) {
    std::sort(first_.begin(), first_.end(),
              [](const Rank& a, const Rank& b) { return Later{}(b, a); });
  }
  [[nodiscard]] bool empty() const { return next_ == first_.size() && again_.empty(); }
  [[nodiscard]] const Rank& top() const { return from_first() ? first_[next_] : again_.top(); }
  void pop() {
    if (from_first())
      ++next_;
    else
      again_.pop();
  }
  void push(const Rank& rank) { again_.push(rank); }

 private:
  [[nodiscard]] bool from_first() const {
    if (next_ == first_.size()) return false;
    return again_.empty() || Later{}(again_.top(), first_[next_]);
  }

  std::vector<Rank> first_;
  size_t next_ = 0;
  std::priority_queue<Rank, std::vector<Rank>, Later> again_;
};

}  // namespace gd::sched
