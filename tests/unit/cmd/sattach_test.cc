// What sattach makes of its arguments and of a step.
#include "cmd/sattach.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

StepRecord step_of(std::vector<uint32_t> tasks, bool cyclic = false) {
  StepRecord step{.id = StepId{2}, .cyclic = cyclic};
  for (size_t i = 0; i < tasks.size(); ++i) {
    step.shares.push_back({.node = "n" + std::to_string(i + 1), .tasks = tasks[i]});
  }
  return step;
}

TEST(Sattach, OneStepIsNamed) {
  EXPECT_EQ(*parse_step_argument({"7.2"}), (StepArgument{JobId{7}, StepId{2}}));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{}, {"7"}, {"7.2", "7.3"}, {"7_1.2"}, {"x"}, {"7."}}) {
    EXPECT_EQ(parse_step_argument(words).error().code, ErrorCode::usage);
  }
}

TEST(Sattach, FiltersChooseTasks) {
  EXPECT_EQ(watch_plan({}), FilePlan{});
  const FilePlan plan = watch_plan({.output_task = 0, .error_task = 3});
  EXPECT_EQ(plan.output.only, 0U);
  EXPECT_EQ(plan.error.only, 3U);
  EXPECT_FALSE(plan.input.only);
}

TEST(Sattach, InputForOneTaskWantsANodeOfItsOwn) {
  EXPECT_TRUE(check_input_task(step_of({1, 2}), 0).ok());
  EXPECT_EQ(check_input_task(step_of({1, 2}), 2).error().text,
            "--input-filter=2: its node has 2 tasks, whose input is one");
  EXPECT_EQ(check_input_task(step_of({1, 2}), 3).error().text,
            "--input-filter=3: the step has 3 tasks, counted from 0");
}

TEST(Sattach, TheLayoutIsTheTasksOfEachNode) {
  EXPECT_EQ(layout_text(step_of({2, 1}, true)),
            "Job step layout:\n\t3 tasks, 2 nodes (n[1-2])\n\n"
            "\tNode 0 (n1), 2 task(s): 0 2 \n\tNode 1 (n2), 1 task(s): 1 \n");
  EXPECT_EQ(layout_text(step_of({2, 1})),
            "Job step layout:\n\t3 tasks, 2 nodes (n[1-2])\n\n"
            "\tNode 0 (n1), 2 task(s): 0 1 \n\tNode 1 (n2), 1 task(s): 2 \n");
}

}  // namespace
}  // namespace gd::cmd
