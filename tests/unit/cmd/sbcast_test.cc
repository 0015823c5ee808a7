// What sbcast makes of its arguments.
#include "cmd/sbcast.h"

#include <gtest/gtest.h>

#include <map>

namespace gd::cmd {
namespace {

using Variables = std::map<std::string, std::string>;

Result<BroadcastPlan> plan(BroadcastOptions options, const Variables& variables = {}) {
  const auto get = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return plan_broadcast(options, get, "/home/ann");
}

TEST(Sbcast, TheJobIsTheOneItIsCalledInUnlessNamed) {
  const BroadcastOptions plain{.words = {"a", "/tmp/a"}};
  EXPECT_EQ(*plan(plain, {{"SLURM_JOB_ID", "7"}, {"SLURM_JOBID", "8"}}),
            (BroadcastPlan{JobId{7}, std::nullopt, "a", "/tmp/a"}));
  EXPECT_EQ(plan(plain, {{"SLURM_JOBID", "8"}})->job, JobId{8});
  BroadcastOptions named = plain;
  named.job = "9.2";
  EXPECT_EQ(*plan(named, {{"SLURM_JOB_ID", "7"}}),
            (BroadcastPlan{JobId{9}, StepId{2}, "a", "/tmp/a"}));
  EXPECT_EQ(plan(plain).error().code, ErrorCode::usage);
  named.job = "9_2";
  EXPECT_EQ(plan(named).error().code, ErrorCode::usage);
}

TEST(Sbcast, ARelativeTargetIsBelowTheFolderOfTheCall) {
  EXPECT_EQ(plan({.job = "1", .words = {"a", "b/c"}})->target, "/home/ann/b/c");
}

TEST(Sbcast, TwoNamesNoMoreNoLess) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{}, {"a"}, {"a", "b", "c"}, {"", "b"}, {"a", ""}}) {
    EXPECT_EQ(plan({.job = "1", .words = words}).error().code, ErrorCode::usage);
  }
}

TEST(Sbcast, NothingIsReplacedUnlessForced) {
  const BroadcastPlan to{.job = JobId{1}, .step = {}, .source = "a", .target = "/tmp/a"};
  using Words = std::vector<std::string>;
  EXPECT_EQ(broadcast_command(to, {}), (Words{"receive", "-n", "1", "/tmp/a"}));
  EXPECT_EQ(broadcast_command(to, {.force = true, .preserve = true}),
            (Words{"receive", "-p", "1", "/tmp/a"}));
}

}  // namespace
}  // namespace gd::cmd
