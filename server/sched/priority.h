// Priority: one number, with its terms kept so that a user can be shown them.
//
//   priority = age x min(1, wait / age_max)
//            + fair_share x factor               of whose share it is: see fair_tree.h
//            + stretch x min(1, log2(1 + wait / limit) / 10)
//            + size x part of the cluster's cpus + partition x factor + qos x factor - nice
//
// Stretch measures a wait against the job's own time limit: ten minutes' work that waited
// an hour weighs as a day's work that waited six days. Who has waited longer than
// overdue_after goes before everybody who has not, the longest wait first: nobody starves,
// whatever the weights. A job that asked to be nice does not, nor does one whose priority
// an administrator has fixed.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace gd::sched {

// The defaults are what whole traces recommend: see HACKING.md, bench/sched_bars.py.
struct Weights {
  double age = 1000;
  double fair_share = 5000;
  double stretch = 20000;
  double size = 0;
  double partition = 1000;
  double qos = 10000;
  Seconds age_max{7 * 24 * 3600};  // waiting of this much counts `age` points
  std::optional<Seconds> overdue_after{Seconds{3 * 24 * 3600}};  // empty: never
  bool operator==(const Weights&) const = default;
};

// First come, first served: only nice and fixed priorities count.
inline constexpr Weights kInOrder{.age = 0,
                                  .fair_share = 0,
                                  .stretch = 0,
                                  .size = 0,
                                  .partition = 0,
                                  .qos = 0,
                                  .age_max = Seconds{1},
                                  .overdue_after = {}};

// What a priority depends on but time. In this order there are no gaps: it is kept of each job.
struct PriorityFacts {
  double size = 0;              // of the cluster's cpus, 0..1
  double partition_factor = 0;  // 0..1
  double qos_factor = 0;        // 0..1
  uint32_t share = 0;           // whose fair share counts: an index of View::fair_share
  int32_t nice = 0;
  std::optional<uint32_t> fixed;  // set by an administrator: stands for all terms but age
  auto operator<=>(const PriorityFacts&) const = default;
};

inline constexpr double kOverdue = 1e9;  // above what sensible weights add up to

struct PriorityTerms {
  double age = 0;
  double fair_share = 0;
  double stretch = 0;
  double size = 0;
  double partition = 0;
  double qos = 0;
  double nice = 0;  // as it is added: minus the nice value
  double fixed = 0;
  double overdue = 0;  // kOverdue and the seconds waited; it then stands for all others
  [[nodiscard]] double total() const {
    if (overdue > 0) return overdue;
    return age + fair_share + stretch + size + partition + qos + nice + fixed;
  }
};

struct Wait {
  Milliseconds length{};  // since it could have started; below 0 counts as 0
  Seconds limit{1};       // its time limit
};

// `fair_share_factor` is 0..1, of facts.share.
PriorityTerms priority_terms(const Weights& weights, const PriorityFacts& facts,
                             double fair_share_factor, const Wait& wait);

// The same facts without those that these weights do not count, so that jobs which differ in
// nothing that matters share a lane.
PriorityFacts that_count(const Weights& weights, PriorityFacts facts);

}  // namespace gd::sched
