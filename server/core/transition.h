// The life of a job as a table, checked by the compiler. Ended stays ended, but
// for a requeue, which begins a new life under the same id.
#pragma once

#include <optional>

#include "proto/job_state.h"

namespace gd::core {

enum class Happening : uint8_t {
  allocated,  // nodes were found and a launch number given
  began,      // a process of the job is there
  end_begun,  // it ended, or is told to: what is left of it is being ended
  released,   // every node has confirmed that nothing is left: it ends as it was to end
  withdrawn,  // cancelled before it was started
  expired,    // its deadline came before it was started
  sent_back,  // requeued
};

struct Transition {
  JobState from;
  Happening on;
  JobState to;
};

inline constexpr Transition kTransitions[] = {
    {JobState::pending, Happening::allocated, JobState::starting},
    {JobState::pending, Happening::withdrawn, JobState::cancelled},
    {JobState::pending, Happening::expired, JobState::deadline},
    {JobState::starting, Happening::began, JobState::running},
    {JobState::starting, Happening::end_begun, JobState::completing},
    {JobState::running, Happening::end_begun, JobState::completing},
    {JobState::suspended, Happening::end_begun, JobState::completing},
    {JobState::completing, Happening::sent_back, JobState::pending},
    {JobState::completing, Happening::released, JobState::completed},
    {JobState::completing, Happening::released, JobState::failed},
    {JobState::completing, Happening::released, JobState::cancelled},
    {JobState::completing, Happening::released, JobState::timeout},
    {JobState::completing, Happening::released, JobState::out_of_memory},
    {JobState::completing, Happening::released, JobState::node_fail},
    {JobState::completing, Happening::released, JobState::preempted},
    {JobState::completing, Happening::released, JobState::deadline},
    {JobState::completing, Happening::released, JobState::boot_fail},
    {JobState::completed, Happening::sent_back, JobState::pending},
    {JobState::failed, Happening::sent_back, JobState::pending},
    {JobState::cancelled, Happening::sent_back, JobState::pending},
    {JobState::timeout, Happening::sent_back, JobState::pending},
    {JobState::out_of_memory, Happening::sent_back, JobState::pending},
    {JobState::node_fail, Happening::sent_back, JobState::pending},
    {JobState::preempted, Happening::sent_back, JobState::pending},
    {JobState::deadline, Happening::sent_back, JobState::pending},
    {JobState::boot_fail, Happening::sent_back, JobState::pending},
};

[[nodiscard]] constexpr bool may(JobState from, Happening on, JobState to) {
  for (const Transition& row : kTransitions) {
    if (row.from == from && row.on == on && row.to == to) return true;
  }
  return false;
}

[[nodiscard]] constexpr bool may(JobState from, Happening on) {
  for (const Transition& row : kTransitions) {
    if (row.from == from && row.on == on) return true;
  }
  return false;
}

namespace transition_detail {
// Only a release may lead to different states, and then only to ends.
constexpr bool consistent() {
  for (const Transition& a : kTransitions) {
    if (a.on == Happening::released && !ended(a.to)) return false;
    if (a.on == Happening::sent_back && a.to != JobState::pending) return false;
    if (ended(a.from) && a.on != Happening::sent_back) return false;
    for (const Transition& b : kTransitions) {
      if (a.from == b.from && a.on == b.on && a.to != b.to && a.on != Happening::released) {
        return false;
      }
    }
  }
  return true;
}
}  // namespace transition_detail

static_assert(transition_detail::consistent());
static_assert(!may(JobState::completed, Happening::end_begun));  // ended stays ended
static_assert(!may(JobState::pending, Happening::began));        // nothing runs unallocated
static_assert(!may(JobState::running, Happening::allocated));    // no second life beside the first
static_assert(!may(JobState::running, Happening::sent_back));    // a life ends before the next
static_assert(!may(JobState::starting, Happening::released));    // only what was told to end, ends
static_assert(may(JobState::completing, Happening::sent_back, JobState::pending));

}  // namespace gd::core
