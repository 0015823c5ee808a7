// Tasks of a step: how many on each node, which numbers, what they run, what they say.
#include <gtest/gtest.h>

#include "proto/multi_prog.h"
#include "proto/task_frames.h"
#include "proto/task_layout.h"

namespace gd {
namespace {

using Counts = std::vector<uint32_t>;
using Numbers = std::vector<std::vector<uint32_t>>;

TEST(ShareOutTasks, OneForEachNodeBeforeAnyHasTwo) {
  struct {
    uint32_t tasks;
    Counts room, counts;
  } const cases[] = {{4, {4, 4}, {2, 2}},
                     {5, {4, 4}, {3, 2}},
                     {5, {1, 8}, {1, 4}},
                     {3, {4, 4, 4, 4}, {1, 1, 1, 0}},
                     {6, {2, 0, 4}, {2, 0, 4}}};
  for (const auto& one : cases) EXPECT_EQ(share_out_tasks(one.tasks, one.room), one.counts);
  EXPECT_FALSE(share_out_tasks(9, {4, 4}).has_value());
  EXPECT_FALSE(share_out_tasks(2, {UINT32_MAX, UINT32_MAX}) == std::nullopt);
}

TEST(TaskNumbers, NodeByNodeOrInTurn) {
  EXPECT_EQ(task_numbers({2, 3}, false), (Numbers{{0, 1}, {2, 3, 4}}));
  EXPECT_EQ(task_numbers({2, 3}, true), (Numbers{{0, 2}, {1, 3, 4}}));
  EXPECT_EQ(task_numbers({}, true), Numbers{});
}

TEST(ParsePrograms, TheManualsExample) {
  const auto programs = parse_programs(
      "# srun multiple program configuration file\n"
      "4-6  hostname\n1,7 echo task:%t\n0,2-3 echo offset:%o\n",
      8);
  ASSERT_TRUE(programs.ok()) << programs.error().text;
  EXPECT_EQ((*programs)[5], std::vector<std::string>{"hostname"});
  EXPECT_EQ((*programs)[7], (std::vector<std::string>{"echo", "task:7"}));
  EXPECT_EQ((*programs)[3], (std::vector<std::string>{"echo", "offset:2"}));
}

TEST(ParsePrograms, QuotesBackslashesAndTheRest) {
  const auto programs = parse_programs("0 a 'b \\ c' \"d\\\"e\" \\\n f # g\n* h \"\"\n", 2);
  ASSERT_TRUE(programs.ok()) << programs.error().text;
  EXPECT_EQ((*programs)[0], (std::vector<std::string>{"a", "b \\ c", "d\"e", "f", "#", "g"}));
  EXPECT_EQ((*programs)[1], (std::vector<std::string>{"h", ""}));
}

TEST(ParsePrograms, WhatIsRefused) {
  struct {
    const char *text, *error;
  } const cases[] = {{"0 a\n0-1 b\n", "line 2: task 0 has a program already"},
                     {"0 a\n", "task 1 has no program"},
                     {"0-2 a\n", "line 1: task 2 is not there: the step has 2, counted from 0"},
                     {"0 a\n\n1\n", "line 3: no program after the tasks"},
                     {"x a\n", "line 1: 'x' is no list of tasks, as 0-3,7 is"},
                     {"0-1 'a\n", "line 1: the quote ' is not closed"}};
  for (const auto& one : cases) EXPECT_EQ(parse_programs(one.text, 2).error().text, one.error);
  const std::string large(kMaxProgramsBytes + 1, ' ');
  EXPECT_EQ(parse_programs(large, 1).error().text, "65537 bytes, at most 65536 are taken");
}

TEST(TaskFrames, ComeBackAsTheyWere) {
  TaskFrameReader reader;
  const std::string bytes = task_frame_head(TaskFrameKind::error, 70000, 3) + "abc" +
                            task_frame_head(TaskFrameKind::ended, 1, 0);
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    reader.add(bytes.substr(i, 1));
    if (i + 1 < kByteFrameHead + 3) {
      EXPECT_EQ(reader.next().value(), std::nullopt);
    }
  }
  EXPECT_EQ(reader.next().value(), (TaskFrame{TaskFrameKind::error, 70000, "abc"}));
  EXPECT_EQ(reader.next().value(), std::nullopt);
  reader.add(bytes.substr(bytes.size() - 1));
  EXPECT_EQ(reader.next().value(), (TaskFrame{TaskFrameKind::ended, 1, ""}));
}

TEST(TaskFrames, WhatIsNoneIsRefused) {
  TaskFrameReader unknown;
  unknown.add(std::string("hello world"));
  EXPECT_EQ(unknown.next().error().code, ErrorCode::invalid);
  TaskFrameReader large;
  std::string head = task_frame_head(TaskFrameKind::output, 0, kMaxTaskFrame);
  head[7] = 2;  // one bit more
  large.add(head);
  EXPECT_EQ(large.next().error().code, ErrorCode::invalid);
}

TEST(ByteFrameScan, FindsTheFirstFrameThatBeginsInAnyPieces) {
  const std::string one = byte_frame(1, 0, "abc");
  const std::string empty = byte_frame(2, 7, "");
  const std::string wire = one + empty + one;
  for (size_t cut = 0; cut <= wire.size(); ++cut) {
    ByteFrameScan scan;
    const std::string_view before = std::string_view(wire).substr(0, cut);
    EXPECT_EQ(scan.pass(before), cut > 0 ? std::optional<size_t>{0} : std::nullopt);
    const size_t next = cut == 0                           ? 0
                        : cut <= one.size()                ? one.size()
                        : cut <= one.size() + empty.size() ? one.size() + empty.size()
                                                           : wire.size();
    const std::optional<size_t> begins = scan.pass(std::string_view(wire).substr(cut));
    EXPECT_EQ(begins, next < wire.size() ? std::optional(next - cut) : std::nullopt) << cut;
  }
}

}  // namespace
}  // namespace gd
