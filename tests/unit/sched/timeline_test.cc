// What a node has free over time, where jobs leave for others.
#include "server/sched/timeline.h"

#include <gtest/gtest.h>

#include <set>

namespace gd::sched {
namespace {

constexpr NodeIndex kNode{0};

std::vector<Node> one_node() {
  Node node;
  node.name = "n1";
  node.usable.cpus = node.free.cpus = 4;
  return {node};
}

Placement cpus(uint32_t count) {
  Resources held;
  held.cpus = count;
  return {PartitionIndex{0}, {{kNode, 1, held}}};
}

// A job with a limit of a second was started beside a promise for the moment when others leave:
// a place was kept that the job still had when they were gone, and the same victims were chosen
// again and again.
TEST(TimelineTest, AJobOfAMomentIsThereWhenThoseAreGoneThatLeave) {
  const std::vector<Node> nodes = one_node();
  const std::set<JobId> leaving;
  Timeline timeline(nodes, TimePoint{}, &leaving);
  timeline.promise({TimePoint{} + Seconds{100}, Seconds{10}, cpus(1)});
  timeline.start(cpus(1), kMoment);
  EXPECT_EQ(timeline.room_without(kNode, {}, Seconds{10}).cpus, 3U);
  timeline.promise({TimePoint{} + kMoment, Seconds{10}, cpus(3)});
  EXPECT_EQ(timeline.room(kNode, TimePoint{}, kMoment).cpus, 0U);  // no more of them get in
}

TEST(TimelineTest, WithoutAnybodyLeavingItIsGoneByItsLimit) {
  const std::vector<Node> nodes = one_node();
  Timeline timeline(nodes, TimePoint{});
  timeline.promise({TimePoint{} + kMoment, Seconds{10}, cpus(4)});
  EXPECT_EQ(timeline.room(kNode, TimePoint{}, kMoment).cpus, 4U);
  timeline.start(cpus(4), kMoment);
  EXPECT_EQ(timeline.room(kNode, TimePoint{}, Seconds{1}).cpus, 0U);
}

}  // namespace
}  // namespace gd::sched
