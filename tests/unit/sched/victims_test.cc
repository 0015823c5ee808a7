// choose_victims() against all choices there are, on random grounds small enough to try them.
#include "server/sched/victims.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

namespace gd::sched {
namespace {

struct Field {  // nodes, what is free there, and who holds the rest
  std::vector<Node> nodes;
  std::vector<std::vector<Share>>
      shares;  // by node, of the candidates: their place is the job's id
  uint32_t candidates = 0;

  [[nodiscard]] std::vector<Ground> grounds() const {
    std::vector<Ground> all;
    for (uint32_t n = 0; n < nodes.size(); ++n) {
      Ground ground{.node = NodeIndex{n}, .ending = {}, .held = {}};
      for (const Share& share : shares[n]) ground.held.push_back({share.job.value, &share});
      all.push_back(std::move(ground));
    }
    return all;
  }
  [[nodiscard]] Resources room(NodeIndex node, std::span<const Share* const> gone) const {
    Resources free = nodes[node.value].free;
    for (const Share* share : gone) add(free, share->held);
    return free;
  }
  // Would the job be placed if these were gone?
  [[nodiscard]] bool suffices(const Need& need, uint32_t gone) const {
    std::vector<Offer> offers;
    for (uint32_t n = 0; n < nodes.size(); ++n) {
      Resources free = nodes[n].free;
      for (const Share& share : shares[n]) {
        if ((gone >> share.job.value & 1U) != 0) add(free, share.held);
      }
      const uint32_t tasks = tasks_that_fit(need, nodes[n], free);
      if (tasks > 0) offers.push_back({NodeIndex{n}, tasks});
    }
    return choose(need, offers, {}).has_value();
  }
  std::optional<Victims> choose_for(const Need& need) const {
    const std::vector<Ground> all = grounds();
    return choose_victims(
        need, {}, nodes, all,
        [this](NodeIndex node, std::span<const Share* const> gone) { return room(node, gone); });
  }
};

Field random_field(std::mt19937_64& engine, uint32_t nodes, bool with_memory) {
  const auto roll = [&](uint64_t low, uint64_t high) { return low + engine() % (high - low + 1); };
  Field field;
  field.shares.resize(nodes);
  field.candidates = static_cast<uint32_t>(roll(1, 9));
  for (uint32_t n = 0; n < nodes; ++n) {
    Node node;
    node.usable = {static_cast<uint32_t>(roll(4, 12)), with_memory ? roll(4, 12) : 0, {}};
    node.free = node.usable;
    field.nodes.push_back(node);
  }
  for (uint32_t who = 0; who < field.candidates; ++who) {
    const uint64_t wide = nodes > 1 && roll(0, 2) == 0 ? 2 : 1;
    uint64_t first = roll(0, nodes - 1);
    for (uint64_t i = 0; i < wide; ++i) {
      const auto n = static_cast<uint32_t>((first + i) % nodes);
      Resources& free = field.nodes[n].free;
      Resources held{static_cast<uint32_t>(std::min<uint64_t>(free.cpus, roll(1, 4))),
                     std::min<uint64_t>(free.memory_mib, with_memory ? roll(0, 4) : 0),
                     {}};
      subtract(free, held);
      field.shares[n].push_back({JobId{who}, held, TimePoint{}});
    }
  }
  return field;
}

uint32_t bits_of(const Victims& victims) {
  uint32_t bits = 0;
  for (const uint32_t who : victims.who) bits |= 1U << who;
  return bits;
}

// The fewest that suffice, by trying all; nothing if nobody is needed, or all do not suffice.
std::optional<int> fewest_of_all(const Field& field, const Need& need) {
  const uint32_t all = (1U << field.candidates) - 1;
  if (field.suffices(need, 0) || !field.suffices(need, all)) return std::nullopt;
  int best = static_cast<int>(field.candidates);
  for (uint32_t gone = 1; gone <= all; ++gone) {
    if (std::popcount(gone) < best && field.suffices(need, gone)) best = std::popcount(gone);
  }
  return best;
}

// Nobody who could stay, and nobody in the place of one who is worth less.
void expect_settled(const Field& field, const Need& need, const Victims& victims) {
  const uint32_t bits = bits_of(victims);
  ASSERT_TRUE(field.suffices(need, bits));
  ASSERT_TRUE(std::is_sorted(victims.who.begin(), victims.who.end()));
  for (const uint32_t who : victims.who) {
    const uint32_t rest = bits & ~(1U << who);
    EXPECT_FALSE(field.suffices(need, rest)) << who << " could stay";
  }
}

TEST(Victims, OfOneKindAndOnOneNodeNoChoiceIsSmaller) {
  std::mt19937_64 engine(7);
  int chosen = 0;
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const auto nodes = static_cast<uint32_t>(1 + engine() % 3);
    const Field field = random_field(engine, nodes, false);
    Need need;
    need.nodes_max = 1;
    need.cpus_per_task = static_cast<uint32_t>(1 + engine() % 9);
    need.memory_per_node_mib = 0;
    const std::optional<int> fewest = fewest_of_all(field, need);
    const std::optional<Victims> victims = field.choose_for(need);
    ASSERT_EQ(victims.has_value(), fewest.has_value());
    if (!victims) continue;
    ++chosen;
    expect_settled(field, need, *victims);
    ASSERT_EQ(static_cast<int>(victims->who.size()), *fewest);
    // And none of them could be exchanged on that node for one who is worth less.
    const uint32_t node = victims->nodes.front().node.value;
    for (const uint32_t who : victims->who) {
      for (const Share& other : field.shares[node]) {
        const uint32_t bits = bits_of(*victims);
        if (other.job.value >= who || (bits >> other.job.value & 1U) != 0) continue;
        const uint32_t instead = (bits & ~(1U << who)) | 1U << other.job.value;
        EXPECT_FALSE(field.suffices(need, instead)) << other.job.value << " instead of " << who;
      }
    }
  }
  EXPECT_GT(chosen, 500);
}

TEST(Victims, NobodyIsChosenWhoCouldBeSparedWhateverIsAskedFor) {
  std::mt19937_64 engine(8);
  int chosen = 0;
  int smallest = 0;
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const Field field = random_field(engine, static_cast<uint32_t>(2 + engine() % 3), true);
    Need need;
    need.nodes_min = static_cast<uint32_t>(1 + engine() % 2);
    need.tasks = static_cast<uint32_t>(need.nodes_min + engine() % 4);
    need.cpus_per_task = static_cast<uint32_t>(1 + engine() % 4);
    if (engine() % 2 == 0)
      need.memory_per_node_mib = engine() % 6;
    else
      need.memory_per_cpu_mib = engine() % 2;
    need.exclusive = engine() % 5 == 0;
    const std::optional<int> fewest = fewest_of_all(field, need);
    const std::optional<Victims> victims = field.choose_for(need);
    ASSERT_EQ(victims.has_value(), fewest.has_value());
    if (!victims) continue;
    ++chosen;
    expect_settled(field, need, *victims);
    smallest += static_cast<int>(victims->who.size()) == *fewest ? 1 : 0;
  }
  EXPECT_GT(chosen, 500);
  EXPECT_GT(smallest * 100, chosen * 90) << smallest << " of " << chosen << " were the fewest";
}

}  // namespace
}  // namespace gd::sched
