// Out of memory, and again with more.
#include "server/core/more_memory.h"

#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class MoreMemoryTest : public CoreTest {};

JobSpec hungry_spec(std::optional<uint64_t> retry) {
  JobSpec spec = batch_spec();
  spec.memory_per_node_mib = 500;
  spec.retry_oom_mib = retry;
  return spec;
}

TEST_F(MoreMemoryTest, OutOfMemoryAJobRunsAgainWithTwiceAsMuchUpToItsLimit) {
  add_node("n1", 4);  // and 4000 MiB
  const JobId id = running(hungry_spec(1600));
  for (const uint64_t next : {1000, 1600}) {
    const uint64_t had = *job(id).spec->memory_per_node_mib;
    report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
    ASSERT_EQ(state(id), JobState::pending);
    EXPECT_EQ(job(id).reason_text, "ran out of " + std::to_string(had) + "M, runs again with " +
                                       std::to_string(next) + "M");
    EXPECT_EQ(job(id).spec->memory_per_node_mib, next);
    EXPECT_EQ(pass(), 1U);
    EXPECT_EQ(job(id).nodes.at(0).held.memory_mib, next);
    report("n1", {status(id, StepPhase::running)});
  }
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(state(id), JobState::out_of_memory);  // it may have no more
  EXPECT_EQ(job(id).restarts, 2U);
}

TEST_F(MoreMemoryTest, MoreMemoryThanAnyNodeHasIsNotWaitedFor) {
  add_node("n1", 1);  // and 1000 MiB
  JobSpec spec = hungry_spec(100'000);
  spec.memory_per_node_mib = 700;
  const JobId id = running(spec);
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(job(id).spec->memory_per_node_mib, 875U);  // neither twice nor half as much again
  pass();
  report("n1", {status(id, StepPhase::running)});
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(state(id), JobState::out_of_memory);
}

TEST_F(MoreMemoryTest, WithoutAskingForItOutOfMemoryIsTheEnd) {
  add_node("n1", 4);
  const JobId id = running(hungry_spec({}));
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(state(id), JobState::out_of_memory);
}

TEST_F(MoreMemoryTest, WhoIsCancelledWhileItIsToRunAgainDoesNot) {
  add_node("n1", 4);
  add_node("n2", 4);
  JobSpec spec = hungry_spec(4000);
  spec.nodes_min = 2;
  spec.nodes_max = 2;
  const JobId id = running(spec);
  report(job(id).batch_node, {status(id, StepPhase::ended, EndCause::out_of_memory)});
  ASSERT_EQ(state(id), JobState::completing);  // the other node has not let go
  cancel(id);
  const std::string other = job(id).batch_node == "n1" ? "n2" : "n1";
  report(other, {status(id, StepPhase::ended, EndCause::ordered, {}, kExternStep)});
  EXPECT_EQ(state(id), JobState::cancelled);
}

TEST_F(MoreMemoryTest, RequeuesForMemoryHaveTheLimitOfAll) {
  add_node("n1", 4);
  config->max_requeues = 1;
  const JobId id = running(hungry_spec(4000));
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(state(id), JobState::pending);
  pass();
  report("n1", {status(id, StepPhase::running)});
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(state(id), JobState::out_of_memory);
}

TEST_F(MoreMemoryTest, ARetryNeedsMemoryToBeginWithAndALimitAboveIt) {
  add_node("n1", 4);
  const JobId usual = submitted(hungry_spec(0));
  EXPECT_EQ(job(usual).spec->retry_oom_mib, 4000U);
  cancel(usual);
  EXPECT_EQ(submit(hungry_spec(400)).error().text,
            "it may run again with up to 400M, which is less than the 500M that it begins with");
  JobSpec none = hungry_spec(0);
  none.memory_per_node_mib.reset();
  EXPECT_EQ(submit(none).error().text,
            "to run again with more memory a job must ask for some; give --mem");
  JobSpec by_cpu = hungry_spec(900);
  by_cpu.memory_per_node_mib.reset();
  by_cpu.memory_per_cpu_mib = 500;
  const JobId id = running(by_cpu);
  report("n1", {status(id, StepPhase::ended, EndCause::out_of_memory)});
  EXPECT_EQ(job(id).spec->memory_per_cpu_mib, 900U);
  EXPECT_EQ(job(id).reason_text, "ran out of 500M a cpu, runs again with 900M a cpu");
  JobSpec interactive = hungry_spec(0);
  interactive.kind = JobKind::interactive;
  interactive.argv = {"true"};
  EXPECT_EQ(submit(interactive).error().text,
            "only batch jobs run again after they ran out of memory");
}

}  // namespace
}  // namespace gd::core
