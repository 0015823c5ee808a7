// Who of the users of a replay has used how much: a tree of one level with equal shares, ranked
// every few minutes of simulated time, as the controller does it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/clock.h"
#include "server/sched/fair_tree.h"

namespace gd::sim {

class Users {
 public:
  explicit Users(Seconds half_life) : half_life_(half_life) {}

  uint32_t share_of(uint32_t user);  // index of factors(); a new user has factor 1 until ranked
  void began(uint32_t user, uint32_t cpus, TimePoint at);
  void ended(uint32_t user, uint32_t cpus, TimePoint began, TimePoint at);
  void rank(TimePoint now);  // if the last ranking is old enough
  [[nodiscard]] std::span<const double> factors() const { return factors_; }

 private:
  struct Usage {
    sched::FadingUsage ended;
    std::map<TimePoint, uint64_t> running;  // cpus by when they were taken
  };
  Seconds half_life_;
  std::map<uint32_t, uint32_t> shares_;
  std::vector<Usage> usage_;  // by share
  std::vector<double> factors_;
  TimePoint ranked_{};
  bool ever_ranked_ = false;
};

}  // namespace gd::sim
