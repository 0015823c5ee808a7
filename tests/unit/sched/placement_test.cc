// placement: how many tasks fit, what they hold, and which nodes are chosen.
#include "server/sched/placement.h"

#include <gtest/gtest.h>

namespace gd::sched {
namespace {

Node node_of(uint32_t cpus, uint64_t memory_mib) {
  Node node;
  node.usable = node.free = {cpus, memory_mib, {}};
  return node;
}

TEST(Placement, CpusMemoryAndTasksPerNodeBoundTheTasks) {
  const Node node = node_of(16, 1000);
  Need need{.nodes_min = 1, .tasks = 100, .cpus_per_task = 3, .memory_per_node_mib = 0};
  EXPECT_EQ(tasks_that_fit(need, node, node.free), 5u);
  need.tasks_per_node = 2;
  EXPECT_EQ(tasks_that_fit(need, node, node.free), 2u);
  need.tasks_per_node = kNoLimit;
  need.memory_per_node_mib.reset();
  need.memory_per_cpu_mib = 100;
  EXPECT_EQ(tasks_that_fit(need, node, node.free), 3u);  // 300 MiB a task
  need.memory_per_cpu_mib = 400;
  EXPECT_EQ(tasks_that_fit(need, node, node.free), 0u);
}

TEST(Placement, AJobThatNamesNoMemoryTakesItsCpusPartOfTheNode) {
  const Node node = node_of(4, 1000);
  const Need need{.tasks = 3, .cpus_per_task = 1};
  EXPECT_EQ(held_by(need, node, node.free, 3).memory_mib, 750u);
  // Half of the memory is held by others: two cpus' worth is left.
  EXPECT_EQ(tasks_that_fit(need, node, {4, 500, {}}), 2u);
}

TEST(Placement, GresWithoutATypeIsGivenOfTheTypesThatAreThere) {
  Node node = node_of(4, 1000);
  node.usable.gres = node.free.gres = {{"gpu", "a", 1}, {"gpu", "b", 2}};
  Need need{.tasks = 1, .memory_per_node_mib = 0};
  need.gres_per_node = {{"gpu", "", 2}};
  ASSERT_EQ(tasks_that_fit(need, node, node.free), 1u);
  const Resources held = held_by(need, node, node.free, 1);
  EXPECT_EQ(held.gres, (std::vector<GresCount>{{"gpu", "a", 1}, {"gpu", "b", 1}}));
  Resources left = node.free;
  subtract(left, held);
  EXPECT_EQ(tasks_that_fit(need, node, left), 0u);
}

TEST(Placement, TasksAreSpreadEvenlyOverTheNodesAskedFor) {
  const Need need{.nodes_min = 2, .nodes_max = 2, .tasks = 8, .memory_per_node_mib = 0};
  const std::vector<Offer> offers{{NodeIndex{0}, 8}, {NodeIndex{1}, 8}};
  const auto chosen = choose(need, offers, {});
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(chosen->at(0).tasks, 4u);
  EXPECT_EQ(chosen->at(1).tasks, 4u);
}

TEST(Placement, UnevenNodesAreFilledAsFarAsTheyGo) {
  const Need need{.nodes_min = 3, .nodes_max = 3, .tasks = 9, .memory_per_node_mib = 0};
  const std::vector<Offer> offers{{NodeIndex{0}, 1}, {NodeIndex{1}, 2}, {NodeIndex{2}, 6}};
  const auto chosen = choose(need, offers, {});
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(chosen->at(0).tasks, 1u);
  EXPECT_EQ(chosen->at(1).tasks, 2u);
  EXPECT_EQ(chosen->at(2).tasks, 6u);
}

TEST(Placement, MoreNodesThanAllowedAreRefused) {
  const Need need{.nodes_min = 1, .nodes_max = 2, .tasks = 6, .memory_per_node_mib = 0};
  const std::vector<Offer> offers{{NodeIndex{0}, 2}, {NodeIndex{1}, 2}, {NodeIndex{2}, 2}};
  EXPECT_FALSE(choose(need, offers, {}).has_value());
}

TEST(Placement, RequiredNodesAreTakenThoughOthersHaveMoreRoom) {
  const Need need{.nodes_min = 2, .nodes_max = 2, .tasks = 2, .memory_per_node_mib = 0};
  const std::vector<Offer> offers{{NodeIndex{0}, 8}, {NodeIndex{1}, 8}, {NodeIndex{2}, 1}};
  const std::vector<NodeIndex> required{NodeIndex{2}};
  const auto chosen = choose(need, offers, required);
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(chosen->at(0).node, NodeIndex{0});
  EXPECT_EQ(chosen->at(1).node, NodeIndex{2});
  const std::vector<NodeIndex> absent{NodeIndex{7}};
  EXPECT_FALSE(choose(need, offers, absent).has_value());
}

}  // namespace
}  // namespace gd::sched
