// Fair Tree: who stands before whom, and usage that fades.
#include "server/sched/fair_tree.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gd::sched {
namespace {

constexpr Seconds kDay{86'400};

std::vector<double> factors(const std::vector<FairNode>& tree) {
  std::vector<double> result;
  for (const FairRank& rank : fair_tree_ranks(tree)) result.push_back(rank.factor);
  return result;
}

TEST(FairTree, OfOneLevelTheLeastUsageIsFirst) {
  const auto f = factors({{}, {0, 1, 300}, {0, 1, 100}, {0, 1, 200}, {0, 1, 100}});
  EXPECT_DOUBLE_EQ(f[2], 1);
  EXPECT_DOUBLE_EQ(f[4], 1) << "equal ones alike";
  EXPECT_DOUBLE_EQ(f[3], 0.5);
  EXPECT_DOUBLE_EQ(f[1], 0.25);
}

TEST(FairTree, SharesWeighUsage) {
  const auto f = factors({{}, {0, 3, 200}, {0, 1, 100}, {0, 0, 0}});
  EXPECT_GT(f[1], f[2]) << "three shares for twice the usage";
  EXPECT_LT(f[3], f[2]) << "no shares: last, whatever was used";
}

// Account 1 had more than account 2, so all of its users stand behind all of the other's.
TEST(FairTree, AnAccountThatHadLessGoesFirstWithAllItsUsers) {
  const auto f = factors({{}, {0, 1, 0}, {0, 1, 0}, {1, 1, 500}, {1, 1, 1}, {2, 1, 300}});
  EXPECT_DOUBLE_EQ(f[5], 1);
  EXPECT_DOUBLE_EQ(f[4], 2.0 / 3);
  EXPECT_DOUBLE_EQ(f[3], 1.0 / 3);
}

// Accounts of one level are taken as one: their users are compared by their own level, which is
// measured within their account.
TEST(FairTree, UsersOfEqualAccountsAreComparedByTheirOwnLevel) {
  const std::vector<FairNode> tree{{},          {0, 1, 0},   {0, 1, 0},  {1, 1, 400},
                                   {1, 1, 600}, {2, 1, 100}, {2, 1, 900}};
  const auto f = factors(tree);
  EXPECT_GT(f[5], f[3]);
  EXPECT_GT(f[3], f[4]);
  EXPECT_GT(f[4], f[6]);
  EXPECT_DOUBLE_EQ(f[6], 0.25);
}

TEST(FairTree, UsageOfAnAccountIsThatOfAllBelowIt) {
  const auto ranks = fair_tree_ranks(std::vector<FairNode>{{}, {0, 1, 0}, {1, 1, 0}, {2, 1, 7}});
  EXPECT_DOUBLE_EQ(ranks[0].usage, 7);
  EXPECT_DOUBLE_EQ(ranks[1].usage, 7);
  EXPECT_TRUE(fair_tree_ranks({}).empty());
  const auto untouched = fair_tree_ranks(std::vector<FairNode>{{}, {0, 1, 0}});
  EXPECT_TRUE(std::isinf(untouched[1].level));
  EXPECT_DOUBLE_EQ(untouched[1].factor, 1);
}

TEST(Usage, LosesHalfEachHalfLife) {
  const FadingUsage usage{1000, TimePoint{}};
  EXPECT_DOUBLE_EQ(faded(usage, TimePoint{7 * kDay}, 7 * kDay), 500);
  EXPECT_DOUBLE_EQ(faded(usage, TimePoint{14 * kDay}, 7 * kDay), 250);
  EXPECT_DOUBLE_EQ(faded(usage, TimePoint{14 * kDay}, Seconds{0}), 1000);
}

// The closed form equals what adding up second by second gives.
TEST(Usage, OfARunIsTheSumOfItsFadedSeconds) {
  const Seconds half_life{1000};
  double sum = 0;
  for (int second = 0; second < 5000; ++second) {
    sum += 4 * std::exp2(-(4999.5 - second) / 1000);
  }
  EXPECT_NEAR(usage_of_run(4, TimePoint{}, TimePoint{Seconds{5000}}, half_life), sum, 0.01);
  EXPECT_DOUBLE_EQ(usage_of_run(4, TimePoint{}, TimePoint{Seconds{5000}}, Seconds{0}), 20'000);
  EXPECT_EQ(usage_of_run(4, TimePoint{Seconds{10}}, TimePoint{}, half_life), 0);
}

TEST(Usage, ARunCountsAlikeBeforeAndAfterItsEnd) {
  const TimePoint end{Seconds{500}};
  FadingUsage usage{100, TimePoint{}};
  const double running =
      faded(usage, end, kDay) + usage_of_run(3, TimePoint{Seconds{200}}, end, kDay);
  charge(usage, 3, TimePoint{Seconds{200}}, end, kDay);
  EXPECT_DOUBLE_EQ(usage.seconds_held, running);
  EXPECT_EQ(usage.at, end);
  // One that ended before, but is told of later, counts for less.
  FadingUsage late = usage;
  charge(late, 1, TimePoint{}, TimePoint{Seconds{100}}, kDay);
  EXPECT_EQ(late.at, end);
  EXPECT_LT(late.seconds_held, usage.seconds_held + 100);
  EXPECT_GT(late.seconds_held, usage.seconds_held + 99);
}

}  // namespace
}  // namespace gd::sched
