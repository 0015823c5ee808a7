// What limits and licences keep from starting, by text scenarios: who starts, who waits, and with
// which of Slurm's words.
#include <gtest/gtest.h>

#include "tests/support/scenario.h"

namespace gd::sched {
namespace {

using test::Scenario;

struct Case {
  const char* name;
  const char* scenario;
  const char* starts;
  const char* reasons;
};

const Case kCases[] = {
    {"AUserOfAQosRunsSoManyJobs", R"(
       node 1 cpus=8
       qos short max_jobs_per_user=1
       queue 1 user=ann qos=short
       queue 2 user=ann qos=short
       queue 3 user=bob qos=short
       queue 4 user=ann
     )",
     "start 1 n1; start 3 n1; start 4 n1", "2 QOSMaxJobsPerUserLimit"},
    {"WhatRunsAlreadyCounts", R"(
       node 1 cpus=8
       account lab grp_tres=cpu=4
       run 9 on=1 cpus=3 account=lab user=bob until=50
       queue 1 account=lab user=ann cpus=2
       queue 2 account=lab user=ann cpus=1
     )",
     "start 2 n1", "1 AssocGrpCpuLimit"},
    {"TheAccountAboveLimitsThoseBelow", R"(
       node 1 cpus=8
       account art grp_jobs=1
       account oil parent=art
       account ink parent=art
       queue 1 account=oil user=ann
       queue 2 account=ink user=bob
       queue 3 user=cid
     )",
     "start 1 n1; start 3 n1", "2 AssocGrpJobsLimit"},
    {"AnAccountLimitsEachOfItsUsers", R"(
       node 1 cpus=8
       account art max_jobs=1
       account oil parent=art
       queue 1 account=oil user=ann
       queue 2 account=oil user=ann
       queue 3 account=oil user=bob
     )",
     "start 1 n1; start 3 n1", "2 AssocMaxJobsLimit"},
    {"AUserHasHerOwnOrThatOfEverybody", R"(
       node 1 cpus=8
       user ann grp_tres=cpu=3
       user * grp_tres=cpu=1
       queue 1 user=ann cpus=3
       queue 2 user=ann
       queue 3 user=bob
       queue 4 user=bob
     )",
     "start 1 n1; start 3 n1", "2 AssocGrpCpuLimit; 4 AssocGrpCpuLimit"},
    {"MemoryAndNodesCountAsHeld", R"(
       node 1 cpus=4 mem=1000
       node 2 cpus=4 mem=1000
       qos big grp_tres=node=1
       qos fat grp_tres=mem=500
       queue 1 qos=big cpus=1 nodes=1
       queue 2 qos=big cpus=1 nodes=1
       queue 3 qos=fat mem=400
       queue 4 qos=fat mem=101
     )",
     "start 1 n1; start 3 n1", "2 QOSGrpNodeLimit; 4 QOSGrpMemLimit"},
    {"AnExclusiveJobCountsAllItIsGiven", R"(
       node 1 cpus=8
       qos small grp_tres=cpu=4
       queue 1 qos=small cpus=2 exclusive
       queue 2 qos=small cpus=4
     )",
     "start 2 n1", "1 QOSGrpCpuLimit"},
    // Both are one lane's: none of it is promised anything, and the others go on.
    {"WhoIsOverALimitHoldsUpNobody", R"(
       node 1 cpus=4
       run 9 on=1 cpus=2 qos=short user=ann until=100
       qos short max_tres_per_user=cpu=2
       queue 1 qos=short user=ann cpus=2
       queue 2 qos=short user=bob cpus=2 limit=1000
     )",
     "start 2 n1", "1 QOSMaxCpuPerUserLimit"},
    {"OfAnAccountInAQos", R"(
       node 1 cpus=4
       qos short max_jobs_per_account=1
       account lab
       queue 1 qos=short account=lab user=ann
       queue 2 qos=short account=lab user=bob
     )",
     "start 1 n1", "2 MaxJobsPerAccount"},
    {"LicencesAreForTheWholeCluster", R"(
       node 1 cpus=4
       node 2 cpus=4
       license matlab count=3
       run 9 on=1 licenses=matlab:1 until=50
       queue 1 licenses=matlab:2
       queue 2 licenses=matlab
       queue 3
     )",
     "start 1 n1; start 3 n1", "2 Licenses"},
    // Job 1 lacks one until 100. Job 2 gives its own back by then, job 3 would not.
    {"TheFirstThatLacksALicenceIsPromisedIt", R"(
       node 1 cpus=8
       license matlab count=2
       run 9 on=1 licenses=matlab:1 until=100
       queue 1 licenses=matlab:2 limit=50
       queue 3 licenses=matlab:1 limit=101
       queue 2 licenses=matlab:1 limit=100
     )",
     "start 2 n1", "1 Licenses; 3 Licenses"},
    // Three are there: one beside what job 1 is promised may be kept longer.
    {"WhatIsLeftBesideThePromiseMayBeTaken", R"(
       node 1 cpus=8
       license matlab count=3
       run 9 on=1 licenses=matlab:2 until=100
       queue 1 licenses=matlab:2 limit=50
       queue 2 licenses=matlab:1 limit=500
     )",
     "start 2 n1", "1 Licenses"},
    {"WhoEndsBeforeAReservationMayUseItsNodes", R"(
       node 1 cpus=4
       reserve maint nodes=1 start=100 end=200
       queue 1 limit=100
       queue 2 limit=101
     )",
     "start 1 n1; reserve 2 @200", "2 Resources"},
    {"AReservationIsForThoseThatNameIt", R"(
       node 1 cpus=4
       node 2 cpus=4
       reserve class nodes=2 start=0 end=100
       queue 1 cpus=4 limit=50
       queue 2 cpus=4 limit=50
       queue 3 cpus=4 limit=50 reservation=class
     )",
     "start 3 n2; start 1 n1; reserve 2 @50", "2 Resources"},
    {"ItsOwnJobsWaitForItToBegin", R"(
       node 1 cpus=4
       reserve class nodes=1 start=100 end=200
       queue 1 limit=50 reservation=class
       queue 2 limit=101 reservation=class
     )",
     "reserve 1 @100", "1 Reservation; 2 Reservation"},
    {"ItsOwnJobsStayInItsTimeAndOnItsNodes", R"(
       node 1 cpus=4
       node 2 cpus=4
       reserve class nodes=1 start=0 end=100
       queue 1 cpus=4 limit=100 reservation=class
       queue 2 cpus=4 limit=10 reservation=class
     )",
     "start 1 n1", "2 Resources"},
    {"TwoReservationsOneAfterTheOther", R"(
       node 1 cpus=4
       reserve a nodes=1 start=100 end=200
       reserve b nodes=1 start=200 end=300
       queue 1 limit=150
       queue 2 limit=100 reservation=b
     )",
     "reserve 2 @200; reserve 1 @300", "1 Resources; 2 Reservation"},
    {"ALimitCountsInAllLines", R"(
       node 1 cpus=4
       node 2 cpus=4
       qos short max_jobs_per_user=1
       reserve class nodes=1 start=0 end=100
       queue 1 qos=short user=ann limit=50
       queue 2 qos=short user=ann limit=50 reservation=class
     )",
     "start 2 n1", "1 QOSMaxJobsPerUserLimit"},
};

class LimitsTest : public testing::TestWithParam<Case> {};

TEST_P(LimitsTest, GivesExpectedPlan) {
  const Scenario scenario = Scenario::parse(GetParam().scenario);
  const Plan plan = scenario.plan({.weights = kInOrder});
  EXPECT_EQ(scenario.render(plan), GetParam().starts);
  EXPECT_EQ(Scenario::reasons(plan), GetParam().reasons);
}

INSTANTIATE_TEST_SUITE_P(All, LimitsTest, testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

TEST(LimitsPlan, EveryJobOfALaneIsToldByOneVerdict) {
  const Scenario scenario = Scenario::parse(R"(
    node 1 cpus=8
    qos short max_jobs_per_user=1
    queue 1 user=ann qos=short
    queue 2 user=ann qos=short
    queue 3 user=ann qos=short
    queue 4 user=ann qos=short
  )");
  const Plan plan = scenario.plan({.weights = kInOrder});
  ASSERT_EQ(plan.verdicts.size(), 1U) << "one look for all that are alike";
  ASSERT_EQ(plan.lanes.size(), 1U);
  EXPECT_EQ(plan.lanes[0].reason, Reason::qos_max_jobs_per_user);
  EXPECT_EQ(plan.lanes[0].text, "user ann in qos short: max_jobs_per_user 1");
}

TEST(LimitsPlan, TheQosCountsInThePriority) {
  const Scenario scenario = Scenario::parse(R"(
    node 1 cpus=1
    qos low priority=10
    qos high priority=100
    queue 1 qos=low
    queue 2 qos=high
    queue 3
  )");
  EXPECT_EQ(scenario.plan({}).starts.at(0).job, JobId{2});
}

TEST(LimitBookTest, GresOfATypeCountsInItsKindToo) {
  LimitSettings settings;
  settings.qos.push_back({.name = "gpu"});
  settings.qos[0].group.tres = parse_tres_limits("gres/gpu=4,gres/gpu:a100=1").value();
  LimitBook book;
  book.configure(settings);
  const ClaimId claim = book.claim_of({"", "ann", "gpu"});
  ASSERT_NE(claim.value, 0U);
  EXPECT_EQ(book.claim_of({"", "ann", "normal"}).value, 0U) << "nothing limits it";
  const std::vector<NodeUse> uses{{NodeIndex{0}, 1, {1, 0, {{"gpu", "a100", 1}}}}};
  book.count_running(claim, book.held(uses, 0s), {}, LimitBook::Sign::more);
  Need need;
  need.gres_per_node = {{"gpu", "", 3}};
  EXPECT_FALSE(book.shortage(claim, book.asked(need, 0s), book.used({})));
  need.gres_per_node = {{"gpu", "", 4}};
  const auto over = book.shortage(claim, book.asked(need, 0s), book.used({}));
  ASSERT_TRUE(over);
  EXPECT_EQ(book.limit_text(*over), "qos gpu: grp_tres gres/gpu=4");
  EXPECT_EQ(over->used, 1U);
  need.gres_per_node = {{"gpu", "a100", 1}};
  EXPECT_EQ(book.reason_of(*book.shortage(claim, book.asked(need, 0s), book.used({}))),
            Reason::qos_grp_gres);
}

TEST(LimitBookTest, OneJobMayHaveSoMuch) {
  LimitSettings settings;
  settings.qos.push_back({.name = "short"});
  settings.qos[0].each = {parse_tres_limits("cpu=4").value(), {}, 1h};
  settings.users.push_back({"*", {}});
  settings.users[0].limits.each.tres = parse_tres_limits("mem=1G").value();
  LimitBook book;
  book.configure(settings);
  const Owner owner{"", "ann", "short"};
  Need need;
  EXPECT_FALSE(book.breach(owner, need, 1h));
  EXPECT_EQ(book.breach(owner, need, 61min)->text,
            "qos short: a time limit may be 01:00:00, 01:01:00 asked");
  EXPECT_EQ(book.breach(owner, need, {})->reason, Reason::qos_max_wall) << "no limit is longer";
  need.tasks = 5;
  EXPECT_EQ(book.breach(owner, need, 1h)->text, "qos short: a job may have cpu=4, 5 asked");
  need.tasks = 1;
  need.memory_per_node_mib = 1025;
  EXPECT_EQ(book.breach(owner, need, 1h)->reason, Reason::assoc_max_mem_per_job);
  EXPECT_EQ(book.max_wall(owner), 1h);
}

}  // namespace
}  // namespace gd::sched
