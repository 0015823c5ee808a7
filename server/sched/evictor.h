// Who could make room in one pass, and for whom: searches for victims, remembered as far as they
// can be asked for again.
// Cost: a table of tenants O(tenants log tenants + shares), made once for each kind of job that
// may end others; then a search as in victims.h.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/sched/plan.h"
#include "server/sched/timeline.h"
#include "server/sched/victims.h"

namespace gd::sched {

class Evictor {
 public:
  // All outlive it. `leaving`: whom the timeline knows to be gone in a moment; choices add to it.
  Evictor(const Policy& policy, const View& view, Timeline& timeline, std::set<JobId>& leaving)
      : policy_(policy), view_(view), timeline_(timeline), leaving_(leaving) {}

  // Is there anybody whom a job of this standing and shape could end?
  bool may_end_somebody(const Standing& standing, const Shape& shape);
  // Who would have to go so that it starts on its candidates of that place; nothing if nobody
  // would help, or is needed, or the pass has searched enough.
  std::optional<Preemption> find(ShapeId id, const Shape& shape, uint32_t which,
                                 const Standing& standing);
  // They leave, and their room is kept for it.
  void commit(const Preemption& chosen, Seconds limit);

  // When the first of those may go that had to be left alone; nothing if none was wanted.
  [[nodiscard]] std::optional<TimePoint> again_at() const { return again_at_; }

 private:
  using Kind = std::pair<uint32_t, uint32_t>;  // row of the rules, tier: the one that counts
  struct Table {
    std::vector<JobId> jobs;                         // who may go, the least worth first
    std::vector<std::vector<Ground::Held>> on_node;  // by node
    Seconds leaves_within{};                         // the longest of them
    std::optional<TimePoint> next_safe_until;        // of those that may go later only
  };
  [[nodiscard]] Kind kind_of(const Standing& standing, uint32_t tier) const;
  const Table& table_of(const Kind& kind);
  [[nodiscard]] std::vector<Ground> grounds_on(const Candidates& candidates,
                                               const Table& table) const;
  [[nodiscard]] Worth worth_of(const Tenant& tenant) const;

  const Policy& policy_;
  const View& view_;
  Timeline& timeline_;
  std::set<JobId>& leaving_;
  std::map<Kind, Table> tables_;
  std::set<std::tuple<ShapeId, uint32_t, Kind>> fruitless_;  // searched: room only shrinks
  uint32_t searches_ = 0;
  std::optional<TimePoint> again_at_;
};

}  // namespace gd::sched
