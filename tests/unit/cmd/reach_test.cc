// What gdcp and gdsh -L make of their arguments, and whose a connection is.
#include <gtest/gtest.h>

#include "cmd/forward_spec.h"
#include "cmd/gdcp.h"
#include "cmd/socket_owner.h"

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

TEST(ForwardSpec, HasOneToFourParts) {
  EXPECT_EQ(*parse_forward("8888"), (ForwardSpec{"127.0.0.1", 8888, "127.0.0.1", 8888}));
  EXPECT_EQ(*parse_forward("*:80"), (ForwardSpec{"0.0.0.0", 80, "127.0.0.1", 80}));
  EXPECT_EQ(*parse_forward("0:localhost:80"), (ForwardSpec{"127.0.0.1", 0, "127.0.0.1", 80}));
  EXPECT_EQ(*parse_forward("[::1]:81:[fe80::2]:80"), (ForwardSpec{"::1", 81, "fe80::2", 80}));
  for (const std::string wrong :
       {"", "0", "65536", "x", "1:2:3:4:5", "80:host.example:80", "80:localhost:0", "1.2.3:80",
        "[::1]", "80:localhost:", ":80", "::1", "80::80"}) {
    const Result<ForwardSpec> spec = parse_forward(wrong);
    ASSERT_FALSE(spec.ok()) << wrong;
    EXPECT_EQ(spec.error().code, ErrorCode::usage);
  }
}

TEST(OwnerInTable, IsTheUserOfThatVeryConnection) {
  const std::string table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
      "   0: 0100007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0\n"
      "   1: 0100007F:A1B2 0100007F:22B8 01 00000000:00000000 00:00000000 00000000  1001        0\n"
      "   2: 0100007F:22B8 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000  1000        0\n"
      "   3: short\n";
  EXPECT_EQ(owner_in_table(table, "0100007F:A1B2", "0100007F:22B8"), 1001U);
  EXPECT_EQ(owner_in_table(table, "0100007F:22B8", "0100007F:A1B2"), 1000U);
  EXPECT_EQ(owner_in_table(table, "0100007F:A1B3", "0100007F:22B8"), std::nullopt);
  EXPECT_EQ(owner_in_table("", "a", "b"), std::nullopt);
}

}  // namespace
}  // namespace gd::cmd
