// Lines of free amounts over time, made when asked for.
#include "server/sched/timeline.h"

#include <algorithm>

#include "base/check.h"

namespace gd::sched {

namespace {

void keep_least(Resources& least, const Resources& other) {
  least.cpus = std::min(least.cpus, other.cpus);
  least.memory_mib = std::min(least.memory_mib, other.memory_mib);
  for (GresCount& mine : least.gres) {
    for (const GresCount& theirs : other.gres) {
      if (mine.name == theirs.name && mine.type == theirs.type) {
        mine.count = std::min(mine.count, theirs.count);
      }
    }
  }
}

}  // namespace

Timeline::Timeline(std::span<const Node> nodes, TimePoint now, const std::set<JobId>* leaving)
    : nodes_(nodes), now_(now), leaving_(leaving), line_of_(nodes.size()) {}

const Resources& Timeline::free_now(NodeIndex node) const {
  const Line* line = find(node);
  return line == nullptr ? nodes_[node.value].free : line->base;
}

bool Timeline::promised(NodeIndex node) const {
  const Line* line = find(node);
  return line != nullptr && line->promised;
}

Timeline::Line& Timeline::line(NodeIndex node) {
  uint32_t& place = line_of_[node.value];
  if (place == 0) {
    lines_.emplace_back().base = nodes_[node.value].free;
    place = static_cast<uint32_t>(lines_.size());
  }
  return lines_[place - 1];
}

// A job past its limit is being ended, too, but nobody is given a place for that: where others
// leave for somebody, it is planned as gone after them. So is one with a limit of a moment.
TimePoint Timeline::stays_until(TimePoint until) const {
  const TimePoint moment = now_ + kMoment;
  return std::max(until, leaving_ == nullptr ? moment : moment + kMoment);
}

void Timeline::make_steps(NodeIndex node, Line& line) {
  if (line.made) return;
  line.made = true;
  std::vector<Share> ends = line.started;
  const Node& row = nodes_[node.value];
  ends.insert(ends.end(), row.shares.begin(), row.shares.end());
  for (Share& share : ends) {
    const bool leaves = leaving_ != nullptr && leaving_->contains(share.job);
    share.until = leaves ? now_ + kMoment : stays_until(share.until);
  }
  std::stable_sort(ends.begin(), ends.end(),
                   [](const Share& a, const Share& b) { return a.until < b.until; });
  line.steps.push_back({now_, line.base, false});
  for (const Share& share : ends) {
    if (line.steps.back().at != share.until) {
      line.steps.push_back({share.until, line.steps.back().free, false});
    }
    add(line.steps.back().free, share.held);
  }
}

size_t Timeline::split(Line& line, TimePoint at) {
  auto after = std::upper_bound(line.steps.begin(), line.steps.end(), at,
                                [](TimePoint t, const Step& s) { return t < s.at; });
  GD_CHECK(after != line.steps.begin());
  const auto before = after - 1;
  if (before->at == at) return static_cast<size_t>(before - line.steps.begin());
  Step step = *before;
  step.at = at;
  const auto inserted = line.steps.insert(after, step);  // begin() is another one from here on
  return static_cast<size_t>(inserted - line.steps.begin());
}

void Timeline::take(Line& line, TimePoint from, TimePoint to, const Resources& amount) {
  const size_t first = split(line, from);
  const size_t last = split(line, to);
  for (size_t i = first; i < last; ++i) subtract(line.steps[i].free, amount);
}

const Resources& Timeline::room(NodeIndex node, TimePoint from, Seconds length) {
  const bool has_promise = promised(node);
  // Without promises what is free only grows, so the least of a time is its beginning.
  if (from == now_ && !has_promise) return free_now(node);
  Line& row = line(node);
  make_steps(node, row);
  auto step = std::upper_bound(row.steps.begin(), row.steps.end(), from,
                               [](TimePoint t, const Step& s) { return t < s.at; }) -
              1;
  if (!has_promise) return step->free;
  const TimePoint until = from == now_ ? stays_until(from + length) : from + length;
  least_ = step->free;
  for (++step; step != row.steps.end() && step->at < until; ++step) {
    keep_least(least_, step->free);
  }
  return least_;
}

Resources Timeline::room_without(NodeIndex node, std::span<const Share* const> gone,
                                 Seconds length) {
  if (!promised(node)) {  // what is free then only grows
    Resources room = free_now(node);
    for (const Share& share : nodes_[node.value].shares) {
      if (leaving_ != nullptr && leaving_->contains(share.job)) add(room, share.held);
    }
    for (const Share* share : gone) add(room, share->held);
    return room;
  }
  Line& row = line(node);
  make_steps(node, row);
  const TimePoint from = now_ + kMoment;
  auto step = std::upper_bound(row.steps.begin(), row.steps.end(), from,
                               [](TimePoint t, const Step& s) { return t < s.at; }) -
              1;
  std::optional<Resources> least;
  for (; step != row.steps.end() && step->at < from + length; ++step) {
    Resources room = step->free;
    for (const Share* share : gone) {
      const bool still_there = !step->blocked && stays_until(share->until) > step->at;
      if (still_there) add(room, share->held);
    }
    if (!least)
      least = std::move(room);
    else
      keep_least(*least, room);
  }
  return *least;
}

void Timeline::expel(NodeIndex node, const Share& share) {
  Line& row = line(node);
  if (!row.made) return;  // its steps will know
  const size_t first = split(row, now_ + kMoment);
  const size_t last = split(row, stays_until(share.until));
  for (size_t i = first; i < last; ++i) {
    if (!row.steps[i].blocked) add(row.steps[i].free, share.held);
  }
}

std::vector<TimePoint> Timeline::moments(const Candidates& candidates, TimePoint from) {
  std::vector<TimePoint> times{from};
  for (const NodeIndex node : candidates.nodes()) {
    if (!nodes_[node.value].open) continue;
    Line& row = line(node);
    make_steps(node, row);
    for (const Step& step : row.steps) {
      if (step.at > from) times.push_back(step.at);
    }
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

Placement Timeline::placement_of(const Shape& shape, PartitionIndex partition, TimePoint at,
                                 std::span<const Offer> chosen) {
  Placement placement{partition, {}};
  for (const Offer& offer : chosen) {
    const Resources& free = room(offer.node, at, shape.key.limit);
    placement.uses.push_back(
        {offer.node, offer.tasks,
         held_by(shape.key.need, nodes_[offer.node.value], free, offer.tasks)});
  }
  return placement;
}

std::optional<Placement> Timeline::place_at(const Shape& shape, const Candidates& candidates,
                                            TimePoint at) {
  struct Late {
    TimePoint freed{};
    Offer offer;
  };
  std::vector<Late> found;
  for (const NodeIndex index : candidates.nodes()) {
    const Node& node = nodes_[index.value];
    if (!node.open) continue;
    const uint32_t tasks = tasks_that_fit(shape.key.need, node, room(index, at, shape.key.limit));
    if (tasks > 0) found.push_back({last_change(index, at), {index, tasks}});
  }
  if (found.size() < shape.key.need.nodes_min) return std::nullopt;
  // What became free last is of least use to others before then.
  std::stable_sort(found.begin(), found.end(),
                   [](const Late& a, const Late& b) { return a.freed > b.freed; });
  std::vector<Offer> offers;
  for (const Late& late : found) offers.push_back(late.offer);
  const auto chosen = choose(shape.key.need, offers, shape.required);
  if (!chosen) return std::nullopt;
  return placement_of(shape, candidates.partition, at, in_order_of(candidates.nodes(), *chosen));
}

TimePoint Timeline::last_change(NodeIndex node, TimePoint at) {
  Line& row = line(node);
  make_steps(node, row);
  const auto after = std::upper_bound(row.steps.begin(), row.steps.end(), at,
                                      [](TimePoint t, const Step& s) { return t < s.at; });
  return (after - 1)->at;
}

std::optional<Slot> Timeline::earliest(const Shape& shape, const Candidates& candidates,
                                       TimePoint from) {
  const std::vector<TimePoint> times = moments(candidates, from);
  const auto slot_at = [&](TimePoint at) -> std::optional<Slot> {
    std::optional<Placement> placement = place_at(shape, candidates, at);
    if (!placement) return std::nullopt;
    return Slot{at, shape.key.limit, std::move(*placement)};
  };
  if (any_promise_) {
    for (const TimePoint at : times) {
      if (std::optional<Slot> slot = slot_at(at)) return slot;
    }
    return std::nullopt;
  }
  std::optional<Slot> best = slot_at(times.back());  // all that runs today has ended
  if (!best) return std::nullopt;
  size_t low = 0;
  size_t high = times.size() - 1;  // fits there
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (std::optional<Slot> slot = slot_at(times[middle])) {
      best = std::move(slot);
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return best;
}

void Timeline::start(const Placement& placement, Seconds length) {
  for (const NodeUse& use : placement.uses) {
    Line& row = line(use.node);
    subtract(row.base, use.held);
    if (row.made)
      take(row, now_, stays_until(now_ + length), use.held);
    else
      row.started.push_back({JobId{}, use.held, now_ + length});
  }
}

void Timeline::block(NodeIndex node, TimePoint from, std::optional<TimePoint> to) {
  from = std::max(from, now_);
  if (to && from >= *to) return;
  Line& row = line(node);
  make_steps(node, row);
  const size_t first = split(row, from);
  const size_t last = to ? split(row, *to) : row.steps.size();
  for (size_t i = first; i < last; ++i) {
    row.steps[i].blocked = true;
    Resources& free = row.steps[i].free;
    free.cpus = 0;
    free.memory_mib = 0;
    for (GresCount& gres : free.gres) gres.count = 0;
  }
  row.promised = true;
  any_promise_ = true;
}

void Timeline::promise(const Slot& slot) {
  for (const NodeUse& use : slot.placement.uses) {
    Line& row = line(use.node);
    make_steps(use.node, row);
    take(row, slot.start, slot.start + slot.length, use.held);
    row.promised = true;
  }
  any_promise_ = true;
}

}  // namespace gd::sched
