// One scheduling pass: a pure function from what is to what should start next.
//
// No clock, no I/O, no randomness, no log: the controller and gdsim call the same
// function, and equal views give equal plans.
//
// The classic policies are one loop with one number, the reservation depth, which
// counts by partition:
//   0     strict FIFO: nothing overtakes a blocked job
//   1     EASY backfill: later jobs may start if they do not delay the first blocked one
//   many  conservative backfill: nor any other blocked job
//
// A job that a limit keeps from starting holds up nobody and is promised nothing; one that
// lacks a licence is promised the licence, so that others do not take it for ever.
//
// A reservation is a promise to nobody in line: others use its nodes if they end before it
// begins. Its own jobs are a line of their own, over its nodes and its time alone.
//
// A job that finds no room may end others, where that is configured and lets it start (preempt.h,
// victims.h). Their room is kept for it from then on (a takeover): it starts there when they are
// gone, before all others. Promises made to those before it hold all the same.
//
// Every waiting job gets a verdict: jobs that were looked at by name, the others
// through their shape (explain.h).
// Cost: O(lanes log lanes + nodes + shapes x log nodes + starts x nodes of a start + reservations x
// Timeline::earliest).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/job_state.h"
#include "server/sched/licences.h"
#include "server/sched/limit_book.h"
#include "server/sched/machine.h"
#include "server/sched/placement.h"
#include "server/sched/preempt.h"
#include "server/sched/queue.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct Policy {
  Weights weights;  // who is first in line
  uint32_t reservation_depth = 1;
  // Searches in time a pass may make; past it blocked jobs get no promise.
  uint32_t search_limit = 1000;
  // Starts a pass may make; the next pass goes on.
  uint32_t start_limit = 10000;
  // Jobs for which a pass may end others, and searches for victims that it may make; past them
  // jobs wait as if preemption were off.
  uint32_t preempt_limit = 1000;
  uint32_t victim_search_limit = 50;
  bool operator==(const Policy&) const = default;
};

struct View {
  TimePoint now{};
  std::span<const Node> nodes;
  std::span<const Partition> partitions;
  const ShapeTable& shapes;
  const PendingQueue& queue;
  // How many more elements may start now, of arrays with a limit; null: none has one.
  const std::map<JobId, uint32_t>* array_room = nullptr;
  // The factors that PriorityFacts::share names; past the end: 1.
  std::span<const double> fair_share = {};
  // What Standing::claim and ShapeKey::licences are counted in; null: nothing is limited.
  const LimitBook* limits = nullptr;
  const Licences* licences = nullptr;
  std::span<const Reservation> reservations = {};
  // Null: nobody is ended for others. Tenants are all that hold something, then.
  const PreemptRules* preempt = nullptr;
  const Tenants* tenants = nullptr;
  std::span<const Takeover> takeovers = {};
};

struct Start {  // of an array's job: one of its elements
  JobId job;
  Placement placement;
};

struct Promise {
  JobId job;
  TimePoint at{};
  Placement placement;
};

struct Preemption {  // these are to be ended, and that is to be kept for the job
  JobId job;         // of an array: for one of its elements
  Placement placement;
  std::vector<JobId> victims;  // the least worth first
  std::vector<JobId> awaits;   // sorted: they, and who was ending there by himself
};

struct Verdict {  // why this one waits
  JobId job;
  Reason reason = Reason::priority;
  std::string text = {};  // more than the reason can say: which limit
};

struct ShapeVerdict {  // why the jobs of this shape wait that have no verdict of their own
  ShapeId shape;
  Reason reason = Reason::priority;
};

struct LaneVerdict {  // likewise of one lane: what limits it
  ShapeId shape;
  Standing standing;
  Reason reason = Reason::none;
  std::string text;  // which limit
};

struct Plan {
  std::vector<Start> starts;  // in the order of the queue
  std::vector<Promise> promises;
  std::vector<Verdict> verdicts;     // the first waiting job of each shape, and promised ones
  std::vector<ShapeVerdict> shapes;  // every shape that has jobs left
  std::vector<LaneVerdict> lanes;    // these go before those of shapes
  std::vector<Preemption> preemptions;
  std::vector<JobId> dropped;         // takeovers that have come to nothing
  std::optional<TimePoint> again_at;  // somebody may be ended then that had to be left alone
  bool more = false;                  // start_limit was reached: ask again
};

Plan plan(const Policy& policy, const View& view);

// The earliest start of one more job as things stand, for --test-only.
std::optional<Promise> foresee(const View& view, const Shape& shape);

}  // namespace gd::sched
