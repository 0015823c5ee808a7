#include "server/sched/evictor.h"

#include <algorithm>

namespace gd::sched {

Evictor::Kind Evictor::kind_of(const Standing& standing, uint32_t tier) const {
  const bool by_tier = view_.preempt->by == PreemptRules::By::tier;
  return by_tier ? Kind{0, tier} : Kind{standing.preempts, 0};
}

Worth Evictor::worth_of(const Tenant& tenant) const {
  const uint32_t share = tenant.facts.share;
  const double factor = share < view_.fair_share.size() ? view_.fair_share[share] : 1;
  const Wait wait{tenant.start - tenant.eligible, tenant.limit};
  return {tenant.tier, priority_terms(policy_.weights, tenant.facts, factor, wait).total(),
          tenant.start};
}

const Evictor::Table& Evictor::table_of(const Kind& kind) {
  const auto [place, is_new] = tables_.try_emplace(kind);
  Table& table = place->second;
  if (!is_new) return table;
  std::vector<std::pair<Worth, JobId>> all;
  for (const auto& [job, tenant] : *view_.tenants) {
    if (tenant.ending || !view_.preempt->allows(kind.first, kind.second, tenant)) continue;
    if (tenant.safe_until > view_.now) {
      const auto known = table.next_safe_until.value_or(tenant.safe_until);
      table.next_safe_until = std::min(known, tenant.safe_until);
      continue;
    }
    all.emplace_back(worth_of(tenant), job);
    table.leaves_within = std::max(table.leaves_within, tenant.leaves_within);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first == b.first ? a.second > b.second : a.first < b.first;
  });
  std::map<JobId, uint32_t> places;
  for (const auto& [worth, job] : all) {
    places.emplace(job, static_cast<uint32_t>(table.jobs.size()));
    table.jobs.push_back(job);
  }
  table.on_node.resize(view_.nodes.size());
  for (size_t node = 0; node < view_.nodes.size(); ++node) {
    for (const Share& share : view_.nodes[node].shares) {
      const auto who = places.find(share.job);
      if (who != places.end()) table.on_node[node].push_back({who->second, &share});
    }
  }
  return table;
}

bool Evictor::may_end_somebody(const Standing& standing, const Shape& shape) {
  return std::ranges::any_of(shape.candidates, [&](const Candidates& candidates) {
    const uint32_t tier = view_.partitions[candidates.partition.value].tier;
    const Table& table = table_of(kind_of(standing, tier));
    return !table.jobs.empty() || table.next_safe_until;
  });
}

std::vector<Ground> Evictor::grounds_on(const Candidates& candidates, const Table& table) const {
  std::vector<Ground> grounds;
  for (const NodeIndex index : candidates.nodes()) {
    const Node& node = view_.nodes[index.value];
    if (!node.open) continue;
    Ground ground{.node = index, .ending = {}, .held = {}};
    for (const Share& share : node.shares) {
      const auto tenant = view_.tenants->find(share.job);
      const bool ends = tenant != view_.tenants->end() && tenant->second.ending;
      if (ends && !leaving_.contains(share.job)) ground.ending.push_back(&share);
    }
    for (const Ground::Held& held : table.on_node[index.value]) {
      if (!leaving_.contains(held.share->job)) ground.held.push_back(held);
    }
    grounds.push_back(std::move(ground));
  }
  return grounds;
}

std::optional<Preemption> Evictor::find(ShapeId id, const Shape& shape, uint32_t which,
                                        const Standing& standing) {
  const Candidates& candidates = shape.candidates[which];
  const Kind kind = kind_of(standing, view_.partitions[candidates.partition.value].tier);
  const Table& table = table_of(kind);
  if (table.jobs.empty() && !table.next_safe_until) return std::nullopt;
  if (searches_ >= policy_.victim_search_limit || fruitless_.contains({id, which, kind})) {
    return std::nullopt;
  }
  ++searches_;
  const std::vector<Ground> grounds = grounds_on(candidates, table);
  const Seconds length = shape.key.limit + table.leaves_within;  // it starts when all are gone
  const RoomWithout room = [&](NodeIndex node, std::span<const Share* const> gone) {
    return timeline_.room_without(node, gone, length);
  };
  const auto victims = choose_victims(shape.key.need, shape.required, view_.nodes, grounds, room);
  if (!victims) {
    fruitless_.insert({id, which, kind});
    if (table.next_safe_until) {
      again_at_ = std::min(again_at_.value_or(*table.next_safe_until), *table.next_safe_until);
    }
    return std::nullopt;
  }
  Preemption chosen;
  for (const uint32_t who : victims->who) chosen.victims.push_back(table.jobs[who]);
  chosen.awaits = chosen.victims;
  chosen.placement.partition = candidates.partition;
  for (const Offer& offer : in_order_of(candidates.nodes(), victims->nodes)) {
    const auto ground = std::ranges::find(grounds, offer.node, &Ground::node);
    std::vector<const Share*> gone = ground->ending;
    for (const Share* share : gone) chosen.awaits.push_back(share->job);
    for (const Share& share : view_.nodes[offer.node.value].shares) {
      // Whoever leaves for another job: that one may find its place clear before.
      if (leaving_.contains(share.job)) chosen.awaits.push_back(share.job);
    }
    for (const Ground::Held& held : ground->held) {
      if (std::ranges::count(victims->who, held.who) > 0) gone.push_back(held.share);
    }
    const Resources free = timeline_.room_without(offer.node, gone, length);
    chosen.placement.uses.push_back(
        {offer.node, offer.tasks,
         held_by(shape.key.need, view_.nodes[offer.node.value], free, offer.tasks)});
  }
  std::sort(chosen.awaits.begin(), chosen.awaits.end());
  chosen.awaits.erase(std::unique(chosen.awaits.begin(), chosen.awaits.end()), chosen.awaits.end());
  return chosen;
}

void Evictor::commit(const Preemption& chosen, Seconds limit) {
  for (uint32_t node = 0; node < view_.nodes.size(); ++node) {
    for (const Share& share : view_.nodes[node].shares) {
      const bool goes = std::binary_search(chosen.awaits.begin(), chosen.awaits.end(), share.job);
      if (goes && !leaving_.contains(share.job)) timeline_.expel(NodeIndex{node}, share);
    }
  }
  leaving_.insert(chosen.awaits.begin(), chosen.awaits.end());
  timeline_.promise({view_.now + kMoment, limit, chosen.placement});
}

}  // namespace gd::sched
