// A pass in the making, for plan.cc and outlook.cc. What a pass finds out is remembered by shape
// and by fit class, since within a pass room only shrinks: what finds none now finds none later
// in it.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "server/sched/evictor.h"
#include "server/sched/explain.h"
#include "server/sched/node_set.h"
#include "server/sched/pass_parts.h"
#include "server/sched/turns.h"

namespace gd::sched {

class Pass {
 public:
  // `line`: of which reservation, 0 of none. The view is then a ReservedView's.
  Pass(const Policy& policy, const View& view, uint32_t line = 0,
       std::shared_ptr<Common> common = nullptr)
      : policy_(policy),
        view_(view),
        line_(line),
        leaving_(leaving_in(view)),
        timeline_(view.nodes, view.now, view.preempt == nullptr ? nullptr : &leaving_),
        partitions_(view.partitions.size()),
        full_(view.shapes.fit_classes()),
        sets_(view.shapes.set_slots()),
        dropped_(view.shapes.slots()),
        common_(common != nullptr ? std::move(common) : std::make_shared<Common>(view)),
        used_(common_->used),
        licences_(common_->licences),
        array_room_(common_->array_room) {
    keep_reserved(timeline_, view, line);
    for (const Reservation& reservation : view.reservations) {
      for (const NodeIndex node : reservation.nodes) {  // of one that is over nothing is promised
        if (timeline_.promised(node)) promised_.push_back(node);
      }
    }
    std::sort(promised_.begin(), promised_.end());
    promised_.erase(std::unique(promised_.begin(), promised_.end()), promised_.end());
    for (const Node& node : view.nodes) {
      if (!node.open) continue;
      most_cpus_free_ = std::max(most_cpus_free_, node.free.cpus);
      cpus_free_ += node.free.cpus;
    }
    if (view.preempt != nullptr) evictor_.emplace(policy_, view_, timeline_, leaving_);
    keep_takeovers();
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // All of the queue, or what stands before `until`.
  void run(const Rank* until = nullptr) {
    std::vector<Head> heads = all_heads();
    Turns turns(ranks_of(heads));
    while (!turns.empty()) {
      if (until != nullptr && !Later{}(*until, turns.top())) break;
      if (plan_.starts.size() >= policy_.start_limit) {
        plan_.more = true;
        break;
      }
      const uint32_t lane = turns.top().lane;
      Head& head = heads[lane];
      turns.pop();
      if (dropped_[head.shape.value] && !may_end_somebody(head)) continue;
      const Next next = visit(head);
      if (next == Next::drop_shape)
        dropped_[head.shape.value] = true;
      else if (next == Next::same_shape && (head.left > 0 || next_job(head)))
        turns.push(rank_of(head, lane));
    }
  }

  Plan take_plan() {
    if (evictor_) look_again(evictor_->again_at());
    return std::move(plan_);
  }

 protected:
  enum class Next { same_shape, drop_shape, drop_lane };

  struct PartitionPass {
    uint32_t promises = 0;
    bool stopped = false;  // FIFO: nothing overtakes
  };

  std::vector<Head> all_heads() const {
    std::vector<Head> heads;
    heads.reserve(view_.queue.by_shape().size());
    for (const auto& [shape, lanes] : view_.queue.by_shape()) {
      if (view_.shapes[shape].key.reservation != line_) continue;
      for (const auto& [standing, jobs] : lanes) {
        heads.push_back({.job = jobs.begin(),
                         .end = jobs.end(),
                         .standing = &standing,
                         .shape = shape,
                         .left = jobs.begin()->count});
      }
    }
    return heads;
  }

  [[nodiscard]] std::vector<Rank> ranks_of(const std::vector<Head>& heads) const {
    std::vector<Rank> ranks;
    ranks.reserve(heads.size());
    for (const Head& head : heads) {
      ranks.push_back(rank_of(head, static_cast<uint32_t>(ranks.size())));
    }
    return ranks;
  }

  [[nodiscard]] Rank rank_of(const Head& head, uint32_t lane = 0) const {
    return rank_of(head, view_.shapes[head.shape].key.limit, lane);
  }
  [[nodiscard]] Rank rank_of(const Head& head, Seconds limit, uint32_t lane) const {
    const PriorityFacts& facts = head.standing->facts;
    const double factor = facts.share < view_.fair_share.size() ? view_.fair_share[facts.share] : 1;
    const Wait wait{view_.now - head.job->eligible, limit};
    return {.priority = priority_terms(policy_.weights, facts, factor, wait).total(),
            .tier = head.standing->tier,
            .job = head.job->job,
            .lane = lane};
  }

  static bool next_job(Head& head) {
    if (++head.job == head.end) return false;
    head.left = head.job->count;
    return true;
  }

  // Another lane of its shape found no room: only who may end others need be looked at.
  bool may_end_somebody(const Head& head) {
    return evictor_ && evictor_->may_end_somebody(*head.standing, view_.shapes[head.shape]);
  }

  // One start; what else of its array waits is looked at again.
  Next visit(Head& head) {
    const Shape& shape = view_.shapes[head.shape];
    const JobId job = head.job->job;
    if (taken_over_.contains(job)) {
      head.left = 0;
      return Next::same_shape;
    }
    const auto room = array_room_.find(head.job->array);
    if (room != array_room_.end() && room->second == 0) {
      plan_.verdicts.push_back({job, Reason::job_array_task_limit});
      head.left = 0;
      return Next::same_shape;
    }
    if (!shape.possible()) return give_up(head, Reason::partition_config);
    const ClaimId claim = head.standing->claim;
    if (claim.value != 0) {
      if (const auto lack = view_.limits->shortage(claim, asked_of(head.shape, shape), used_)) {
        return over_limit(head, *lack);
      }
    }
    if (dropped_[head.shape.value]) {
      const bool licensed = licences_.has_room(shape.key.licences, shape.key.limit);
      return licensed && make_room(head, shape) ? Next::same_shape : Next::drop_lane;
    }
    if (!licences_.has_room(shape.key.licences, shape.key.limit)) {
      return lacks_licence(head, shape);
    }
    if (std::optional<Placement> placement = place_now(head.shape, shape)) {
      if (claim.value != 0) {  // it may be given more than it asks for
        const Amounts held = view_.limits->held(placement->uses, shape.key.limit);
        if (const auto lack = view_.limits->shortage(claim, held, used_)) {
          return over_limit(head, *lack);
        }
        view_.limits->take(claim, held, used_);
      }
      begin(*placement, shape.key.limit);
      licences_.start(shape.key.licences, shape.key.limit);
      plan_.starts.push_back({job, std::move(*placement)});
      if (room != array_room_.end()) --room->second;
      --head.left;
      return Next::same_shape;
    }
    if (make_room(head, shape)) return Next::same_shape;
    --head.left;
    return hold_back(head, shape);
  }

  // pass_preempt.cc
  void keep_takeovers();
  bool has_place(const Takeover& each, const Shape& shape);
  void keep_rest(const Takeover& each, Seconds limit);
  [[nodiscard]] bool has_gone(const Takeover& each) const;  // who it awaits, from its nodes
  bool is_clear(const Takeover& each, Seconds limit);
  bool make_room(Head& head, const Shape& shape);

  // Of one shape at a time: its lanes are looked at in turn.
  const Amounts& asked_of(ShapeId id, const Shape& shape) {
    if (asked_shape_ != id) asked_ = view_.limits->asked(shape.key.need, shape.key.limit);
    asked_shape_ = id;
    return asked_;
  }

  void look_again(std::optional<TimePoint> at) {
    if (at) plan_.again_at = std::min(plan_.again_at.value_or(*at), *at);
  }

  // Its lane is alike: none of it can start. Others are not held up.
  Next over_limit(const Head& head, const Shortage& lack) {
    if (const auto after = view_.limits->look_again_after(lack)) look_again(view_.now + *after);
    const Reason reason = view_.limits->reason_of(lack);
    std::string text = view_.limits->limit_text(lack);
    plan_.verdicts.push_back({head.job->job, reason, text});
    plan_.lanes.push_back({head.shape, *head.standing, reason, std::move(text)});
    return Next::drop_lane;
  }

  Next lacks_licence(const Head& head, const Shape& shape) {
    licences_.promise(shape.key.licences, licences_.earliest(shape.key.licences));
    plan_.verdicts.push_back({head.job->job, Reason::licenses});
    plan_.shapes.push_back({head.shape, Reason::licenses});
    return Next::drop_shape;
  }

  Next give_up(const Head& head, Reason reason) {
    plan_.verdicts.push_back({head.job->job, reason});
    plan_.shapes.push_back({head.shape, reason});
    return Next::drop_shape;
  }

  // Blocked in this pass: is it promised a slot, and may others overtake it?
  Next hold_back(const Head& head, const Shape& shape) {
    Reason reason = Reason::none;
    bool promised = false;
    for (const Candidates& candidates : shape.candidates) {
      const Partition& partition = view_.partitions[candidates.partition.value];
      PartitionPass& pass = partitions_[candidates.partition.value];
      if (!candidates.possible) continue;
      if (!partition.up) {
        reason = reason == Reason::none ? Reason::partition_down : reason;
        continue;
      }
      if (pass.stopped ||
          (policy_.reservation_depth > 0 && pass.promises >= policy_.reservation_depth)) {
        reason = Reason::priority;
        continue;
      }
      if (!could_ever_start(shape, candidates)) continue;  // it holds up nobody
      reason = Reason::resources;
      if (policy_.reservation_depth == 0)
        pass.stopped = true;
      else
        promised = promise(head.job->job, shape, candidates, pass);
      break;
    }
    if (reason == Reason::none) {
      return give_up(head, reason_without_nodes(shape, view_.nodes, view_.partitions));
    }
    if (!promised) {
      plan_.verdicts.push_back({head.job->job, reason});
      plan_.shapes.push_back({head.shape, reason == Reason::resources ? Reason::priority : reason});
      return Next::drop_shape;
    }
    plan_.verdicts.push_back({head.job->job, Reason::resources});
    return Next::same_shape;  // it may be promised one more; place_now() remembers that it is full
  }

  bool promise(JobId job, const Shape& shape, const Candidates& candidates, PartitionPass& pass) {
    if (searches_ >= policy_.search_limit) return false;
    ++searches_;
    std::optional<Slot> slot = timeline_.earliest(shape, candidates, view_.now);
    if (!slot) return false;
    timeline_.promise(*slot);
    licences_.promise(shape.key.licences, slot->start);
    note_promised(slot->placement);
    ++pass.promises;
    plan_.promises.push_back({job, slot->start, std::move(slot->placement)});
    return true;
  }

  void note_promised(const Placement& placement) {
    for (const NodeUse& use : placement.uses) {
      const auto place = std::lower_bound(promised_.begin(), promised_.end(), use.node);
      if (place == promised_.end() || *place != use.node) promised_.insert(place, use.node);
    }
  }

  // Would it fit if all that runs on open nodes had ended?
  bool could_ever_start(const Shape& shape, const Candidates& candidates) const {
    std::vector<Offer> offers;
    for (const NodeIndex index : candidates.nodes()) {
      const Node& node = view_.nodes[index.value];
      if (!node.open) continue;
      const uint32_t tasks = tasks_that_fit(shape.key.need, node, node.usable);
      if (tasks > 0) offers.push_back({index, tasks});
    }
    return choose(shape.key.need, offers, shape.required).has_value();
  }

  std::optional<Placement> place_now(ShapeId id, const Shape& shape) {
    const Need& need = shape.key.need;
    if (need.cpus_per_task > most_cpus_free_) return std::nullopt;
    if (uint64_t{need.tasks} * need.cpus_per_task > cpus_free_) return std::nullopt;
    for (uint32_t i = 0; i < shape.candidates.size(); ++i) {
      const Candidates& candidates = shape.candidates[i];
      const PartitionIndex partition = candidates.partition;
      if (!candidates.possible || !view_.partitions[partition.value].up) continue;
      if (partitions_[partition.value].stopped) continue;
      if (is_full(shape, i) || blocked_.contains({id, i})) continue;
      if (std::optional<Placement> placement = place_in(id, shape, i)) return placement;
    }
    return std::nullopt;
  }

  std::optional<Placement> place_in(ShapeId id, const Shape& shape, uint32_t which) {
    const Candidates& candidates = shape.candidates[which];
    if (shape.key.need.nodes_min == 1 && shape.required.empty()) {
      if (auto placement = place_on_one(shape, which)) return placement;
      if (shape.key.need.nodes_max == 1 || shape.key.need.tasks == 1) {
        blocked_.insert({id, which});
        return std::nullopt;
      }
    }
    bool promise_in_the_way = false;
    const std::vector<Offer> offers = offers_now(shape, candidates, promise_in_the_way);
    if (const auto chosen = choose(shape.key.need, offers, shape.required)) {
      return timeline_.placement_of(shape, candidates.partition, view_.now,
                                    in_order_of(candidates.nodes(), *chosen));
    }
    if (!promise_in_the_way) full_[shape.fit_class].push_back(which);
    blocked_.insert({id, which});
    return std::nullopt;
  }

  // Nodes that take at least one task. Who ends before a promise begins takes its nodes first,
  // and leaves the others to longer jobs.
  std::vector<Offer> offers_now(const Shape& shape, const Candidates& candidates,
                                bool& promise_in_the_way) {
    const Need& need = shape.key.need;
    std::vector<Offer> offers;
    for (const NodeIndex index : promised_) {
      const uint32_t room = candidates.set->contains(index) ? tasks_now(index, shape) : 0;
      if (room == 0) continue;
      const uint32_t tasks = tasks_beside_promises(index, shape, room);
      promise_in_the_way = promise_in_the_way || tasks < room;
      if (tasks > 0) offers.push_back({index, tasks});
    }
    // One task a node, wherever: the first nodes are as good as all of them.
    const bool first_will_do = need.tasks == need.nodes_min && shape.required.empty();
    const SetIndex& set = index_of(*candidates.set);
    const FreeAmounts least = least_of(need, 1);
    for (size_t at = set.free.next(0, least); at != FreeIndex::kNone;
         at = set.free.next(at + 1, least)) {
      if (first_will_do && offers.size() >= need.nodes_min) break;
      const NodeIndex index = candidates.nodes()[at];
      if (timeline_.promised(index)) continue;
      const uint32_t tasks = tasks_now(index, shape);
      if (tasks > 0) offers.push_back({index, tasks});
    }
    return offers;
  }

  // The first node that takes all of it.
  std::optional<Placement> place_on_one(const Shape& shape, uint32_t which) {
    const Candidates& candidates = shape.candidates[which];
    const Need& need = shape.key.need;
    if (auto placement = place_on_promised(shape, candidates)) return placement;
    bool promise_in_the_way = false;
    const SetIndex& set = index_of(*candidates.set);
    const FreeAmounts least = least_of(need, need.tasks);
    for (size_t at = set.free.next(0, least); at != FreeIndex::kNone;
         at = set.free.next(at + 1, least)) {
      const NodeIndex index = candidates.nodes()[at];
      const uint32_t room = tasks_now(index, shape);
      if (room < need.tasks) continue;
      if (tasks_beside_promises(index, shape, room) < need.tasks) {
        promise_in_the_way = true;
        continue;
      }
      const Offer offer{index, need.tasks};
      return timeline_.placement_of(shape, candidates.partition, view_.now, {&offer, 1});
    }
    // No node has room for it: nor for others that differ in their limit only.
    const bool only_one = need.nodes_max == 1 || need.tasks == 1;
    if (only_one && !promise_in_the_way) full_[shape.fit_class].push_back(which);
    return std::nullopt;
  }

  // A node that is promised for later, if the job will have ended by then.
  std::optional<Placement> place_on_promised(const Shape& shape, const Candidates& candidates) {
    const uint32_t tasks = shape.key.need.tasks;
    for (const NodeIndex index : promised_) {
      const uint32_t room = tasks_now(index, shape);
      if (room < tasks || tasks_beside_promises(index, shape, room) < tasks) continue;
      if (!candidates.set->contains(index)) continue;
      const Offer offer{index, tasks};
      return timeline_.placement_of(shape, candidates.partition, view_.now, {&offer, 1});
    }
    return std::nullopt;
  }

  // By what is free now, whatever is promised for later.
  uint32_t tasks_now(NodeIndex index, const Shape& shape) const {
    const Node& node = view_.nodes[index.value];
    const Resources& free = timeline_.free_now(index);
    if (!node.open || free.cpus < shape.key.need.cpus_per_task) return 0;
    return tasks_that_fit(shape.key.need, node, free);
  }

  uint32_t tasks_beside_promises(NodeIndex index, const Shape& shape, uint32_t now) {
    if (!timeline_.promised(index)) return now;
    return tasks_that_fit(shape.key.need, view_.nodes[index.value],
                          timeline_.room(index, view_.now, shape.key.limit));
  }

  // What a node must have free at least to take so many tasks.
  static FreeAmounts least_of(const Need& need, uint32_t tasks) {
    const uint64_t cpus = uint64_t{tasks} * need.cpus_per_task;
    FreeAmounts least;
    least.cpus = static_cast<uint32_t>(std::min<uint64_t>(cpus, kNoLimit));
    least.memory_mib =
        need.memory_per_node_mib.value_or(need.memory_per_cpu_mib.value_or(0) * cpus);
    least.whole = need.exclusive;
    return least;
  }

  FreeAmounts amounts_of(NodeIndex index) const {
    const Node& node = view_.nodes[index.value];
    if (!node.open) return {};
    const Resources& free = timeline_.free_now(index);
    return {free.cpus, free.memory_mib, free.cpus == node.usable.cpus};
  }

  const SetIndex& index_of(const NodeSet& set) {
    std::optional<SetIndex>& index = sets_[set.id];
    if (!index) {
      std::vector<FreeAmounts> places;
      std::vector<uint32_t> place_of(view_.nodes.size());
      for (const NodeIndex node : set.nodes) {
        places.push_back(amounts_of(node));
        place_of[node.value] = static_cast<uint32_t>(places.size());
      }
      index.emplace(SetIndex{FreeIndex(places), std::move(place_of)});
    }
    return *index;
  }

  void begin(const Placement& placement, Seconds limit) {
    timeline_.start(placement, limit);
    for (const NodeUse& use : placement.uses) {
      cpus_free_ -= use.held.cpus;
      for (std::optional<SetIndex>& index : sets_) {
        const uint32_t place = index ? index->place_of[use.node.value] : 0;
        if (place > 0) index->free.set(place - 1, amounts_of(use.node));
      }
    }
  }

  bool is_full(const Shape& shape, uint32_t which) const {
    const std::vector<uint32_t>& full = full_[shape.fit_class];
    return std::find(full.begin(), full.end(), which) != full.end();
  }

  const Policy& policy_;
  const View& view_;
  const uint32_t line_;
  std::set<JobId> leaving_;  // gone in a moment; timeline_ looks at it
  Timeline timeline_;
  Plan plan_;
  std::vector<PartitionPass> partitions_;
  std::vector<std::vector<uint32_t>> full_;         // by fit class: candidates without room now
  std::set<std::pair<ShapeId, uint32_t>> blocked_;  // shape and candidates: none for its limit
  std::vector<std::optional<SetIndex>> sets_;       // by NodeSet::id, made when asked for
  std::vector<bool> dropped_;                       // by shape: a lane of it found no room
  std::optional<Evictor> evictor_;                  // where preemption is configured
  std::set<JobId> taken_over_;                      // takeovers: not for their lanes
  std::vector<NodeIndex> promised_;                 // by index; promises of this pass take them
  uint32_t most_cpus_free_ = 0;                     // on one node, when the pass began
  uint64_t cpus_free_ = 0;  // on all open nodes, less what this pass has started
  uint32_t searches_ = 0;
  std::shared_ptr<Common> common_;
  std::vector<uint64_t>& used_;  // of common_, as the next two
  LicencePass& licences_;
  std::map<JobId, uint32_t>& array_room_;
  Amounts asked_;  // of asked_shape_
  std::optional<ShapeId> asked_shape_;
};

}  // namespace gd::sched
