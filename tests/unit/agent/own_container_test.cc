// Steps with a container of their own, in the control group and on the processors of their job.
#include <gtest/gtest.h>

#include "tests/unit/agent/shepherd_harness.h"

namespace gd::agent::test {
namespace {

class OwnContainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    shepherds_.emplace();
  }
  // The job's: a place for others.
  StepLaunch place() {
    StepLaunch launch = shepherds_->batch("");
    launch.step = kExternStep;
    launch.spec.kind = JobKind::allocation;
    launch.stream = true;
    return launch;
  }
  static StepLaunch beside(StepLaunch launch, uint32_t step, const std::string& script) {
    launch.step = StepId{step};
    launch.argv = {"/bin/sh", "-c", script};
    launch.stream = false;
    launch.spec.open_mode = OpenMode::truncate;
    launch.spec.output = "out" + std::to_string(step);
    return launch;
  }
  std::optional<Shepherds> shepherds_;
};

TEST_F(OwnContainerTest, ItSeesNothingOfTheJobsAndIsInItsGroup) {
  const StepLaunch job = place();
  const Shepherds::Step& owner = shepherds_->start(job);
  Line owner_line = shepherds_->agent(owner);
  ASSERT_EQ(shepherds_->await(owner_line, StepPhase::running).phase, StepPhase::running);
  StepLaunch joined = beside(job, 0, "echo mark >/tmp/mark");
  joined.join_container = true;
  EXPECT_EQ(shepherds_->run(joined).exit, (ExitStatus{0, 0}));
  const std::string look = "cat /tmp/mark; ls -d /proc/[0-9]* | wc -l; id -un; sleep 0.2";
  const StepStatus own = shepherds_->run(beside(job, 1, look));
  EXPECT_EQ(own.exit, (ExitStatus{0, 0})) << own.error;
  EXPECT_FALSE(own.receipt.given());  // that is the job's
  // cat's complaint, then pid 1, sh, ls and wc.
  const std::string said = shepherds_->output("out1");
  EXPECT_NE(said.find("No such file"), std::string::npos) << said;
  EXPECT_NE(said.find("4\ngames\n"), std::string::npos) << said;
  StepLaunch again = beside(job, 2, "cat /tmp/mark");
  again.join_container = true;
  shepherds_->run(again);
  EXPECT_EQ(shepherds_->output("out2"), "mark\n");
  owner_line.send(ShepherdOrder{.end = EndOrder{}});
  EXPECT_EQ(shepherds_->await(owner_line, StepPhase::ended).cause, EndCause::ordered);
  EXPECT_TRUE(shepherds_->groups().empty());
}

TEST_F(OwnContainerTest, ItsEndTakesItsProcessesAndNobodyElses) {
  const StepLaunch job = place();
  const Shepherds::Step& owner = shepherds_->start(job);
  Line owner_line = shepherds_->agent(owner);
  ASSERT_EQ(shepherds_->await(owner_line, StepPhase::running).phase, StepPhase::running);
  const Shepherds::Step& step = shepherds_->start(beside(job, 0, "setsid sleep 1000 & sleep 1000"));
  Line line = shepherds_->agent(step);
  ASSERT_EQ(shepherds_->await(line, StepPhase::running).phase, StepPhase::running);
  line.send(ShepherdOrder{.end = EndOrder{.at_once = true}});
  EXPECT_EQ(shepherds_->await(line, StepPhase::ended).cause, EndCause::ordered);
  EXPECT_EQ(shepherds_->run(beside(job, 1, "exit 5")).exit, (ExitStatus{5, 0}));
  EXPECT_EQ(shepherds_->processes().size(), 1U);  // pid 1 of the place
  owner_line.send(ShepherdOrder{.end = EndOrder{}});
  EXPECT_EQ(shepherds_->await(owner_line, StepPhase::ended).cause, EndCause::ordered);
  EXPECT_TRUE(shepherds_->groups().empty());
}

}  // namespace
}  // namespace gd::agent::test
