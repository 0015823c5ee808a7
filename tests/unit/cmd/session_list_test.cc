// The rows of gdsh --list.
#include "cmd/session_list.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

constexpr TimePoint kNow{Seconds{1'700'000'000}};

StepRecord step_of(StepId id, std::vector<std::string> argv, bool pty = true) {
  StepRecord step{.id = id, .state = StepState::running, .shares = {{.node = "n1"}}};
  step.argv = std::move(argv);
  step.pty = pty;
  step.start_time = kNow - Seconds{75};
  return step;
}

JobView view_of(uint32_t id, std::vector<StepRecord> steps) {
  JobView view;
  view.job.id = JobId{id};
  view.job.spec = std::make_shared<const JobSpec>(JobSpec{.name = "sim" + std::to_string(id)});
  view.job.state = JobState::running;
  view.job.steps = std::move(steps);
  return view;
}

TEST(SessionList, ShowsLivingTerminalsAndWhetherSomebodyIsThere) {
  StepRecord over = step_of(StepId{1}, {"vi"});
  over.state = StepState::ended;
  JobView first =
      view_of(12, {step_of(kBatchStep, {}, false), over, step_of(StepId{2}, {"python3", "-i"})});
  JobView second = view_of(7, {step_of(kInteractiveStep, {})});
  second.samples = {{.job = JobId{7},
                     .step = kInteractiveStep,
                     .session = SessionNow{.attached = true, .idle = Seconds{5}}}};
  const GridLines lines = layout(session_grid(sessions_of({first, second}, kNow)), 0);
  EXPECT_EQ(lines.header, "SESSION  NODE  STATE     IDLE  TIME  NAME   COMMAND");
  ASSERT_EQ(lines.rows.size(), 2U);
  EXPECT_EQ(lines.rows[0], "7        n1    attached  0:05  1:15  sim7   (shell)");
  EXPECT_EQ(lines.rows[1], "12.2     n1    -            -  1:15  sim12  python3 -i");
}

}  // namespace
}  // namespace gd::cmd
