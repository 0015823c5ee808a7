// Priority: one number, with its terms kept so that a user can be shown them.
//
//   priority = age_weight x age / age_max + size_weight x size + partition_weight x factor - nice
//
// Age is not capped, so it grows at one rate for all and the order of two waiting
// jobs never changes by time alone: the queue is sorted once, by score(), which is
// the priority without the part that is equal for all.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace gd::sched {

struct Weights {
  double age = 1000;
  double size = 0;
  double partition = 1000;
  Seconds age_max{7 * 24 * 3600};  // age of this much counts `age` points
  bool operator==(const Weights&) const = default;
};

struct PriorityFacts {
  TimePoint eligible{};         // age is counted from here
  double size = 0;              // of the cluster's cpus, 0..1
  double partition_factor = 0;  // 0..1
  int32_t nice = 0;
  std::optional<uint32_t> fixed;  // set by an administrator: stands for all terms but age
};

struct PriorityTerms {
  double age = 0;
  double size = 0;
  double partition = 0;
  double nice = 0;  // as it is added: minus the nice value
  double fixed = 0;
  [[nodiscard]] double total() const { return age + size + partition + nice + fixed; }
};

PriorityTerms priority_terms(const Weights& weights, const PriorityFacts& facts, TimePoint now);

// Orders jobs as their priorities do at any moment.
double score(const Weights& weights, const PriorityFacts& facts);

}  // namespace gd::sched
