// plan(): the classic policies on clusters small enough to check by hand, then the
// promise that each policy makes, on random clusters.
//
// A case is a text scenario and the plan that it must give; tests/support/scenario.h
// tells its words.
#include <gtest/gtest.h>

#include <random>

#include "server/sched/timeline.h"
#include "tests/support/scenario.h"

namespace gd::sched {
namespace {

using test::Scenario;

constexpr Policy kFifo{.reservation_depth = 0};
constexpr Policy kEasy{.reservation_depth = 1};
constexpr Policy kConservative{.reservation_depth = 1000};

struct Case {
  const char* name;
  Policy policy;
  const char* scenario;
  const char* expect;
};

// Node 2 is busy until 100; job 1 needs both nodes, so it is blocked.
constexpr char kBlockedHead[] = R"(
  node 1 cpus=4
  node 2 cpus=4
  run 9 on=2 cpus=4 until=100
  queue 1 nodes=2 cpus=4 limit=50
  queue 2 cpus=4 limit=100
  queue 3 cpus=1 limit=101
)";

// Two jobs are blocked; the third would delay the second one only.
constexpr char kTwoBlocked[] = R"(
  node 1 cpus=4
  node 2 cpus=4
  run 8 on=1 cpus=3 until=50
  run 9 on=2 cpus=4 until=100
  queue 1 cpus=4 limit=100
  queue 2 nodes=2 cpus=4 limit=100
  queue 3 cpus=4 limit=60
  queue 4 cpus=1 limit=60
)";

// Two nodes will be free at 100, two are now; job 1 needs three of them.
constexpr char kLongJobBehind[] = R"(
  node 1
  node 2
  node 3
  node 4
  run 8 on=3 until=100
  run 9 on=4 until=100
  queue 1 nodes=3 limit=50
  queue 2 limit=500
)";

// Job 1 is promised n2 to n4. Job 2 ends before that, job 3 does not.
constexpr char kShortBeforeLong[] = R"(
  node 1
  node 2 features=a
  node 3 features=a
  node 4 features=a
  run 8 on=3 until=100
  run 9 on=4 until=100
  queue 1 nodes=3 features=a limit=50
  queue 2 limit=100
  queue 3 limit=500
)";

// The same with jobs of two nodes each; job 1 is promised n3 to n5.
constexpr char kShortBeforeLongOnTwo[] = R"(
  node 1
  node 2
  node 3 features=a
  node 4 features=a
  node 5 features=a
  run 9 on=5 until=100
  queue 1 nodes=3 features=a limit=50
  queue 2 nodes=2 tasks=2 limit=100
  queue 3 nodes=2 tasks=2 limit=500
)";

const Case kCases[] = {
    {"FifoStopsAtBlockedHead", kFifo, kBlockedHead, ""},
    {"EasyFillsTheGapButNotPastIt", kEasy, kBlockedHead, "start 2 n1; reserve 1 @100"},
    {"APromiseTakesWhatBecomesFreeLast", kEasy, kLongJobBehind, "start 2 n2; reserve 1 @100"},
    {"WhoEndsBeforeAPromiseTakesItsNodes", kEasy, kShortBeforeLong,
     "start 2 n2; start 3 n1; reserve 1 @100"},
    {"WhoEndsBeforeAPromiseTakesItsNodesOfMany", kEasy, kShortBeforeLongOnTwo,
     "start 2 n3+n4; start 3 n1+n2; reserve 1 @100"},
    {"ConservativePromisesEachInTurn", kConservative, kTwoBlocked,
     "reserve 1 @50; reserve 2 @150; reserve 3 @250; reserve 4 @250"},
    {"ImpossibleJobHoldsUpNobody", kFifo,
     "node 1 cpus=4\n queue 1 cpus=5 limit=9\n queue 2 cpus=4 limit=9", "start 2 n1; reject 1"},
    {"SmallJobsArePackedOnTheFirstNodeThatFits", kFifo,
     "node 1 cpus=2\n node 2 cpus=2\n queue 1\n queue 2\n queue 3",
     "start 1 n1; start 2 n1; start 3 n2"},
    {"MemoryCountsAsCpusDo", kEasy,
     "node 1 cpus=8 mem=100\n queue 1 mem=60\n queue 2 mem=60 limit=5\n queue 3 mem=40 limit=5",
     "start 1 n1; start 3 n1; reserve 2 @100"},
    {"FeaturesChooseTheNode", kFifo,
     "node 1\n node 2 features=ssd,big\n queue 1 features=ssd&big\n queue 2 features=ssd|none",
     "start 1 n2"},
    {"ListedAndExcludedNodes", kFifo,
     "node 1\n node 2\n node 3\n queue 1 list=n3\n queue 2 exclude=n1", "start 1 n3; start 2 n2"},
    {"AListedNodeThatIsNotThereIsNeverThere", kFifo, "node 1\n queue 1 list=n9", "reject 1"},
    {"ExclusiveTakesOnlyEmptyNodesAndAllOfThem", kEasy,
     "node 1 cpus=4\n node 2 cpus=4\n run 9 on=1 cpus=1 until=60\n queue 1 exclusive limit=10\n"
     " queue 2 exclusive limit=10\n queue 3 cpus=1 limit=10",
     "start 1 n2; start 3 n1; reserve 2 @10"},
    {"TasksSpreadOverAsFewNodesAsHoldThem", kFifo,
     "node 1 cpus=2\n node 2 cpus=4\n node 3 cpus=4\n queue 1 tasks=7", "start 1 n2+n3"},
    {"TasksPerNodeForceMoreNodes", kFifo,
     "node 1 cpus=8\n node 2 cpus=8\n queue 1 tasks=4 per_node=2", "start 1 n1+n2"},
    {"ClosedNodesAreNotUsedAndNotWaitedFor", kEasy,
     "node 1 cpus=1\n node 2 cpus=4 closed\n queue 1 cpus=4\n queue 2", "start 2 n1"},
    {"AHigherTierIsServedFirst", kFifo,
     "node 1\n partition low nodes=1\n partition high nodes=1 tier=2\n"
     " queue 1 partition=low\n queue 2 partition=high",
     "start 2 n1"},
    {"PartitionsDoNotBlockEachOther", kFifo,
     "node 1\n node 2\n partition a nodes=1\n partition b nodes=2\n run 9 on=1 until=50\n"
     " queue 1 partition=a\n queue 2 partition=b",
     "start 2 n2"},
    {"AJobOfSeveralPartitionsTakesTheFirstWithRoom", kFifo,
     "node 1\n node 2\n partition a nodes=1\n partition b nodes=2\n run 9 on=1 until=50\n"
     " queue 1 partition=a,b",
     "start 1 n2"},
    {"ADownPartitionStartsNothing", kFifo,
     "node 1\n partition a nodes=1 down\n queue 1 partition=a", ""},
    {"NiceJobsComeLater", kFifo, "node 1\n queue 1 nice=1\n queue 2", "start 2 n1"},
    {"AnOverdueJobIsAboutToEnd", kEasy, "node 1\n run 9 on=1 until=0\n queue 1", "reserve 1 @1"},
};

class PlanTest : public testing::TestWithParam<Case> {};

TEST_P(PlanTest, GivesExpectedPlan) {
  const Scenario scenario = Scenario::parse(GetParam().scenario);
  EXPECT_EQ(scenario.render(scenario.plan(GetParam().policy)), GetParam().expect);
}

INSTANTIATE_TEST_SUITE_P(Policies, PlanTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST(PlanReasons, TellWhoBlocksAndWhoWaitsBehind) {
  const Scenario scenario = Scenario::parse(kBlockedHead);
  EXPECT_EQ(Scenario::reasons(scenario.plan(kEasy)), "1 Resources; 3 Priority");
  EXPECT_EQ(Scenario::reasons(scenario.plan(kFifo)), "1 Resources; 2 Priority; 3 Priority");
}

TEST(PlanReasons, TellThatNodesOrPartitionsAreDown) {
  const Scenario closed = Scenario::parse("node 1 closed\n queue 1");
  EXPECT_EQ(closed.plan(kEasy).verdicts.at(0).reason, Reason::nodes_down);
  const Scenario down = Scenario::parse("node 1\n partition a down\n queue 1 partition=a");
  EXPECT_EQ(down.plan(kEasy).verdicts.at(0).reason, Reason::partition_down);
  const Scenario listed = Scenario::parse("node 1 closed\n queue 1 list=n1");
  EXPECT_EQ(listed.plan(kEasy).verdicts.at(0).reason, Reason::req_node_not_avail);
}

TEST(PlanLimits, StartLimitLeavesTheRestForTheNextPass) {
  const Scenario scenario = Scenario::parse("node 1 cpus=4\n queue 1\n queue 2\n queue 3");
  Policy policy = kEasy;
  policy.start_limit = 2;
  const Plan two = scenario.plan(policy);
  EXPECT_EQ(scenario.render(two), "start 1 n1; start 2 n1");
  EXPECT_TRUE(two.more);
  policy.start_limit = 3;
  EXPECT_FALSE(scenario.plan(policy).more);
}

TEST(PlanLimits, SearchLimitGivesNoMorePromises) {
  const Scenario scenario = Scenario::parse(kTwoBlocked);
  Policy policy = kConservative;
  policy.search_limit = 1;
  EXPECT_EQ(scenario.plan(policy).promises.size(), 1u);
}

std::string random_scenario(uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto roll = [&](uint64_t low, uint64_t high) { return low + engine() % (high - low + 1); };
  std::string text;
  const uint64_t nodes = roll(1, 5);
  for (uint64_t n = 1; n <= nodes; ++n) {
    const uint64_t cpus = roll(1, 8);
    text += "node " + std::to_string(n) + " cpus=" + std::to_string(cpus) + "\n";
    uint64_t left = cpus;
    for (uint64_t r = 0; r < 3 && left > 0; ++r) {
      const uint64_t held = roll(0, left);
      if (held == 0) continue;
      left -= held;
      text += "run " + std::to_string(100 * n + r) + " on=" + std::to_string(n) +
              " cpus=" + std::to_string(held) + " until=" + std::to_string(roll(1, 200)) + "\n";
    }
  }
  for (uint64_t job = 1; job <= 12; ++job) {
    text += "queue " + std::to_string(job) + " cpus=" + std::to_string(roll(1, 6)) +
            " nodes=" + std::to_string(roll(1, 3)) + " limit=" + std::to_string(roll(1, 300)) +
            "\n";
  }
  return text;
}

// EASY's promise: the first blocked job starts no later than it would had nothing
// overtaken it.
TEST(PlanProperty, EasyNeverDelaysTheFirstBlockedJob) {
  int checked = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Scenario scenario = Scenario::parse(random_scenario(seed));
    const Plan easy = scenario.plan(kEasy);
    if (easy.promises.empty()) continue;
    ++checked;
    Timeline after(scenario.nodes(), TimePoint{});
    for (const Start& start : easy.starts) {
      after.start(start.placement, scenario.shape_of(start.job).key.limit);
    }
    const Shape& head = scenario.shape_of(easy.promises[0].job);
    const auto slot = after.earliest(head, head.candidates[0], TimePoint{});
    ASSERT_TRUE(slot.has_value());
    EXPECT_EQ(slot->start, easy.promises[0].at);
  }
  EXPECT_GT(checked, 100);
}

// No policy ever puts more on a node than is free there.
TEST(PlanProperty, NothingIsEverOverCommitted) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Scenario scenario = Scenario::parse(random_scenario(seed));
    for (const Policy& policy : {kFifo, kEasy, kConservative}) {
      std::vector<Resources> free;
      for (const Node& node : scenario.nodes()) free.push_back(node.free);
      for (const Start& start : scenario.plan(policy).starts) {
        for (const NodeUse& use : start.placement.uses) {
          ASSERT_TRUE(fits_in(use.held, free[use.node.value]));
          subtract(free[use.node.value], use.held);
        }
      }
    }
  }
}

}  // namespace
}  // namespace gd::sched
