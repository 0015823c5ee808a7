// A pass that stops at one job's turn, and what it would do then.
#include "server/sched/outlook.h"

#include "server/sched/pass.h"

namespace gd::sched {

class Outlook::PassUntil : public Pass {
 public:
  PassUntil(const Policy& policy, const View& view, const Turn& turn)
      : Pass(policy, view, turn.reservation) {
    only_.insert(turn.key);
    standing_ = turn.standing;
    const Head head{.job = only_.begin(),
                    .end = only_.end(),
                    .standing = &standing_,
                    .shape = {},
                    .left = turn.key.count};
    turn_ = rank_of(head, turn.limit, 0);
    count_before();
    run(&turn_);
  }

  uint64_t before = 0;
  std::optional<Rank> first;

  [[nodiscard]] const Plan& so_far() const { return plan_; }

  std::optional<Shortage> lack(const Shape& shape, ClaimId claim) const {
    if (claim.value == 0) return std::nullopt;
    return view_.limits->shortage(claim, view_.limits->asked(shape.key.need, shape.key.limit),
                                  used_);
  }
  [[nodiscard]] bool licensed(const Shape& shape) const {
    return licences_.has_room(shape.key.licences, shape.key.limit);
  }
  // A shape that is not of the table: what is remembered of shapes does not hold for it.
  bool could_start(const Shape& shape, ClaimId claim) {
    if (!shape.possible() || lack(shape, claim) || !licensed(shape)) return false;
    for (const Candidates& candidates : shape.candidates) {
      const PartitionIndex partition = candidates.partition;
      if (!candidates.possible || !view_.partitions[partition.value].up) continue;
      if (partitions_[partition.value].stopped) continue;
      const auto placement = timeline_.place_at(shape, candidates, view_.now);
      if (!placement) continue;
      return claim.value == 0 ||
             !view_.limits->shortage(claim, view_.limits->held(placement->uses, shape.key.limit),
                                     used_);
    }
    return false;
  }
  std::optional<Promise> soonest(const Shape& shape) {
    std::optional<Promise> best;
    for (const Candidates& candidates : shape.candidates) {
      if (!candidates.possible || !view_.partitions[candidates.partition.value].up) continue;
      std::optional<Slot> slot = timeline_.earliest(shape, candidates, view_.now);
      if (!slot || (best && best->at <= slot->start)) continue;
      best = Promise{JobId{}, slot->start, std::move(slot->placement)};
    }
    if (best) best->at = std::max(best->at, licences_.earliest(shape.key.licences));
    return best;
  }

 private:
  void count_before() {
    for (Head head : all_heads()) {
      for (Rank rank = rank_of(head); Later{}(turn_, rank); rank = rank_of(head)) {
        before += head.job->count;
        if (!first || Later{}(*first, rank)) first = rank;
        if (!next_job(head)) break;
      }
    }
  }

  PendingQueue::Jobs only_;
  Standing standing_;
  Rank turn_;
};

Outlook::Outlook(const Policy& policy, const View& view, const Turn& turn) {
  const View* seen = &view;
  for (const Reservation& reservation : view.reservations) {
    if (reservation.id != turn.reservation) continue;
    reserved_ = std::make_unique<ReservedView>(view, reservation);
    seen = &reserved_->view;
  }
  pass_ = std::make_unique<PassUntil>(policy, *seen, turn);
  before_ = pass_->before;
  if (pass_->first) first_ = pass_->first->job;
}

Outlook::~Outlook() = default;

const std::vector<Promise>& Outlook::promises() const {
  return pass_->so_far().promises;
}

bool Outlook::starts(const Shape& shape, ClaimId claim) {
  return pass_->could_start(shape, claim);
}

std::optional<Shortage> Outlook::shortage(const Shape& shape, ClaimId claim) const {
  return pass_->lack(shape, claim);
}

bool Outlook::has_licences(const Shape& shape) const {
  return pass_->licensed(shape);
}

std::optional<Promise> Outlook::earliest(const Shape& shape) {
  return pass_->soonest(shape);
}

}  // namespace gd::sched
