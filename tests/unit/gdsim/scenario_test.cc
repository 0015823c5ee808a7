// Scenarios: what each word becomes, and what is refused.
#include "gdsim/scenario.h"

#include <gtest/gtest.h>

#include "gdsim/scenario_line.h"

namespace gd::sim {
namespace {

std::string refusal(std::string_view text) {
  const Result<Workload> workload = parse_scenario(text);
  return workload.ok() ? "accepted" : workload.error().text;
}

TEST(Scenario, ReadsNodesPartitionsAndJobs) {
  const Result<Workload> workload = parse_scenario(R"(
    # the order of the lines does not matter
    queue 2 at=5 run=500 limit=60 partition=small,all
    queue 1 cpus=2 tasks=3 nice=7 user=a
    run 9 on=2 cpus=3 until=40
    partition all
    partition small nodes=2 tier=3 down
    node 1 cpus=8 mem=64 features=ssd,gpu
    node 2 cpus=4 closed
  )");
  ASSERT_TRUE(workload.ok()) << workload.error().text;
  EXPECT_EQ(workload->nodes[0].features, (std::vector<std::string>{"ssd", "gpu"}));
  EXPECT_FALSE(workload->nodes[1].open);
  EXPECT_EQ(workload->cpus(), 12U);
  EXPECT_EQ(workload->partitions[1].nodes, (std::vector<sched::NodeIndex>{{1}}));
  EXPECT_EQ(workload->partitions[1].tier, 3U);
  ASSERT_EQ(workload->jobs.size(), 2U);
  EXPECT_EQ(workload->jobs[0].id, 1);
  EXPECT_EQ(workload->jobs[0].cpus, 6U);
  EXPECT_EQ(workload->jobs[0].run, Seconds{100});
  EXPECT_EQ(workload->jobs[1].run, Seconds{60}) << "cut to the limit";
  EXPECT_EQ(workload->keys[workload->jobs[1].key].partitions.size(), 2U);
  EXPECT_EQ(workload->running[0].until, Seconds{40});
}

TEST(Scenario, ReadsWhoWaitsForWhomAndWhatIsExpected) {
  const Result<Workload> workload = parse_scenario(R"(
    node 1
    queue 1 at=5
    queue 2 at=5 after=1
    queue 3
    expect 2 start=105,300 end=200 on=n1
  )");
  ASSERT_TRUE(workload.ok()) << workload.error().text;
  ASSERT_EQ(workload->jobs[0].id, 3) << "by submission";
  EXPECT_EQ(workload->after, (std::map<size_t, std::vector<uint32_t>>{{2, {1}}}));
  const Expected& row = workload->expected.at(0);
  EXPECT_EQ(row.job, 2U);
  EXPECT_EQ(row.starts, (std::vector<Seconds>{Seconds{105}, Seconds{300}}));
  EXPECT_EQ(row.ends, (std::vector<Seconds>{Seconds{200}}));
  EXPECT_EQ(row.nodes, "n1");
}

TEST(Scenario, RefusesWithTheLine) {
  EXPECT_EQ(refusal("nod 1"), "line 1: unknown kind 'nod'; did you mean 'node'?");
  EXPECT_EQ(refusal("node"), "line 1: 'node' lacks a name");
  EXPECT_EQ(refusal("node 1 cpu=4"), "line 1: node 1: unknown word 'cpu'; did you mean 'cpus'?");
  EXPECT_EQ(refusal("node 1 cpus=0"), "line 1: node 1: cpus: 0 is not between 1 and 1000000");
  EXPECT_EQ(refusal("node 1 cpus=1 cpus=2"), "line 1: 'cpus' is given twice");
  EXPECT_EQ(refusal("node 1\nnode 1"), "line 2: node 1: it is there already");
  EXPECT_EQ(refusal("node 1\nqueue 1\nqueue 1"), "line 3: queue 1: it is there already");
  EXPECT_EQ(refusal("node 1\nrun 9 on=2"), "line 2: run 9: node '2' is not there");
  EXPECT_EQ(refusal("node 1\nrun 9 on=1 cpus=2"), "line 2: run 9: it does not fit on n1");
  EXPECT_EQ(refusal("node 1\nqueue 1 partition=x"), "line 2: queue 1: partition 'x' is not there");
  EXPECT_EQ(refusal("node 1\npartition a nodes=1,7"),
            "line 2: partition a: a node of it is not there");
  EXPECT_EQ(refusal("node 1\nqueue 1 after=2\nqueue 2"),
            "line 2: queue 1: after: job 2 is on no line before it");
  EXPECT_EQ(refusal("node 1\nqueue 1 at=9\nqueue 2 after=1"),
            "line 3: queue 2: after: job 1 is submitted later");
  EXPECT_EQ(refusal("node 1\nqueue 1\nexpect 2 start=0"),
            "line 3: expect 2: no such job is queued");
  EXPECT_EQ(refusal("node 1\nqueue 1\nexpect 1"),
            "line 3: expect 1: it says none of start=, end=, on=");
  EXPECT_EQ(refusal("node 1\nqueue 1\nexpect 1 end=0,x"),
            "line 3: expect 1: end: 'x' is not a whole number");
  EXPECT_EQ(refusal("node 1\nqueue 1\nexpect 1 end=0\nexpect 1 end=0"),
            "line 4: expect 1: it is there already");
  const std::string latest = std::to_string(kMaxScenarioTime);
  EXPECT_EQ(refusal("node 1\nqueue 1 at=" + latest), "accepted");
  EXPECT_EQ(refusal("node 1\nqueue 1 at=" + latest + "0"),
            "line 2: queue 1: at: 40000000000 is not between 0 and 4000000000");
  EXPECT_EQ(refusal(std::string(kMaxScenarioBytes, '\n')), "accepted");
  EXPECT_EQ(refusal(std::string(kMaxScenarioBytes + 1, '\n')),
            "4194305 octets, a scenario has at most 4194304");
}

}  // namespace
}  // namespace gd::sim
