// All that is random in a simulation comes from one seed.
#pragma once

#include <cstdint>
#include <random>

namespace gd::sim {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15 + 1) {}
  // From 0 to below `sides`; the same on every machine.
  uint64_t below(uint64_t sides) { return engine_() % sides; }
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  bool one_in(uint64_t n) { return n != 0 && below(n) == 0; }  // 0: never
  uint64_t number() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// How bad the world is; each is "one in so many", 0: never.
struct Faults {
  uint64_t lose = 0;
  uint64_t repeat = 0;
  uint64_t delay = 0;             // a long one; overtaking follows from it
  uint64_t controller_crash = 0;  // at each point between decide and tell
  uint64_t agent_crash = 0;       // at each point of an action, and at each step of time
  uint64_t node_crash = 0;        // at each step of time
  uint64_t shepherd_crash = 0;    // likewise
  uint64_t launch_failure = 0;
};

}  // namespace gd::sim
