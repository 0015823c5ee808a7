// What the controller says, in the words that programs around Slurm look for.
#include "cmd/slurm_text.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

std::string reason(ErrorCode code, const std::string& text) {
  return slurm_reason(Error{code, text});
}

TEST(SlurmText, LimitsAreSaidAsSlurmDoes) {
  EXPECT_EQ(
      reason(ErrorCode::exhausted,
             "job violates accounting/QOS policy: user ann of account lab: max_submit 6, 6 "
             "wait or run and 1 asked"),
      "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)");
  EXPECT_EQ(
      reason(ErrorCode::invalid, "time limit of 7200 s is over the 3600 s of partition batch"),
      "Requested time limit is invalid (missing or exceeds some limit)");
  for (const std::string text :
       {"1 task of 9 cpus asked, 8 fit on the nodes of partition batch",
        "90 tasks of 1 cpu asked, 8 fit on the nodes of partition batch"}) {
    EXPECT_EQ(reason(ErrorCode::invalid, text), "More processors requested than permitted");
  }
}

TEST(SlurmText, WhatSlurmHasNoWordForIsOurs) {
  for (const std::string text : {"4 nodes asked, 2 of partition batch could hold a task",
                                 "job 7 has no step 3", "time limit of 0 s"}) {
    EXPECT_EQ(reason(ErrorCode::invalid, text), text);
  }
}

TEST(SlurmText, NamesThatAreNotThere) {
  EXPECT_EQ(reason(ErrorCode::not_found, "job 7: no such job"), kInvalidJob);
  EXPECT_EQ(reason(ErrorCode::not_found, "invalid partition specified: x"), kInvalidPartition);
  EXPECT_EQ(reason(ErrorCode::invalid, "dependency 'x': ..."), "Job dependency problem");
  EXPECT_EQ(reason(ErrorCode::denied, "job 7: not yours"), "Access/permission denied");
}

}  // namespace
}  // namespace gd::cmd
