// What gdcp makes of its arguments.
#include <gtest/gtest.h>

#include "cmd/gdcp.h"

namespace gd::cmd {
namespace {

TEST(CopyPlace, AJobIsANumberBeforeAColon) {
  EXPECT_EQ(parse_copy_place("42:data/x"), (CopyPlace{JobId{42}, "data/x"}));
  EXPECT_EQ(parse_copy_place("42:"), (CopyPlace{JobId{42}, ""}));
  for (const std::string here : {"file", "./42:x", "a42:x", "42", "0:x", "99999999999:x", ":x"}) {
    EXPECT_EQ(parse_copy_place(here), (CopyPlace{std::nullopt, here})) << here;
  }
}

TEST(CopyPlan, OneSideIsAJobs) {
  EXPECT_EQ(*plan_copy({"a", "b", "7:dir"}), (CopyPlan{JobId{7}, false, {"a", "b"}, "dir"}));
  EXPECT_EQ(*plan_copy({"7:a", "7:b", "."}), (CopyPlan{JobId{7}, true, {"a", "b"}, "."}));
  EXPECT_EQ(*plan_copy({"a", "7:"}), (CopyPlan{JobId{7}, false, {"a"}, "."}));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"7:a"},
                                             {"a", "b"},
                                             {"7:a", "8:b"},
                                             {"7:a", "8:b", "."},
                                             {"a", "7:b", "c"},
                                             {"a", "7:b", "7:c"}}) {
    const Result<CopyPlan> plan = plan_copy(words);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, ErrorCode::usage);
  }
}

}  // namespace
}  // namespace gd::cmd
