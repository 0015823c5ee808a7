// What a pass keeps for those for whom others are being ended, and whom it ends for more of them.
#include "server/sched/pass.h"

namespace gd::sched {

Common::Common(const View& view) : licences(view.licences, view.now) {
  if (view.limits != nullptr) used = view.limits->used(view.now);
  if (view.array_room != nullptr) array_room = *view.array_room;
  for (const Takeover& each : view.takeovers) {
    const ShapeKey& key = view.shapes[each.shape].key;
    const auto room = array_room.find(each.array);
    const bool full = room != array_room.end() && room->second == 0;
    if (view.preempt == nullptr || full || !licences.has_room(key.licences, key.limit)) continue;
    if (room != array_room.end()) --room->second;
    licences.start(key.licences, key.limit);
    if (each.claim.value != 0) {
      view.limits->take(each.claim, view.limits->held(each.placement.uses, key.limit), used);
    }
    kept.insert(each.job);
  }
}

std::set<JobId> leaving_in(const View& view) {
  std::set<JobId> leaving;
  for (const Takeover& each : view.takeovers) {
    for (const JobId job : each.awaits) {
      if (is_ending(view, job)) leaving.insert(job);
    }
  }
  return leaving;
}

bool is_ending(const View& view, JobId job) {
  if (view.tenants == nullptr) return false;
  const auto tenant = view.tenants->find(job);
  return tenant != view.tenants->end() && tenant->second.ending;
}

// Is what is kept for it there, now or in a moment: when those are gone that it awaits?
bool Pass::has_place(const Takeover& each, const Shape& shape) {
  const PartitionIndex partition = each.placement.partition;
  const auto candidates = std::ranges::find(shape.candidates, partition, &Candidates::partition);
  const bool may_be_there = !each.placement.uses.empty() && candidates != shape.candidates.end() &&
                            view_.partitions[partition.value].up;
  if (!may_be_there) return false;
  return std::ranges::all_of(each.placement.uses, [&](const NodeUse& use) {
    return view_.nodes[use.node.value].open && candidates->set->contains(use.node) &&
           fits_in(use.held, timeline_.room_without(use.node, {}, shape.key.limit));
  });
}

// Room that is there before those have gone is what another one keeps, who awaits fewer of them.
bool Pass::has_gone(const Takeover& each) const {
  const auto is_awaited = [&](const Share& share) {
    return std::ranges::count(each.awaits, share.job) > 0 && is_ending(view_, share.job);
  };
  return std::ranges::none_of(each.placement.uses, [&](const NodeUse& use) {
    return std::ranges::any_of(view_.nodes[use.node.value].shares, is_awaited);
  });
}

bool Pass::is_clear(const Takeover& each, Seconds limit) {
  return has_gone(each) && std::ranges::all_of(each.placement.uses, [&](const NodeUse& use) {
           return fits_in(use.held, timeline_.free_now(use.node)) &&
                  fits_in(use.held, timeline_.room(use.node, view_.now, limit));
         });
}

// What is still there of a place that is not there as a whole: its node may be back in a moment.
void Pass::keep_rest(const Takeover& each, Seconds limit) {
  Placement rest{each.placement.partition, {}};
  for (const NodeUse& use : each.placement.uses) {
    const bool there = view_.nodes[use.node.value].open &&
                       fits_in(use.held, timeline_.room_without(use.node, {}, limit));
    if (there) rest.uses.push_back(use);
  }
  timeline_.promise({view_.now + kMoment, limit, rest});
  note_promised(rest);
}

void Pass::keep_takeovers() {
  for (const Takeover& each : view_.takeovers) {
    const Shape& shape = view_.shapes[each.shape];
    const Seconds limit = shape.key.limit;
    const bool there = has_place(each, shape);
    if (shape.key.reservation != line_) {  // another line's job, on nodes that this one may see
      if (there) timeline_.promise({view_.now + kMoment, limit, each.placement});
      continue;
    }
    taken_over_.insert(each.job);
    const bool clear = there && is_clear(each, limit);
    if (!there || !common_->kept.contains(each.job)) {
      plan_.dropped.push_back(each.job);
      keep_rest(each, limit);
    } else if (clear) {
      begin(each.placement, limit);
      plan_.starts.push_back({each.job, each.placement});
    } else {
      timeline_.promise({view_.now + kMoment, limit, each.placement});
      note_promised(each.placement);
      TimePoint at = view_.now + kMoment;
      for (const JobId job : each.awaits) {
        if (is_ending(view_, job)) at = std::max(at, view_.tenants->at(job).gone_by);
      }
      plan_.promises.push_back({each.job, at, each.placement});
      plan_.verdicts.push_back({each.job, Reason::resources});
    }
  }
}

bool Pass::make_room(Head& head, const Shape& shape) {
  if (!evictor_ || plan_.preemptions.size() >= policy_.preempt_limit) return false;
  for (uint32_t which = 0; which < shape.candidates.size(); ++which) {
    const Candidates& candidates = shape.candidates[which];
    const PartitionIndex partition = candidates.partition;
    if (!candidates.possible || !view_.partitions[partition.value].up) continue;
    if (partitions_[partition.value].stopped) continue;
    std::optional<Preemption> chosen = evictor_->find(head.shape, shape, which, *head.standing);
    if (!chosen) continue;
    const ClaimId claim = head.standing->claim;
    if (claim.value != 0) {  // it may be given more than it asks for
      const Amounts held = view_.limits->held(chosen->placement.uses, shape.key.limit);
      if (view_.limits->shortage(claim, held, used_)) return false;
      view_.limits->take(claim, held, used_);
    }
    evictor_->commit(*chosen, shape.key.limit);
    note_promised(chosen->placement);
    licences_.start(shape.key.licences, shape.key.limit);
    const auto room = array_room_.find(head.job->array);
    if (room != array_room_.end()) --room->second;
    chosen->job = head.job->job;
    plan_.preemptions.push_back(*std::move(chosen));
    --head.left;
    return true;
  }
  return false;
}

}  // namespace gd::sched
