// From all that could go to the fewest that must.
#include "server/sched/victims.h"

#include <algorithm>
#include <map>
#include <set>

namespace gd::sched {

namespace {

// Exchanges of one victim for another that one search may try.
constexpr size_t kMostExchanges = 4096;
// Nodes that a search for several may look at, for each that the job needs.
constexpr size_t kNodesForEach = 8;

using Chosen = std::vector<uint32_t>;        // candidates, sorted
using Weights = std::map<uint32_t, double>;  // by candidate

bool contains(const Chosen& chosen, uint32_t who) {
  return std::binary_search(chosen.begin(), chosen.end(), who);
}

double of(const Weights& weights, uint32_t who) {
  const auto found = weights.find(who);
  return found == weights.end() ? 0 : found->second;
}

Chosen without(const Chosen& chosen, uint32_t who) {
  Chosen rest = chosen;
  rest.erase(std::lower_bound(rest.begin(), rest.end(), who));
  return rest;
}

Chosen with(const Chosen& chosen, uint32_t who) {
  Chosen more = chosen;
  more.insert(std::lower_bound(more.begin(), more.end(), who), who);
  return more;
}

// Fewer are better, then those that are worth less, the most valuable compared first. Candidates
// stand in the order of their worth, so their places can be compared instead.
bool is_better(const Chosen& a, const Chosen& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

class Search {
 public:
  Search(const Need& need, std::span<const NodeIndex> required, std::span<const Node> nodes,
         std::span<const Ground> grounds, const RoomWithout& room)
      : need_(need), required_(required), nodes_(nodes), grounds_(grounds), room_(room) {}

  std::optional<Victims> run() {
    bool needs_nobody = false;
    std::optional<Victims> on_one;
    if (need_.nodes_min == 1 && required_.size() <= 1) on_one = on_one_node(needs_nobody);
    const bool may_spread = need_.nodes_max > 1 && need_.tasks > 1;
    if (needs_nobody || !may_spread) return on_one;
    std::optional<Victims> on_several =
        on_several_nodes(needs_nobody, on_one ? &on_one->who : nullptr);
    if (needs_nobody) return std::nullopt;
    const bool one_is_better = on_one && (!on_several || !is_better(on_several->who, on_one->who));
    return one_is_better ? on_one : on_several;
  }

 private:
  // What would be free with all of `chosen` gone.
  uint32_t tasks_on(const Ground& ground, const Chosen& chosen) const {
    std::vector<const Share*> gone = ground.ending;
    for (const Ground::Held& held : ground.held) {
      if (contains(chosen, held.who)) gone.push_back(held.share);
    }
    return tasks_that_fit(need_, nodes_[ground.node.value], room_(ground.node, gone));
  }

  static Chosen all_on(const Ground& ground) {
    Chosen all;
    for (const Ground::Held& held : ground.held) all.push_back(held.who);
    std::sort(all.begin(), all.end());
    return all;
  }

  // How much of what so many tasks need the share would give back: 1 for each kind, at most.
  [[nodiscard]] double weight_of(const Ground& ground, const Share& share, uint32_t tasks) const {
    const Node& node = nodes_[ground.node.value];
    const Resources wanted = held_by(need_, node, node.usable, tasks);
    const auto part = [](uint64_t of, uint64_t all) {
      return all == 0 ? 0.0 : static_cast<double>(std::min(of, all)) / static_cast<double>(all);
    };
    double weight =
        part(share.held.cpus, wanted.cpus) + part(share.held.memory_mib, wanted.memory_mib);
    for (const GresCount& asked : wanted.gres) {
      for (const GresCount& held : share.held.gres) {
        const bool same = held.name == asked.name && held.type == asked.type;
        if (same) weight += part(held.count, asked.count);
      }
    }
    return weight;
  }

  // Of a sufficient choice, those without whom it does not suffice: who gives back least is
  // spared first, and of equals the more valuable.
  template <class Suffices>
  Chosen spare(Chosen chosen, const Weights& weights, const Suffices& suffices) const {
    Chosen order = chosen;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      const double of_a = of(weights, a);
      const double of_b = of(weights, b);
      return of_a != of_b ? of_a < of_b : a > b;
    });
    for (const uint32_t who : order) {
      Chosen rest = without(chosen, who);
      if (suffices(rest)) chosen = std::move(rest);
    }
    return chosen;
  }

  // Each in turn, the most valuable first, for the one who is worth least and will do as well.
  template <class Suffices>
  Chosen exchange(Chosen chosen, const Chosen& all, const Suffices& suffices) {
    const Chosen before = chosen;
    for (auto who = before.rbegin(); who != before.rend(); ++who) {
      const Chosen rest = without(chosen, *who);
      for (const uint32_t other : all) {
        if (other >= *who || exchanges_ == kMostExchanges) break;
        if (contains(chosen, other)) continue;
        ++exchanges_;
        Chosen instead = with(rest, other);
        if (!suffices(instead)) continue;
        chosen = std::move(instead);
        break;
      }
    }
    return chosen;
  }

  template <class Suffices>
  Chosen fewest(const Chosen& all, const Weights& weights, const Suffices& suffices) {
    Chosen chosen = spare(all, weights, suffices);
    while (true) {  // each round makes the choice better, so it ends
      Chosen next = spare(exchange(chosen, all, suffices), weights, suffices);
      if (next == chosen) return chosen;
      chosen = std::move(next);
    }
  }

  void weigh(const Ground& ground, uint32_t tasks, Weights& weights) const {
    for (const Ground::Held& held : ground.held) {
      weights[held.who] += weight_of(ground, *held.share, tasks);
    }
  }

  // Who must go on this node for so many tasks; all that are there suffice.
  Chosen fewest_on(const Ground& ground, uint32_t tasks) {
    Weights weights;
    weigh(ground, tasks, weights);
    return fewest(all_on(ground), weights,
                  [&](const Chosen& chosen) { return tasks_on(ground, chosen) >= tasks; });
  }

  std::optional<Victims> on_one_node(bool& needs_nobody) {
    std::optional<Victims> best;
    size_t compared = 0;
    for (const Ground& ground : grounds_) {
      if (!required_.empty() && required_[0] != ground.node) continue;
      if (tasks_on(ground, all_on(ground)) < need_.tasks) continue;
      Chosen chosen = fewest_on(ground, need_.tasks);
      if (chosen.empty()) {
        needs_nobody = true;
        return std::nullopt;
      }
      if (!best || is_better(chosen, best->who)) {
        best = Victims{std::move(chosen), {{ground.node, need_.tasks}}};
      }
      if (++compared == kMostNodesCompared) break;
    }
    return best;
  }

  [[nodiscard]] uint32_t part_of_a_node() const {
    return (need_.tasks + need_.nodes_min - 1) / need_.nodes_min;
  }

  struct Row {  // a node, and who must go there so that it takes its part
    const Ground* ground;
    Chosen who;
  };

  [[nodiscard]] bool is_required(const Row& row) const {
    return std::ranges::count(required_, row.ground->node) > 0;
  }

  // The cheapest nodes first; a node's part is an even share of the tasks, or what it can take.
  std::vector<Row> rows() {
    const size_t enough = std::max(kMostNodesCompared, kNodesForEach * need_.nodes_min);
    std::vector<Row> all;
    for (const Ground& ground : grounds_) {
      if (all.size() >= enough && std::ranges::count(required_, ground.node) == 0) continue;
      const uint32_t most = tasks_on(ground, all_on(ground));
      if (most == 0) continue;
      all.push_back({&ground, fewest_on(ground, std::min(most, part_of_a_node()))});
    }
    std::stable_sort(all.begin(), all.end(), [&](const Row& a, const Row& b) {
      const bool first = is_required(a);
      return first != is_required(b) ? first : is_better(a.who, b.who);
    });
    return all;
  }

  // Where the job would be on these nodes. Choices that are asked for in turn differ in few
  // victims: what the others leave on their nodes is kept.
  class Ways {
   public:
    Ways(const Search& search, std::span<const Row> rows) : search_(search), rows_(rows) {
      for (uint32_t i = 0; i < rows.size(); ++i) {
        for (const Ground::Held& held : rows[i].ground->held) rows_of_[held.who].push_back(i);
        tasks_.push_back(search.tasks_on(*rows[i].ground, {}));
      }
    }

    std::optional<std::vector<Offer>> placed(const Chosen& chosen) {
      update(chosen);
      std::vector<Offer> offers;
      for (uint32_t i = 0; i < rows_.size(); ++i) {
        if (tasks_[i] > 0) offers.push_back({rows_[i].ground->node, tasks_[i]});
      }
      return choose(search_.need_, offers, search_.required_);
    }

   private:
    void update(const Chosen& chosen) {
      Chosen changed;
      std::set_symmetric_difference(last_.begin(), last_.end(), chosen.begin(), chosen.end(),
                                    std::back_inserter(changed));
      std::set<uint32_t> stale;
      for (const uint32_t who : changed) {
        const auto rows = rows_of_.find(who);
        if (rows != rows_of_.end()) stale.insert(rows->second.begin(), rows->second.end());
      }
      for (const uint32_t i : stale) tasks_[i] = search_.tasks_on(*rows_[i].ground, chosen);
      last_ = chosen;
    }

    const Search& search_;
    const std::span<const Row> rows_;
    std::map<uint32_t, std::vector<uint32_t>> rows_of_;  // by candidate
    std::vector<uint32_t> tasks_;                        // by row, without last_
    Chosen last_;
  };

  enum class Extent : uint8_t { part, all };  // of what could go on a node

  static Chosen together(std::span<const Row> rows, Extent extent) {
    Chosen all;
    for (const Row& row : rows) {
      const Chosen own = extent == Extent::all ? all_on(*row.ground) : row.who;
      all.insert(all.end(), own.begin(), own.end());
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  // The fewest rows from the front that suffice, by halving; 0: not even all of them do.
  [[nodiscard]] size_t first_that_suffice(std::span<const Row> rows, Extent extent) const {
    const auto suffices = [&](size_t count) {
      const std::span<const Row> front = rows.first(count);
      return Ways(*this, front).placed(together(front, extent)).has_value();
    };
    if (!suffices(rows.size())) return 0;
    size_t low = 1;
    size_t high = rows.size();
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (suffices(middle))
        high = middle;
      else
        low = middle + 1;
    }
    return high;
  }

  // `seed`: a choice that suffices on one node; spread over several a part of it may do.
  std::optional<Victims> on_several_nodes(bool& needs_nobody, const Chosen* seed) {
    const std::vector<Row> nodes = rows();
    const std::span<const Row> all(nodes);
    if (all.size() < need_.nodes_min) return std::nullopt;
    needs_nobody = Ways(*this, all).placed({}).has_value();
    if (needs_nobody) return std::nullopt;
    Extent extent = Extent::part;
    size_t count = first_that_suffice(all, extent);
    if (count == 0) {
      extent = Extent::all;
      count = first_that_suffice(all, extent);
    }
    if (count == 0) return std::nullopt;
    const std::span<const Row> used = all.first(count);
    // What is free on the other nodes may do instead of somebody.
    const std::span<const Row> looked_at = count <= kMostNodesCompared ? all : used;
    Weights weights;
    for (const Row& row : looked_at) weigh(*row.ground, part_of_a_node(), weights);
    Ways ways(*this, looked_at);
    const auto suffices = [&](const Chosen& chosen) { return ways.placed(chosen).has_value(); };
    Chosen chosen = fewest(together(used, extent), weights, suffices);
    if (seed != nullptr && suffices(*seed)) {
      Chosen other = fewest(*seed, weights, suffices);
      if (is_better(other, chosen)) chosen = std::move(other);
    }
    std::vector<Offer> offers = *ways.placed(chosen);
    return Victims{std::move(chosen), std::move(offers)};
  }

  const Need& need_;
  const std::span<const NodeIndex> required_;
  const std::span<const Node> nodes_;
  const std::span<const Ground> grounds_;
  const RoomWithout& room_;
  size_t exchanges_ = 0;
};

}  // namespace

std::optional<Victims> choose_victims(const Need& need, std::span<const NodeIndex> required,
                                      std::span<const Node> nodes, std::span<const Ground> grounds,
                                      const RoomWithout& room) {
  return Search(need, required, nodes, grounds, room).run();
}

}  // namespace gd::sched
