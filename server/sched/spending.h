// The minutes of one limit: what its jobs have used, fading, and what those that run may still use
// until their time limits. Amounts are by dimension of the book (limit_book.h), times seconds.
//
// What runs is known by when it began and adds nothing while it runs; so a limit can be asked for
// its use at any moment.
// Cost: began, withdrew, charge O(log runs); spent, ahead O(runs of different times).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "server/sched/fair_tree.h"

namespace gd::sched {

using Amounts = std::vector<uint64_t>;  // by dimension

struct RunSpan {
  TimePoint began{};
  TimePoint until{};  // its time limit
  auto operator<=>(const RunSpan&) const = default;
};

class Spending {
 public:
  void began(const RunSpan& run, const Amounts& held);
  void withdrew(const RunSpan& run, const Amounts& held);  // as if it had not
  void charge(const Amounts& held, TimePoint began, TimePoint ended, Seconds half_life);
  void add(uint32_t dimension, const FadingUsage& usage, Seconds half_life);

  [[nodiscard]] double spent(uint32_t dimension, TimePoint now, Seconds half_life) const;
  [[nodiscard]] double ahead(uint32_t dimension, TimePoint now) const;

 private:
  std::vector<FadingUsage> ended_;
  std::map<RunSpan, Amounts> running_;  // summed up
};

}  // namespace gd::sched
