// What passes are made of: the heads of the lanes, and what the lines of one plan share.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "server/sched/free_index.h"
#include "server/sched/plan.h"
#include "server/sched/timeline.h"

namespace gd::sched {

struct SetIndex {
  FreeIndex free;                  // by place in NodeSet::nodes
  std::vector<uint32_t> place_of;  // by node: 1 + its place, or 0
};

// What the passes over the lines of one plan take from in turn.
struct Common {
  explicit Common(const View& view);
  std::vector<uint64_t> used;  // as LimitBook::used(), with what has been started or is kept
  LicencePass licences;
  std::map<JobId, uint32_t> array_room;  // of arrays with a limit: what may still start
  std::set<JobId> kept;                  // takeovers for which all of that is kept
};

// Of those that takeovers await: who is still there, and ending.
std::set<JobId> leaving_in(const View& view);
bool is_ending(const View& view, JobId job);

// Keeps the nodes of all reservations but `own` for them, and those of `own` for its time.
void keep_reserved(Timeline& timeline, const View& view, uint32_t own);

// What a reservation's jobs see of the machine: its nodes, all others as if they were closed.
struct ReservedView {
  ReservedView(const View& whole, const Reservation& reservation);
  std::vector<Node> nodes;
  View view;
};

}  // namespace gd::sched
