// EASY's promise, over whole replays of random work: what the first in line is promised is kept.
// Run times are the limits, so nothing ends early and nothing can make up for a broken promise.
#include <gtest/gtest.h>

#include <map>

#include "gdsim/replay.h"
#include "gdsim/scenario.h"
#include "tests/support/random_scenario.h"

namespace gd::sim {
namespace {

// One line: in order of submission, on all nodes, without what could hold up the first in line for
// another reason than room.
Workload in_one_line(uint64_t seed) {
  Workload workload = parse_scenario(test::random_scenario(seed)).value();
  workload.limits = {};
  workload.preempt = {};
  workload.reservations.clear();
  workload.partitions.resize(1);
  for (sched::ShapeKey& key : workload.keys) {
    key.reservation = 0;
    key.licences.clear();
    key.partitions = {sched::PartitionIndex{0}};
  }
  for (Running& row : workload.running) row.partition = 0;
  sched::ShapeTable shapes;
  std::erase_if(workload.jobs, [&](const WorkJob& job) {
    const auto shape = shapes.intern(workload.keys[job.key], workload.nodes, workload.partitions);
    return !shapes[shape].possible();
  });
  for (WorkJob& job : workload.jobs) {
    job.nice = 0;
    job.run = workload.keys[job.key].limit;
  }
  return workload;
}

TEST(Promise, OfTheFirstInLineIsNeverPutOff) {
  size_t promised = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Workload workload = in_one_line(seed);
    std::map<JobId, TimePoint> promises;  // the earliest that each was given
    const auto watch = [&](TimePoint now, const sched::Plan& plan) {
      for (const sched::Promise& one : plan.promises) {
        const auto [place, is_new] = promises.try_emplace(one.job, one.at);
        EXPECT_LE(one.at, place->second)
            << "job " << one.job.value << " at " << now.time_since_epoch() / 1s;
        place->second = std::min(place->second, one.at);
      }
    };
    const ReplayOptions how{.policy = {.weights = sched::kInOrder, .reservation_depth = 1},
                            .watch = watch};
    const Result<Schedule> schedule = replay(workload, how);
    ASSERT_TRUE(schedule.ok()) << schedule.error().text;
    for (const auto& [job, at] : promises) {
      const size_t place = place_of(workload, job);
      EXPECT_LE(TimePoint{schedule->jobs[place].start}, at) << workload.jobs[place].id;
    }
    promised += promises.size();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(promised, 2000U);
}

}  // namespace
}  // namespace gd::sim
