// Preemption in the planner: whom a job ends, whom it does not, and that what is kept for it stays
// kept until it starts. See plan_test.cc for the form of the cases.
#include <gtest/gtest.h>

#include "tests/support/scenario.h"

namespace gd::sched {
namespace {

using test::Scenario;

constexpr Policy kFifo{.reservation_depth = 0};
constexpr Policy kEasy{.reservation_depth = 1};

#define GD_BY_QOS \
  "preempt qos mode=requeue\n qos low\n qos mid preempt=low\n qos high preempt=low,mid\n"

struct Case {
  const char* name;
  const char* scenario;
  const char* expect;
};

const Case kCases[] = {
    {"NobodyIsEndedWhereThereIsRoom",
     GD_BY_QOS "node 1\n node 2\n run 8 on=1 qos=low until=500\n queue 1 qos=high", "start 1 n2"},
    {"TheYoungestIsEnded",
     GD_BY_QOS "node 1 cpus=2\n run 7 on=1 qos=low age=50 until=500\n"
               " run 8 on=1 qos=low age=10 until=500\n queue 1 qos=high",
     "end 8 for 1 n1"},
    {"OneLargeJobIsEndedBeforeTwoSmallOnes",
     GD_BY_QOS "node 1 cpus=4\n run 6 on=1 qos=low until=500\n run 7 on=1 qos=low until=500\n"
               " run 8 on=1 qos=low cpus=2 age=90 until=500\n queue 1 cpus=2 qos=high",
     "end 8 for 1 n1"},
    {"WhoIsWorthLessIsEndedBeforeWhoIsYounger",
     "preempt qos mode=cancel\n qos low\n qos mid priority=5\n qos high preempt=low,mid\n"
     "node 1 cpus=2\n run 7 on=1 qos=low age=50 until=500\n"
     "run 8 on=1 qos=mid age=10 until=500\n queue 1 qos=high",
     "end 7 for 1 n1"},
    {"TheNodeWhereFewerHaveToGoIsTaken",
     GD_BY_QOS "node 1 cpus=2\n node 2 cpus=2\n run 6 on=1 qos=low until=500\n"
               " run 7 on=1 qos=low until=500\n run 8 on=2 cpus=2 qos=low age=99 until=500\n"
               " queue 1 cpus=2 qos=high",
     "end 8 for 1 n2"},
    {"NobodyOfTheSameQosIsEnded",
     GD_BY_QOS "node 1\n run 8 on=1 qos=high until=500\n queue 1 qos=high", "reserve 1 @500"},
    {"NobodyOfAHigherQosIsEnded",
     GD_BY_QOS "node 1\n run 8 on=1 qos=high until=500\n queue 1 qos=mid", "reserve 1 @500"},
    {"NormalIsInNoListHere", GD_BY_QOS "node 1\n run 8 on=1 until=500\n queue 1 qos=high",
     "reserve 1 @500"},
    {"NormalMayBeListed",
     "preempt qos mode=requeue\n qos high preempt=normal\n node 1\n run 8 on=1 until=500\n"
     " queue 1 qos=high",
     "end 8 for 1 n1"},
    {"NobodyIsEndedIfThatDoesNotHelp",
     GD_BY_QOS "node 1 cpus=4\n run 7 on=1 cpus=2 until=500\n"
               " run 8 on=1 cpus=2 qos=low until=500\n queue 1 cpus=3 qos=high",
     "reserve 1 @500"},
    {"MemoryCountsAsCpusDo",
     GD_BY_QOS "node 1 cpus=8 mem=100\n run 7 on=1 mem=60 qos=low until=500\n"
               " run 8 on=1 mem=40 age=9 qos=low until=500\n queue 1 mem=50 qos=high",
     "end 7 for 1 n1"},
    {"ExclusiveJobsEndAllThatIsThere",
     GD_BY_QOS "node 1 cpus=4\n run 7 on=1 qos=low until=500\n"
               " run 8 on=1 age=5 qos=low until=500\n queue 1 exclusive qos=high",
     "end 7+8 for 1 n1"},
    {"WhoseModeIsOffIsLeftAlone",
     "preempt qos mode=requeue\n qos low preempt_mode=off\n qos high preempt=low\n node 1\n"
     " run 8 on=1 qos=low until=500\n queue 1 qos=high",
     "reserve 1 @500"},
    {"WhoHasNotRunLongEnoughIsLeftAlone",
     "preempt qos mode=requeue exempt=60\n qos low\n qos high preempt=low\n node 1 cpus=2\n"
     " run 7 on=1 qos=low age=59 until=500\n run 8 on=1 qos=low age=60 until=500\n"
     " queue 1 qos=high\n queue 2 qos=high",
     "end 8 for 1 n1; reserve 2 @101"},
    {"AQosHasItsOwnExemption",
     "preempt qos mode=requeue exempt=60\n qos low preempt_exempt_time=5\n qos high preempt=low\n"
     " node 1\n run 8 on=1 qos=low age=6 until=500\n queue 1 qos=high",
     "end 8 for 1 n1"},
    {"AHigherTierEndsALowerOne",
     "preempt partition_prio mode=cancel\n node 1\n partition low\n partition high tier=2\n"
     " run 8 on=1 partition=low until=500\n queue 1 partition=high",
     "end 8 for 1 n1"},
    {"TheSameTierDoesNot",
     "preempt partition_prio mode=cancel\n node 1\n partition low\n partition other\n"
     " run 8 on=1 partition=low until=500\n queue 1 partition=other",
     "reserve 1 @500"},
    {"OfAPartitionThatIsOffNobodyIsEnded",
     "preempt partition_prio mode=cancel\n node 1\n partition low preempt_mode=off\n"
     " partition high tier=2\n run 8 on=1 partition=low until=500\n queue 1 partition=high",
     "reserve 1 @500"},
    {"TwoJobsEndTwoOthers",
     GD_BY_QOS "node 1 cpus=2\n run 7 on=1 qos=low until=500\n run 8 on=1 age=3 qos=low until=500\n"
               " queue 1 qos=high\n queue 2 qos=mid",
     "end 7 for 1 n1; end 8 for 2 n1"},
    {"WhatOneFreesTheOtherDoesNotGet",
     GD_BY_QOS "node 1 cpus=2\n run 8 on=1 cpus=2 qos=low until=500\n queue 1 cpus=2 qos=high\n"
               " queue 2 cpus=2 qos=high",
     "end 8 for 1 n1; reserve 2 @101"},
    {"ButWhatIsLeftOverItMayHaveLater",
     GD_BY_QOS "node 1 cpus=2\n run 8 on=1 cpus=2 qos=low until=500\n queue 1 qos=high\n"
               " queue 2 qos=high",
     "end 8 for 1 n1; reserve 2 @1"},
    {"JobsOnSeveralNodesEndWhoIsThere",
     GD_BY_QOS "node 1\n node 2\n node 3\n run 7 on=1 age=4 qos=low until=500\n"
               " run 8 on=2 until=500\n run 9 on=3 qos=low until=500\n"
               " queue 1 nodes=2 tasks=2 qos=high",
     "end 9+7 for 1 n1+n3"},
    {"AndOnlyAsManyAsTheyNeed",
     GD_BY_QOS "node 1\n node 2\n node 3\n node 4\n run 7 on=1 age=4 qos=low until=500\n"
               " run 8 on=2 qos=low until=500\n run 9 on=3 age=2 qos=low until=500\n"
               " queue 1 nodes=3 tasks=3 qos=high",
     "end 8+9 for 1 n2+n3+n4"},
    {"TasksThatSpreadEndAsFewAsTheyCan",
     GD_BY_QOS "node 1 cpus=4\n node 2 cpus=4\n run 6 on=1 cpus=2 qos=low until=500\n"
               " run 7 on=1 cpus=2 age=1 qos=low until=500\n run 8 on=2 cpus=2 until=500\n"
               " queue 1 tasks=6 qos=high",
     "end 6+7 for 1 n1+n2"},
    {"ANodeThatIsNamedIsTheOne",
     GD_BY_QOS "node 1\n node 2\n run 7 on=1 qos=low until=500\n"
               " run 8 on=2 age=99 qos=low until=500\n queue 1 list=n2 qos=high",
     "end 8 for 1 n2"},
    {"APromiseThatWasMadeBeforeHolds",
     GD_BY_QOS "node 1\n node 2\n run 8 on=1 qos=low until=100\n queue 1 nodes=2 tasks=2\n"
               " queue 2 qos=high list=n1 limit=101",
     "reserve 1 @100"},
    {"WhoIsDoneBeforeItBeginsMayEndOthers",
     GD_BY_QOS "node 1\n node 2\n run 8 on=1 qos=low until=100\n queue 1 nodes=2 tasks=2\n"
               " queue 2 qos=high list=n1 limit=99",
     "end 8 for 2 n1; reserve 1 @100"},
    {"NobodyIsEndedForATimeThatIsReserved",
     GD_BY_QOS "node 1\n reserve r nodes=1 start=90 end=200\n run 8 on=1 qos=low until=500\n"
               " queue 1 qos=high",
     "reserve 1 @500"},
    {"WhatALimitStopsEndsNobody",
     "preempt qos mode=requeue\n qos low\n qos high preempt=low grp_tres=cpu=1\n node 1 cpus=3\n"
     " run 8 on=1 cpus=3 qos=low until=500\n queue 1 qos=high\n queue 2 qos=high",
     "end 8 for 1 n1"},
    {"WhoLacksALicenceEndsNobody",
     GD_BY_QOS "license m count=1\n node 1\n node 2\n run 7 on=2 licenses=m until=400\n"
               " run 8 on=1 qos=low until=500\n queue 1 qos=high licenses=m",
     ""},
    // The shape has been given up for the first of them when the second comes.
    {"WhoMayEndOthersIsNotPassedOverWithThoseWhoMayNot",
     GD_BY_QOS "node 1\n run 8 on=1 qos=low until=500\n queue 1\n queue 2 qos=mid\n"
               " queue 3 qos=high",
     "end 8 for 2 n1; reserve 1 @500"},
    {"UnlessNothingIsPromised",
     GD_BY_QOS "node 1 cpus=2\n node 2 cpus=1\n run 7 on=1 qos=low cpus=2 until=500\n"
               " run 8 on=2 until=500\n queue 1 limit=9 \n queue 2 limit=9\n"
               " queue 3 limit=9 qos=high",
     "end 7 for 3 n1; reserve 1 @500"},
};

class PreemptTest : public testing::TestWithParam<Case> {};

TEST_P(PreemptTest, GivesExpectedPlan) {
  const Scenario scenario = Scenario::parse(GetParam().scenario);
  EXPECT_EQ(scenario.render(scenario.plan(kEasy)), GetParam().expect);
}

INSTANTIATE_TEST_SUITE_P(Preempt, PreemptTest, testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST(Preempt, FifoEndsOthersForTheFirstInLineOnly) {
  const Scenario scenario =
      Scenario::parse(GD_BY_QOS
                      "node 1\n node 2\n run 7 on=1 until=500\n run 8 on=2 qos=low until=500\n"
                      "queue 1 list=n1\n queue 2 list=n2 qos=high");
  EXPECT_EQ(scenario.render(scenario.plan(kFifo)), "");
}

TEST(Preempt, TellsWhenWhoIsLeftAloneMayGo) {
  const Scenario scenario = Scenario::parse(
      "preempt qos mode=requeue exempt=60\n qos low\n qos high preempt=low\n node 1 cpus=2\n"
      " run 7 on=1 qos=low age=20 until=500\n run 8 on=1 qos=low age=10 until=500\n"
      " queue 1 qos=high\n queue 2 qos=low");
  EXPECT_EQ(scenario.plan(kEasy).again_at, TimePoint{} + Seconds{40});
  const Scenario nobody = Scenario::parse(
      "preempt qos mode=requeue exempt=60\n qos low\n qos high preempt=low\n node 1\n"
      " run 7 on=1 qos=low until=500\n queue 2 qos=low");
  EXPECT_FALSE(nobody.plan(kEasy).again_at) << "nobody who waits could end anybody";
}

// Nobody gets in between, not even who stands before it in line.
TEST(Preempt, WhatIsKeptStaysKeptUntilItStarts) {
  Scenario scenario = Scenario::parse(
      "preempt qos mode=requeue\n qos low grace_time=30\n qos high preempt=low\n node 1 cpus=4\n"
      " run 7 on=1 cpus=1 until=500\n run 8 on=1 cpus=3 qos=low until=500\n"
      " queue 1 cpus=2 nice=5000 qos=high limit=50\n queue 2 cpus=1 limit=900\n"
      " queue 3 cpus=3 limit=5 nice=-5000");
  const Plan first = scenario.plan(kEasy);
  // Job 3 is the first in line and may end nobody; what job 8 leaves is not enough for it.
  ASSERT_EQ(scenario.render(first), "end 8 for 1 n1; reserve 3 @500");
  scenario.follow(first.preemptions.front());
  EXPECT_EQ(scenario.render(scenario.plan(kEasy)), "reserve 1 @30; reserve 3 @51");
  scenario.remove(JobId{8});
  const Plan last = scenario.plan(kEasy);
  EXPECT_EQ(scenario.render(last), "start 1 n1; reserve 3 @50");
}

// Job 1 awaits both, job 2 only the one that has gone: what that left is kept for job 2, and job 1,
// looked at first, took it (found by the simulation: "has lost what it kept").
TEST(Preempt, WhoAwaitsMoreDoesNotTakeWhatAnotherOneKeeps) {
  const std::string text = GD_BY_QOS
      "node 1 cpus=5\n run 8 on=1 cpus=3 qos=low until=500\n"
      " run 9 on=1 cpus=2 qos=low until=500\n"
      " queue 1 cpus=2 qos=high nice=5000\n queue 2 cpus=3 qos=high";
  const Policy one_a_pass{.preempt_limit = 1};
  Scenario scenario = Scenario::parse(text);
  const Preemption of_2 = scenario.plan(one_a_pass).preemptions.at(0);
  ASSERT_EQ(of_2.awaits, std::vector<JobId>{JobId{8}});
  scenario.follow(of_2);
  const Preemption of_1 = scenario.plan(one_a_pass).preemptions.at(0);
  ASSERT_EQ(of_1.awaits, (std::vector<JobId>{JobId{8}, JobId{9}}));
  Scenario turned = Scenario::parse(text);
  turned.follow(of_1);
  turned.follow(of_2);
  turned.remove(JobId{8});
  const Plan last = turned.plan(one_a_pass);
  ASSERT_EQ(last.starts.size(), 1U);
  EXPECT_EQ(last.starts.front().job, JobId{2});
}

TEST(Preempt, ATakeoverComesToNothingWhenItsNodeIsClosed) {
  Scenario scenario =
      Scenario::parse(GD_BY_QOS
                      "node 1\n node 2\n run 7 on=2 until=500\n run 8 on=1 qos=low until=500\n"
                      "queue 1 qos=high");
  const Plan first = scenario.plan(kEasy);
  scenario.follow(first.preemptions.front());
  scenario.close("n1");
  EXPECT_EQ(scenario.render(scenario.plan(kEasy)), "drop 1");
}

TEST(Preempt, ATakeoverComesToNothingWhenNobodyIsLeftWhoseEndWouldHelp) {
  Scenario scenario =
      Scenario::parse(GD_BY_QOS
                      "node 1 cpus=2\n run 7 on=1 until=500\n run 8 on=1 qos=low until=500\n"
                      "queue 1 qos=high");
  const Plan first = scenario.plan(kEasy);
  scenario.follow(first.preemptions.front());
  scenario.remove(JobId{8});
  scenario.hold("n1", JobId{9}, Resources{1, 0, {}});
  EXPECT_EQ(scenario.render(scenario.plan(kEasy)), "drop 1");
}

TEST(Preempt, APassEndsOthersForSoManyJobsOnly) {
  std::string text = GD_BY_QOS "node 1 cpus=8\n";
  for (int i = 1; i <= 8; ++i) {
    text += "run " + std::to_string(20 + i) + " on=1 qos=low until=500\n";
    text += "queue " + std::to_string(i) + " qos=high\n";
  }
  const Scenario scenario = Scenario::parse(text);
  EXPECT_EQ(scenario.plan({.preempt_limit = 3}).preemptions.size(), 3U);
  EXPECT_EQ(scenario.plan({.victim_search_limit = 5}).preemptions.size(), 5U);
  EXPECT_EQ(scenario.plan({}).preemptions.size(), 8U);
}

}  // namespace
}  // namespace gd::sched
