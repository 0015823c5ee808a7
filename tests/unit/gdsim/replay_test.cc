// The replay: schedules that can be checked by hand, and a trace whose every start is known
// from an independent simulator (one machine of processors, FCFS with and without EASY).
#include "gdsim/replay.h"

#include <gtest/gtest.h>

#include "gdsim/gdsim.h"
#include "gdsim/metrics.h"
#include "gdsim/plot.h"
#include "gdsim/scenario.h"
#include "gdsim/trace_file.h"

namespace gd::sim {
namespace {

constexpr sched::Policy kFifo{.weights = sched::kInOrder, .reservation_depth = 0};
constexpr sched::Policy kEasy{.weights = sched::kInOrder, .reservation_depth = 1};

std::string schedule_of(std::string_view scenario, const sched::Policy& policy) {
  const Result<Workload> workload = parse_scenario(scenario);
  if (!workload.ok()) return workload.error().text;
  const ReplayOptions options{
      .policy = policy, .half_life = {}, .keep = Keep::placements, .progress = {}};
  const Result<Schedule> schedule = replay(*workload, options);
  return schedule.ok() ? start_lines(*workload, *schedule) : schedule.error().text;
}

constexpr char kBlocked[] = R"(
  node 1 cpus=4
  node 2 cpus=4
  run 9 on=2 cpus=4 until=100
  queue 1 nodes=2 cpus=4 limit=50 run=20
  queue 2 cpus=4 limit=100 at=10
  queue 3 cpus=4 limit=50 at=20
)";

TEST(Replay, FifoLetsNobodyOvertake) {
  EXPECT_EQ(schedule_of(kBlocked, kFifo), "100 start 1 n1+n2\n120 start 2 n1\n120 start 3 n2\n");
}

TEST(Replay, EasyLetsThoseOvertakeThatEndInTime) {
  EXPECT_EQ(schedule_of(kBlocked, kEasy), "20 start 3 n1\n100 start 1 n1+n2\n120 start 2 n1\n");
}

TEST(Replay, AnEndMakesRoomForWhoComesInTheSameSecond) {
  EXPECT_EQ(schedule_of("node 1\n queue 1 run=10\n queue 2 at=10 run=5", kEasy),
            "0 start 1 n1\n10 start 2 n1\n");
}

TEST(Replay, WhatCanNeverStartIsNamed) {
  EXPECT_EQ(schedule_of("node 1 cpus=2\n queue 7 cpus=3", kEasy),
            "job 7 can never start: 3 cpus a task asked, 2 are on the largest node of partition "
            "main");
  EXPECT_EQ(schedule_of("node 1 closed\n queue 7", kEasy),
            "1 jobs wait at the end, when nothing runs any more");
}

struct KnownCase {
  const char* policy;
  const char* waits;
};

class KnownTrace : public testing::TestWithParam<KnownCase> {};

TEST_P(KnownTrace, EveryJobStartsAtTheSecondOfTheIndependentSimulator) {
  const std::string folder = GDSIM_DATA "/";
  const Result<Trace> trace = parse_swf(read_trace_file(folder + "mixed.swf").value());
  ASSERT_TRUE(trace.ok()) << trace.error().text;
  const Result<Workload> workload = workload_of(*trace, {});
  SimOptions options;
  options.policy = GetParam().policy;
  options.order = "fcfs";
  const ReplayOptions how{
      .policy = policy_of(options).value(), .half_life = {}, .keep = {}, .progress = {}};
  const Result<Schedule> schedule = replay(*workload, how);
  ASSERT_TRUE(schedule.ok()) << schedule.error().text;
  EXPECT_GT(schedule->most_waiting, 20U) << "nobody waits: nothing is shown";
  EXPECT_EQ(job_lines(*workload, *schedule),
            read_file(folder + std::string(GetParam().waits)).value());
}

INSTANTIATE_TEST_SUITE_P(Policies, KnownTrace,
                         testing::Values(KnownCase{"fifo", "mixed.fifo.txt"},
                                         KnownCase{"easy", "mixed.easy.txt"}),
                         [](const auto& each) { return std::string(each.param.policy); });

TEST(Metrics, OfTwoJobs) {
  const Result<Workload> workload = parse_scenario("node 1\n queue 1 run=90\n queue 2 run=5");
  const Result<Schedule> schedule =
      replay(*workload, {.policy = kEasy, .half_life = {}, .keep = {}, .progress = {}});
  ASSERT_TRUE(schedule.ok());
  const Metrics m = measure(*workload, *schedule);
  EXPECT_DOUBLE_EQ(m.mean_wait, 45);
  EXPECT_DOUBLE_EQ(m.longest_wait, 90);
  EXPECT_DOUBLE_EQ(m.mean_slowdown, (1 + 9.5) / 2);  // (90 + 5) / max(5, 10)
  EXPECT_DOUBLE_EQ(m.area_wait, 90.0 * 5 / 95);
  EXPECT_DOUBLE_EQ(m.makespan, 95);
  EXPECT_DOUBLE_EQ(m.utilization, 1);
  EXPECT_EQ(m.most_waiting, 2U);
  EXPECT_EQ(job_lines(*workload, *schedule), "1 0 0 90 1 100\n2 0 90 5 1 100\n");
  EXPECT_NE(as_json(m).find("\"mean_bsld\":5.250"), std::string::npos) << as_json(m);
}

TEST(Plot, ShowsTheShareInUse) {
  // Half of the cpus over all of the time: the line runs at half the height, 30 + 180 / 2.
  const Result<Workload> workload = parse_scenario("node 1 cpus=2\n queue 1 run=100");
  const Result<Schedule> schedule =
      replay(*workload, {.policy = kEasy, .half_life = {}, .keep = {}, .progress = {}});
  const std::string svg = plot_svg(*workload, *schedule);
  EXPECT_NE(svg.find("M70 210V120H71V120H72"), std::string::npos) << svg;
  EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}

TEST(Options, PoliciesAndFormats) {
  SimOptions options;
  EXPECT_EQ(policy_of(options)->reservation_depth, 1U);
  options.depth = 5000;
  EXPECT_EQ(policy_of(options)->reservation_depth, 5000U);
  EXPECT_GE(policy_of(options)->search_limit, 5000U) << "as many searches as promises";
  options.policy = "fifo";
  EXPECT_EQ(policy_of(options).error().code, ErrorCode::usage);
  EXPECT_EQ(format_of({}, "\n ; MaxProcs"), Format::trace);
  EXPECT_EQ(format_of({}, "  12 3"), Format::trace);
  EXPECT_EQ(format_of({}, "node 1"), Format::scenario);
  EXPECT_EQ(format_of({}, ""), Format::scenario);
}

}  // namespace
}  // namespace gd::sim
