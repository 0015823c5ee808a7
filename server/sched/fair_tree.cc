// Ranking from the root down, and usage that fades.
#include "server/sched/fair_tree.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"

namespace gd::sched {

namespace {

double seconds(std::chrono::duration<double> length) {
  return length.count();
}

struct Ranking {
  explicit Ranking(std::span<const FairNode> all)
      : tree(all), ranks(all.size()), children(all.size()) {
    for (uint32_t i = 0; i < tree.size(); ++i) {
      ranks[i].usage = tree[i].usage;
      if (i == 0) continue;
      GD_CHECK(tree[i].parent < i, i, tree[i].parent);
      children[tree[i].parent].push_back(i);
    }
    for (size_t i = tree.size(); i-- > 1;) ranks[tree[i].parent].usage += ranks[i].usage;
  }

  void set_levels() {
    for (const std::vector<uint32_t>& siblings : children) {
      double shares = 0;
      double usage = 0;
      for (const uint32_t i : siblings) {
        shares += tree[i].shares;
        usage += ranks[i].usage;
      }
      for (const uint32_t i : siblings) ranks[i].level = level(i, shares, usage);
    }
  }

  double level(uint32_t i, double all_shares, double all_usage) const {
    if (tree[i].shares == 0) return 0;
    if (ranks[i].usage <= 0) return std::numeric_limits<double>::infinity();
    return tree[i].shares / all_shares / (ranks[i].usage / all_usage);
  }

  // Groups of equal leaves, the first in line first.
  std::vector<std::vector<uint32_t>> leaves_in_order() const {
    std::vector<std::vector<uint32_t>> order;
    std::vector<std::vector<uint32_t>> open{{0}};  // the top is the next in line
    while (!open.empty()) {
      const std::vector<uint32_t> group = std::move(open.back());
      open.pop_back();
      std::vector<uint32_t> leaves;
      std::vector<uint32_t> below;
      for (const uint32_t i : group) {
        if (children[i].empty() && tree[i].user) leaves.push_back(i);
        below.insert(below.end(), children[i].begin(), children[i].end());
      }
      if (!leaves.empty()) order.push_back(std::move(leaves));
      std::stable_sort(below.begin(), below.end(),
                       [&](uint32_t a, uint32_t b) { return ranks[a].level < ranks[b].level; });
      for (size_t i = 0; i < below.size();) {
        std::vector<uint32_t> equal;
        const double here = ranks[below[i]].level;
        for (; i < below.size() && ranks[below[i]].level == here; ++i) equal.push_back(below[i]);
        open.push_back(std::move(equal));
      }
    }
    return order;
  }

  void set_factors() {
    const std::vector<std::vector<uint32_t>> order = leaves_in_order();
    size_t leaves = 0;
    for (const auto& group : order) leaves += group.size();
    size_t before = 0;
    for (const auto& group : order) {
      for (const uint32_t i : group) {
        ranks[i].factor = static_cast<double>(leaves - before) / static_cast<double>(leaves);
      }
      before += group.size();
    }
  }

  std::span<const FairNode> tree;
  std::vector<FairRank> ranks;
  std::vector<std::vector<uint32_t>> children;
};

}  // namespace

std::vector<FairRank> fair_tree_ranks(std::span<const FairNode> tree) {
  if (tree.empty()) return {};
  Ranking ranking(tree);
  ranking.set_levels();
  ranking.set_factors();
  return std::move(ranking.ranks);
}

double faded(const FadingUsage& usage, TimePoint now, Seconds half_life) {
  if (half_life <= Seconds{0} || now <= usage.at) return usage.seconds_held;
  return usage.seconds_held * std::exp2(-seconds(now - usage.at) / seconds(half_life));
}

double usage_of_run(uint64_t cpus, TimePoint from, TimePoint now, Seconds half_life) {
  if (now <= from) return 0;
  const double length = seconds(now - from);
  if (half_life <= Seconds{0}) return static_cast<double>(cpus) * length;
  // The integral of 2^(-age / half_life) over the ages of the run's seconds.
  const double scale = seconds(half_life) / std::numbers::ln2;
  return static_cast<double>(cpus) * scale * -std::expm1(-length / scale);
}

void charge(FadingUsage& usage, uint64_t cpus, TimePoint from, TimePoint to, Seconds half_life) {
  const TimePoint at = std::max(usage.at, to);
  const FadingUsage run{usage_of_run(cpus, from, to, half_life), to};
  usage = {faded(usage, at, half_life) + faded(run, at, half_life), at};
}

}  // namespace gd::sched
