// The lines of a plan: those of the reservations, and the one of all others.
#include "server/sched/plan.h"

#include <optional>
#include <set>

#include "server/sched/pass.h"

namespace gd::sched {

namespace {

void append(Plan& plan, Plan more) {
  const auto add = [](auto& to, auto& from) {
    if (to.empty()) return to.swap(from);
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  add(plan.starts, more.starts);
  add(plan.promises, more.promises);
  add(plan.verdicts, more.verdicts);
  add(plan.shapes, more.shapes);
  add(plan.lanes, more.lanes);
  add(plan.preemptions, more.preemptions);
  add(plan.dropped, more.dropped);
  if (more.again_at)
    plan.again_at = std::min(plan.again_at.value_or(*more.again_at), *more.again_at);
  plan.more = plan.more || more.more;
}

// Whatever its jobs lack, it is the reservation's beginning that they wait for.
void say_reservation(Plan& plan) {
  const auto change = [](Reason& reason) {
    const bool of_nodes = reason == Reason::resources || reason == Reason::priority ||
                          reason == Reason::req_node_not_avail || reason == Reason::nodes_down;
    if (of_nodes) reason = Reason::reservation;
  };
  for (Verdict& verdict : plan.verdicts) change(verdict.reason);
  for (ShapeVerdict& verdict : plan.shapes) change(verdict.reason);
}

std::set<uint32_t> lines_of(const View& view) {
  std::set<uint32_t> lines;
  if (view.reservations.empty()) return lines;
  for (const auto& [shape, lanes] : view.queue.by_shape()) {
    lines.insert(view.shapes[shape].key.reservation);
  }
  return lines;
}

}  // namespace

void keep_reserved(Timeline& timeline, const View& view, uint32_t own) {
  for (const Reservation& reservation : view.reservations) {
    for (const NodeIndex node : reservation.nodes) {
      if (reservation.id == own) {
        timeline.block(node, view.now, reservation.start);
        timeline.block(node, reservation.end, std::nullopt);
      } else {
        timeline.block(node, reservation.start, reservation.end);
      }
    }
  }
}

ReservedView::ReservedView(const View& whole, const Reservation& reservation)
    : nodes(whole.nodes.size()), view(whole) {
  for (const NodeIndex node : reservation.nodes) nodes[node.value] = whole.nodes[node.value];
  view.nodes = nodes;
}

Plan plan(const Policy& policy, const View& view) {
  const auto common = std::make_shared<Common>(view);
  Plan result;
  const std::set<uint32_t> lines = lines_of(view);
  for (const Reservation& reservation : view.reservations) {
    if (!lines.contains(reservation.id)) continue;
    const ReservedView own(view, reservation);
    Pass pass(policy, own.view, reservation.id, common);
    pass.run();
    Plan part = pass.take_plan();
    if (view.now < reservation.start) say_reservation(part);
    append(result, std::move(part));
  }
  Pass pass(policy, view, 0, common);
  pass.run();
  append(result, pass.take_plan());
  return result;
}

std::optional<Promise> foresee(const View& whole, const Shape& shape) {
  std::optional<ReservedView> own;
  for (const Reservation& reservation : whole.reservations) {
    if (reservation.id == shape.key.reservation) own.emplace(whole, reservation);
  }
  const View& view = own ? own->view : whole;
  Timeline timeline(view.nodes, view.now);
  keep_reserved(timeline, view, shape.key.reservation);
  std::optional<Promise> best;
  for (const Candidates& candidates : shape.candidates) {
    if (!candidates.possible || !view.partitions[candidates.partition.value].up) continue;
    std::optional<Slot> slot = timeline.earliest(shape, candidates, view.now);
    if (!slot || (best && best->at <= slot->start)) continue;
    best = Promise{JobId{}, slot->start, std::move(slot->placement)};
  }
  return best;
}

}  // namespace gd::sched
