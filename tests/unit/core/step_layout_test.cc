// Where the tasks of a step go.
#include "server/core/step_layout.h"

#include <gtest/gtest.h>

namespace gd::core {
namespace {

std::vector<NodeRoom> four_nodes() {  // of 4 cpus and 1000 MiB
  std::vector<NodeRoom> rooms;
  for (const char* name : {"n1", "n2", "n3", "n4"}) {
    rooms.push_back({.node = name, .cpus = 4, .memory_mib = 1000});
  }
  return rooms;
}

// "n1:2/4 n2:1/0": tasks and processors of its own on each node; else the error's text.
std::string laid_out(const StepRequest& request, std::vector<NodeRoom> rooms = four_nodes()) {
  const Result<std::vector<StepShare>> shares = lay_out(std::move(rooms), request);
  if (!shares.ok()) return shares.error().text;
  std::string text;
  for (const StepShare& share : *shares) {
    text += (text.empty() ? "" : " ") + share.node + ":" + std::to_string(share.tasks) + "/" +
            std::to_string(share.cpus);
  }
  return text;
}

TEST(LayOut, ByWhatWasAsked) {
  struct {
    StepRequest request;
    const char* expected;
  } const cases[] = {
      {{}, "n1:1/4 n2:1/4 n3:1/4 n4:1/4"},
      {{.tasks = 2}, "n1:1/4 n2:1/4"},
      {{.nodes_min = 1, .nodes_max = 1, .tasks = 2}, "n1:2/4"},
      {{.nodes_min = 2, .nodes_max = 2}, "n1:1/4 n2:1/4"},
      {{.tasks = 8}, "n1:2/4 n2:2/4 n3:2/4 n4:2/4"},
      {{.nodes_min = 2, .nodes_max = 2, .tasks_per_node = 3}, "n1:3/4 n2:3/4"},
      {{.tasks = 3, .sharing = StepSharing::exact}, "n1:1/1 n2:1/1 n3:1/1"},
      {{.tasks = 4, .cpus_per_task = 3, .sharing = StepSharing::exact},
       "n1:1/3 n2:1/3 n3:1/3 n4:1/3"},
      {{.tasks = 1, .sharing = StepSharing::overlap}, "n1:1/0"},
      {{.node_list = "n[3-4]"}, "n3:1/4 n4:1/4"},
      {{.tasks = 1, .relative = 2}, "n3:1/4"},
      {{.tasks = 1, .exclude = "n1,n2"}, "n3:1/4"},
      {{.tasks = 8, .memory_per_cpu_mib = 600},
       "More processors requested than permitted: 8 tasks of 1 cpus on 4 nodes; the job has room "
       "for 4 on 4"},
      {{.tasks = 17},
       "More processors requested than permitted: 17 tasks of 1 cpus on 4 nodes; the job has room "
       "for 16 on 4"},
      {{.nodes_min = 5, .nodes_max = 5},
       "Requested node configuration is not available: 5 nodes, the job has 4 for it"},
      {{.node_list = "n9"}, "it is not on node n9"},
      {{.exclude = "n[1-4]"}, "none of its nodes is left to run on"},
      {{.relative = 4}, "node 4 of the job is not there, it has 4, counted from 0"}};
  for (const auto& one : cases) EXPECT_EQ(laid_out(one.request), one.expected);
}

TEST(LayOut, BesideOthers) {
  std::vector<NodeRoom> rooms = four_nodes();
  rooms[0].taken_cpus = 3;
  rooms[0].taken_memory_mib = 800;
  rooms[1].taken_cpus = 4;
  EXPECT_EQ(laid_out({.tasks = 2}, rooms), "n3:1/4 n4:1/4");
  EXPECT_EQ(laid_out({.tasks = 3}, rooms), "Requested nodes are busy");
  EXPECT_EQ(lay_out(rooms, {.tasks = 3}).error().code, ErrorCode::unavailable);
  EXPECT_EQ(laid_out({.tasks = 1, .sharing = StepSharing::exact}, rooms), "n1:1/1");
  EXPECT_EQ(laid_out({.tasks = 1, .memory_mib = 300, .sharing = StepSharing::exact}, rooms),
            "n3:1/1");
  // Two nodes that have more room instead of the first two that have any.
  const StepRequest six{.nodes_min = 2, .nodes_max = 2, .tasks = 6, .sharing = StepSharing::exact};
  EXPECT_EQ(laid_out(six, rooms), "n3:3/3 n4:3/3");
  EXPECT_EQ(laid_out({.tasks = 16, .sharing = StepSharing::overlap}, rooms),
            "n1:4/0 n2:4/0 n3:4/0 n4:4/0");
}

TEST(LayOutFirst, AllNodesOfTheJobAndAsManyTasksAsWereAsked) {
  std::vector<NodeShare> nodes(2);
  nodes[0] = {.node = "n1", .held = {.cpus = 3}};
  nodes[1] = {.node = "n2", .held = {.cpus = 1}};
  const auto tasks = [&](JobSpec spec) {
    std::string text;
    for (const StepShare& share : lay_out_first(spec, nodes)) text += std::to_string(share.tasks);
    return text;
  };
  EXPECT_EQ(tasks({}), "11");
  EXPECT_EQ(tasks({.tasks = 4}), "31");
  EXPECT_EQ(tasks({.tasks = 6}), "51");  // more than fit: overcommitted where most room is
  EXPECT_EQ(tasks({.tasks_per_node = 1}), "11");
  EXPECT_EQ(tasks({.tasks = 1}), "11");  // each node that it holds has something to do
}

}  // namespace
}  // namespace gd::core
