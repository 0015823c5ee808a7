// The index of free amounts against a plain walk, and node sets by class against node by node.
#include "server/sched/free_index.h"

#include <gtest/gtest.h>

#include <random>

#include "server/sched/node_set.h"

namespace gd::sched {
namespace {

TEST(FreeIndex, FindsWhatAWalkFinds) {
  std::mt19937_64 engine(7);
  for (size_t size : {1U, 2U, 3U, 7U, 8U, 9U, 100U}) {
    std::vector<FreeAmounts> places(size);
    FreeIndex index(places);
    for (int change = 0; change < 300; ++change) {
      const size_t at = engine() % size;
      places[at] = {static_cast<uint32_t>(engine() % 6), engine() % 6, engine() % 2 == 0};
      index.set(at, places[at]);
      const FreeAmounts least{1 + static_cast<uint32_t>(engine() % 5), engine() % 6,
                              engine() % 4 == 0};
      const size_t from = engine() % (size + 1);
      size_t expected = from;
      while (expected < size && !(places[expected].cpus >= least.cpus &&
                                  places[expected].memory_mib >= least.memory_mib &&
                                  (places[expected].whole || !least.whole))) {
        ++expected;
      }
      ASSERT_EQ(index.next(from, least), expected < size ? expected : FreeIndex::kNone);
    }
  }
}

TEST(FreeIndex, OfNothingFindsNothing) {
  EXPECT_EQ(FreeIndex({}).next(0, {1, 0, false}), FreeIndex::kNone);
}

// By class the answer is the one that choosing among all nodes gives.
TEST(NodeSet, CouldHoldIsWhatChoosingAmongEmptyNodesSays) {
  std::mt19937_64 engine(3);
  const auto roll = [&](uint64_t most) { return static_cast<uint32_t>(1 + engine() % most); };
  int possible = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Node> nodes(roll(6));
    Partition partition;
    for (uint32_t i = 0; i < nodes.size(); ++i) {
      nodes[i].name = "n" + std::to_string(i);
      nodes[i].exists = true;
      nodes[i].usable = {roll(3), 10 * roll(3), {}};
      partition.nodes.push_back(NodeIndex{i});
    }
    Need need;
    need.nodes_min = roll(4);
    if (engine() % 2 == 0) need.nodes_max = need.nodes_min + roll(2) - 1;
    need.tasks = need.nodes_min + roll(5) - 1;
    need.cpus_per_task = roll(3);
    need.memory_per_cpu_mib = roll(12);
    const NodeSet set = make_node_set("", {}, partition, nodes);
    std::vector<Offer> offers;
    for (uint32_t i = 0; i < nodes.size(); ++i) {
      const uint32_t tasks = tasks_that_fit(need, nodes[i], nodes[i].usable);
      if (tasks > 0) offers.push_back({NodeIndex{i}, tasks});
    }
    ASSERT_EQ(could_hold(set, need, nodes), choose(need, offers, {}).has_value()) << round;
    possible += could_hold(set, need, nodes) ? 1 : 0;
  }
  EXPECT_GT(possible, 200);
  EXPECT_LT(possible, 1800);
}

TEST(NodeSet, LeavesOutWhatIsExcludedAndWhatLacksAFeature) {
  std::vector<Node> nodes(3);
  Partition partition;
  for (uint32_t i : {2U, 0U, 1U}) {
    nodes[i].name = "n" + std::to_string(i);
    nodes[i].exists = true;
    nodes[i].usable.cpus = 4;
    partition.nodes.push_back(NodeIndex{i});
  }
  nodes[1].features = {"ssd"};
  const std::vector<std::string> exclude{"n0"};
  const NodeSet all = make_node_set("", {}, partition, nodes);
  EXPECT_EQ(all.nodes, partition.nodes) << "in the partition's order";
  ASSERT_EQ(all.classes.size(), 1U);
  EXPECT_EQ(all.classes[0].count, 3U);
  EXPECT_EQ(make_node_set("", exclude, partition, nodes).nodes.size(), 2U);
  const NodeSet fast = make_node_set("ssd", {}, partition, nodes);
  EXPECT_TRUE(fast.contains(NodeIndex{1}));
  EXPECT_FALSE(fast.contains(NodeIndex{2}));
}

}  // namespace
}  // namespace gd::sched
