#include "server/sched/plan.h"

#include <optional>

#include "server/sched/pass.h"

namespace gd::sched {

Plan plan(const Policy& policy, const View& view) {
  Pass pass(policy, view);
  pass.run();
  return pass.take_plan();
}

std::optional<Promise> foresee(const View& view, const Shape& shape) {
  Timeline timeline(view.nodes, view.now);
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
