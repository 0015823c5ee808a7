// shapes: equal needs are one, freed ones are used again, constraints, explanations.
#include "server/sched/shape.h"

#include <gtest/gtest.h>

#include "server/sched/explain.h"
#include "tests/support/scenario.h"

namespace gd::sched {
namespace {

using test::Scenario;

TEST(Shape, EqualNeedsAreOneAndLimitsShareAClass) {
  ShapeTable table;
  ShapeKey key;
  key.limit = Seconds{10};
  const ShapeId first = table.intern(key, {}, {});
  EXPECT_EQ(table.intern(key, {}, {}), first);
  EXPECT_EQ(table[first].users, 2u);
  key.limit = Seconds{20};
  const ShapeId longer = table.intern(key, {}, {});
  EXPECT_NE(longer, first);
  EXPECT_EQ(table[longer].fit_class, table[first].fit_class);
  key.need.cpus_per_task = 2;
  EXPECT_NE(table[table.intern(key, {}, {})].fit_class, table[first].fit_class);
}

TEST(Shape, FreedSlotsAreUsedAgain) {
  ShapeTable table;
  ShapeKey key;
  for (int i = 1; i <= 1000; ++i) {
    key.limit = Seconds{i};
    table.release(table.intern(key, {}, {}));
  }
  EXPECT_EQ(table.slots(), 1u);
  EXPECT_EQ(table.fit_classes(), 1u);
  EXPECT_EQ(table.size(), 0u);
}

TEST(Shape, WhatIsJudgedSharesTheSetsOfThoseThatWait) {
  const Scenario scenario = Scenario::parse("node 1 cpus=4\n queue 1 cpus=2\n queue 2 features=x");
  ShapeKey key = scenario.shape_of(JobId{1}).key;
  ShapeTable table;
  const ShapeId waiting = table.intern(key, scenario.nodes(), scenario.partitions());
  key.need.cpus_per_task = 4;
  const Shape fits = table.judge(key, scenario.nodes(), scenario.partitions());
  EXPECT_TRUE(fits.possible());
  EXPECT_EQ(fits.candidates[0].set, table[waiting].candidates[0].set);
  key.need.cpus_per_task = 5;
  EXPECT_FALSE(table.judge(key, scenario.nodes(), scenario.partitions()).possible());
  key.constraint = "x";
  const Shape other = table.judge(key, scenario.nodes(), scenario.partitions());
  EXPECT_TRUE(other.candidates[0].nodes().empty());
  EXPECT_EQ(table.size(), 1U) << "judging keeps nothing";
}

TEST(Shape, NeedFillsInWhatWasNotSaid) {
  JobSpec spec;
  EXPECT_EQ(need_of(spec).tasks, 1u);
  spec.nodes_min = 3;
  EXPECT_EQ(need_of(spec).tasks, 3u);
  spec.tasks_per_node = 4;
  EXPECT_EQ(need_of(spec).tasks, 12u);
  spec.tasks = 2;  // fewer than nodes: no node without a task
  EXPECT_EQ(need_of(spec).nodes_min, 2u);
}

TEST(Constraint, FormIsChecked) {
  EXPECT_TRUE(check_constraint("").ok());
  EXPECT_TRUE(check_constraint("a&b&c").ok());
  EXPECT_EQ(check_constraint("a&b|c").error().text,
            "constraint 'a&b|c' mixes & and |; use one of them");
  EXPECT_EQ(check_constraint("a*2").error().text,
            "constraint 'a*2' has '*' at position 1; features are joined by & or by |");
  EXPECT_EQ(check_constraint("a&").error().text, "constraint 'a&' lacks a feature's name");
}

TEST(Explain, NamesWhatIsAskedAndTheMostThereIs) {
  const Scenario scenario = Scenario::parse(R"(
    node 1 cpus=4 mem=1000
    node 2 cpus=2 mem=2000
    queue 1 cpus=8
    queue 2 mem=3000
    queue 3 features=gpu
    queue 4 nodes=3
    queue 5 tasks=9
    queue 6 list=n7
    queue 7 cpus=1
  )");
  const auto why = [&](uint32_t job) {
    return why_impossible(scenario.shape_of(JobId{job}), scenario.nodes(), scenario.partitions());
  };
  EXPECT_EQ(why(1), "8 cpus a task asked, 4 are on the largest node of partition main");
  EXPECT_EQ(why(2),
            "3000 MiB of memory asked on a node, 2000 are on the largest of partition main");
  EXPECT_EQ(why(3), "no node of partition main has the features gpu");
  EXPECT_EQ(why(4), "3 nodes asked, 2 of partition main could hold a task");
  EXPECT_EQ(why(5), "9 tasks of 1 cpu asked, 6 fit on the nodes of partition main");
  EXPECT_EQ(why(6), "node n7 is not of partition main");
  EXPECT_EQ(why(7), "");
}

}  // namespace
}  // namespace gd::sched
