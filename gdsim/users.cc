#include "gdsim/users.h"

#include "base/check.h"

namespace gd::sim {

namespace {

constexpr Seconds kRankEvery{300};

}  // namespace

uint32_t Users::share_of(uint32_t user) {
  const auto [place, is_new] = shares_.try_emplace(user, static_cast<uint32_t>(usage_.size()));
  if (is_new) {
    usage_.emplace_back();
    factors_.push_back(1);
  }
  return place->second;
}

void Users::began(uint32_t user, uint32_t cpus, TimePoint at) {
  usage_[share_of(user)].running[at] += cpus;
}

void Users::ended(uint32_t user, uint32_t cpus, TimePoint began, TimePoint at) {
  Usage& usage = usage_[share_of(user)];
  const auto running = usage.running.find(began);
  GD_CHECK(running != usage.running.end() && running->second >= cpus, user);
  running->second -= cpus;
  if (running->second == 0) usage.running.erase(running);
  sched::charge(usage.ended, cpus, began, at, half_life_);
}

void Users::rank(TimePoint now) {
  if (ever_ranked_ && now - ranked_ < kRankEvery) return;
  ever_ranked_ = true;
  ranked_ = now;
  std::vector<sched::FairNode> tree(1);
  for (const Usage& usage : usage_) {
    sched::FairNode leaf;
    leaf.usage = sched::faded(usage.ended, now, half_life_);
    for (const auto& [began, cpus] : usage.running) {
      leaf.usage += sched::usage_of_run(cpus, began, now, half_life_);
    }
    tree.push_back(leaf);
  }
  const std::vector<sched::FairRank> ranks = sched::fair_tree_ranks(tree);
  for (size_t i = 0; i < factors_.size(); ++i) factors_[i] = ranks[i + 1].factor;
}

}  // namespace gd::sim
