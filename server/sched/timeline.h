// What is free, when: for each node the amounts that are free from now on, as
// steps in time. Taking a slot is a what-if; the machine is not touched.
//
// A node's line is made when it is first asked for. Without promises the free
// amounts only grow with time, so the earliest slot is found by halving; with
// promises every moment is tried in turn.
// A promise takes those nodes that become free last, so that the others stay of use
// until then.
// Jobs that are being ended for another one (`leaving`) are planned as gone in a moment.
// Cost: a line O(shares log shares); earliest() O(log moments x nodes) without,
// O(moments x nodes) with promises.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "proto/resources.h"
#include "server/sched/machine.h"
#include "server/sched/placement.h"

namespace gd::sched {

struct Slot {
  TimePoint start{};
  Seconds length{};
  Placement placement;
};

// When a job that is being ended is planned as gone.
inline constexpr Seconds kMoment{1};

class Timeline {
 public:
  // `leaving`, if there is any, outlives it.
  Timeline(std::span<const Node> nodes, TimePoint now, const std::set<JobId>* leaving = nullptr);

  // Free on `node` at every moment of [from, from + length). Valid until the next call.
  [[nodiscard]] const Resources& room(NodeIndex node, TimePoint from, Seconds length);
  [[nodiscard]] std::optional<Slot> earliest(const Shape& shape, const Candidates& candidates,
                                             TimePoint from);
  // From that moment on, for the shape's whole limit.
  std::optional<Placement> place_at(const Shape& shape, const Candidates& candidates, TimePoint at);
  // The chosen offers with what they hold at that time.
  Placement placement_of(const Shape& shape, PartitionIndex partition, TimePoint at,
                         std::span<const Offer> chosen);
  // Free there in a moment, and for so long, if these shares of its node had gone, too. Who should
  // have gone by himself counts as there.
  [[nodiscard]] Resources room_without(NodeIndex node, std::span<const Share* const> gone,
                                       Seconds length);
  // One more leaves: its share of that node is planned as gone in a moment.
  void expel(NodeIndex node, const Share& share);
  // A start that happens now: held until now + length.
  void start(const Placement& placement, Seconds length);
  // A promise: the slot is kept free for its job.
  void promise(const Slot& slot);
  // Nothing is free there in that time, as if all of it were promised; without an end: for ever.
  void block(NodeIndex node, TimePoint from, std::optional<TimePoint> to);
  [[nodiscard]] bool promised(NodeIndex node) const;
  // Free on `node` now, whatever is promised for later.
  [[nodiscard]] const Resources& free_now(NodeIndex node) const;

 private:
  struct Step {
    TimePoint at{};
    Resources free;        // from `at` until the next step
    bool blocked = false;  // whoever leaves: nothing of it can be had
  };
  struct Line {
    bool made = false;
    bool promised = false;
    Resources base;              // free now
    std::vector<Share> started;  // in this pass, before the steps were made
    std::vector<Step> steps;     // by time; the first is at now
  };

  Line& line(NodeIndex node);
  [[nodiscard]] const Line* find(NodeIndex node) const {
    const uint32_t place = line_of_[node.value];
    return place == 0 ? nullptr : &lines_[place - 1];
  }
  [[nodiscard]] TimePoint stays_until(TimePoint until) const;
  void make_steps(NodeIndex node, Line& line);
  static void take(Line& line, TimePoint from, TimePoint to, const Resources& amount);
  static size_t split(Line& line, TimePoint at);  // the step that begins there, made if need be
  std::vector<TimePoint> moments(const Candidates& candidates, TimePoint from);
  TimePoint last_change(NodeIndex node, TimePoint at);  // of what is free there, up to `at`

  std::span<const Node> nodes_;
  TimePoint now_;
  const std::set<JobId>* leaving_;
  std::deque<Line> lines_;         // of nodes that were touched; they stay where they are
  std::vector<uint32_t> line_of_;  // by node: 1 + place in lines_, or 0
  bool any_promise_ = false;
  Resources least_;  // what room() refers to if promises lessen it
};

}  // namespace gd::sched
