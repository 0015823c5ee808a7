// Each scenario of tests/scenarios, whose schedule was worked out by hand, through gdsim's replay
// and through the controller's own core: both must give what the file expects, second by second.
// tests/system/test_scenarios.py runs the short ones in real time.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/fd.h"
#include "gdsim/expect.h"
#include "gdsim/scenario.h"
#include "tests/support/core_replay.h"

namespace gd::sim {
namespace {

const ReplayOptions kHow{.policy = {}, .keep = Keep::placements, .progress = {}};

std::vector<std::string> scenario_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GD_SCENARIOS)) {
    names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

class Scenarios : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string path = std::string(GD_SCENARIOS "/") + GetParam() + ".txt";
    Result<Workload> read = parse_scenario(read_file(path).value());
    ASSERT_TRUE(read.ok()) << read.error().text;
    workload = std::move(read).take();
    ASSERT_EQ(workload.expected.size(), workload.jobs.size()) << "not all are expected something";
  }
  Workload workload;
};

TEST_P(Scenarios, GoAsExpectedInGdsim) {
  const Result<Schedule> schedule = replay(workload, kHow);
  ASSERT_TRUE(schedule.ok()) << schedule.error().text;
  EXPECT_EQ(differences(workload, *schedule), "");
}

TEST_P(Scenarios, GoAsExpectedInTheControllersCore) {
  const Result<Schedule> schedule = test::core_replay(workload, kHow);
  ASSERT_TRUE(schedule.ok()) << schedule.error().text;
  EXPECT_EQ(differences(workload, *schedule), "");
}

INSTANTIATE_TEST_SUITE_P(Files, Scenarios, testing::ValuesIn(scenario_files()),
                         [](const auto& each) { return each.param; });

TEST(Expectations, DifferencesAreToldJobByJob) {
  const Workload workload = parse_scenario(
                                "node 1\nqueue 1 run=10\nqueue 2 run=5\nexpect 1 start=0 on=n1\n"
                                "expect 2 start=9 end=15 on=n2")
                                .value();
  const Schedule schedule = replay(workload, kHow).value();
  EXPECT_EQ(differences(workload, schedule),
            "job 2: start=9 end=15 on=n2 expected, start=10 end=15 on=n1 found\n");
}

}  // namespace
}  // namespace gd::sim
