// What a terminal shows, drawn on another one: a second model is the other one.
#include "server/screen/terminal_model.h"

#include <gtest/gtest.h>

#include "server/screen/cells.h"

namespace gd::screen {
namespace {

constexpr ScreenSize kSmall{.rows = 5, .columns = 20};

// From the cleared screen on, without the blank lines that clearing pushed off.
std::string drawn(const TerminalModel& model) {
  const std::string all = model.snapshot();
  const std::string mark = "\x1b[H\x1b[J";
  size_t at = all.find(mark) + mark.size();
  while (all.compare(at, 2, "\r\n") == 0) at += 2;
  return all.substr(at);
}

std::string drawn_after(std::string_view bytes, ScreenSize size = kSmall) {
  TerminalModel model(size);
  model.feed(bytes);
  return drawn(model);
}

// What was fed, drawn on a second terminal, and there what follows.
std::string drawn_over(std::string_view bytes, std::string_view then = "",
                       ScreenSize size = kSmall) {
  TerminalModel first(size);
  first.feed(bytes);
  TerminalModel second(size);
  second.feed(first.snapshot());
  second.feed(then);
  return drawn(second);
}

// libvterm went on for ever where no character stood before the repetition.
TEST(TerminalModel, RepeatsOnlyWhatStandsRightBefore) {
  EXPECT_EQ(drawn_after("x\x1b[3b"), drawn_after("xxxx"));
  EXPECT_EQ(drawn_after("x\x1b[1b\x1b[2b"), drawn_after("xxxx"));
  for (const char* before : {"", "\x1b(0", "\x1b]2;t", "\x1b]2;t\x07", "\x1b[2;2", "\x1b[m", "\x0e",
                             "\xcc\x81", "\x1b[\x18", "\x1bPq"}) {
    EXPECT_EQ(drawn_after(std::string(before) + "\x1b[2b"), drawn_after(before)) << before;
  }
}

TEST(TerminalModel, DrawsTextAndTheCursor) {
  EXPECT_EQ(drawn_after("one\r\ntwo"), "one\r\ntwo\r\n\r\n\r\n\x1b[2;4H");
}

TEST(TerminalModel, WhatIsDrawnDrawsTheSame) {
  const std::vector<std::string> cases = {
      "",
      "plain",
      "\x1b[31mred\x1b[44;1mon blue, bold\x1b[0m plain \x1b[38;2;1;2;3mtrue\x1b[38;5;200mindexed",
      "\x1b[4munder\x1b[21mtwice\x1b[3mitalic\x1b[7mreverse\x1b[9mstruck\x1b[5mblinks",
      "\x1b[41m\x1b[2J\x1b[3;3Hon red",
      "wide \xe4\xbd\xa0\xe5\xa5\xbd, marks e\xcc\x81",
      "\x1b(0lqqk\x1b(B lines",
      "\x1b[2;4r\x1b[3;1Hin the margins\n\n\n",
      "\x1b[2;4r\x1b[?6h\x1b[2;2Hx",
      "\x1b[?25l\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?1h\x1b=\x1b[4h\x1b[5 q",
      "below\x1b[?1049h\x1b[2J\x1b[2;3Hfull\x1b[1;32m screen",
      "\x1b]2;a title\atext",
      "12345678901234567890",
      "\x1b[5;20H\xe4\xbd\xa0",
      "123456789012345678\xe4\xbd\xa0",
      "\x1b[31m12345678901234567890\x1b[0m",
      "a\tb\x1b[1@c\x1b[2Pd\x1b[Lup\x1b[M\x1b[3X",
  };
  for (const std::string& bytes : cases) {
    EXPECT_EQ(drawn_over(bytes), drawn_after(bytes)) << bytes;
    // And it goes on the same: wrapping, margins, character sets, the pen.
    const std::string then = "more\r\nand\x1b[Kmore\x0e!\x0f";
    EXPECT_EQ(drawn_over(bytes, then), drawn_after(bytes + then)) << bytes;
  }
}

TEST(TerminalModel, TheScreenBelowTheAlternateOneComesBack) {
  const std::string shell = "$ vi file\r\n$ ";
  const std::string editor = "\x1b[?1049h\x1b[2J\x1b[Hedited\r\n~\r\n~";
  EXPECT_EQ(drawn_over(shell + editor, "\x1b[?1049l"), drawn_after(shell));
  EXPECT_NE(drawn_over(shell + editor), drawn_after(shell));
}

TEST(TerminalModel, LinesThatScrolledOffAreDrawnFirst) {
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += "line " + std::to_string(i) + "\r\n";
  const std::string shown = drawn_after(lines + "end");
  EXPECT_TRUE(shown.starts_with("line 0\r\nline 1\r\n"));
  EXPECT_TRUE(shown.ends_with("line 39\r\nend\x1b[5;4H"));
  // Those of a full-screen program, or between margins, are nobody's history.
  EXPECT_EQ(drawn_after("\x1b[?1049h" + lines).find("line 0\r\n"), std::string::npos);
  EXPECT_EQ(drawn_after("\x1b[2;4r\x1b[2;1H" + lines).find("line 0\r\n"), std::string::npos);
}

TEST(TerminalModel, HistoryIsBounded) {
  TerminalModel model(kSmall);
  for (int i = 0; i < 20000; ++i) model.feed("a line of text " + std::to_string(i % 10) + "\r\n");
  EXPECT_LE(drawn(model).size(), kMaxHistoryBytes + 4096);
  EXPECT_GT(drawn(model).size(), kMaxHistoryBytes / 2);
}

TEST(TerminalModel, ASmallerWindowKeepsTheLastLines) {
  TerminalModel model(kSmall);
  model.feed("1\r\n2\r\n3\r\n4\r\n5");
  model.resize({.rows = 2, .columns = 10});
  EXPECT_EQ(drawn(model), "1\r\n2\r\n3\r\n4\r\n5\x1b[2;2H");
  model.feed("!");
  model.resize({.rows = 4, .columns = 30});
  EXPECT_EQ(drawn(model), "1\r\n2\r\n3\r\n4\r\n5!\r\n\r\n\x1b[2;3H");
}

TEST(TerminalModel, AHugeWindowIsModelledSoFar) {
  TerminalModel model({.rows = 65535, .columns = 65535});
  EXPECT_EQ(model.size(), (ScreenSize{.rows = kMaxScreenRows, .columns = kMaxScreenColumns}));
  model.resize({.rows = 0, .columns = 0});
  EXPECT_EQ(model.size(), (ScreenSize{.rows = 1, .columns = 1}));
  model.feed("\xe4\xbd\xa0wide in one column");
  EXPECT_LE(model.snapshot().size(), size_t{4096});
}

TEST(TerminalModel, ASnapshotThatWouldBeTooLongIsPlain) {
  TerminalModel model({.rows = kMaxScreenRows, .columns = kMaxScreenColumns});
  std::string bytes;
  for (int i = 0; i < kMaxScreenRows * kMaxScreenColumns; ++i) {
    bytes += "\x1b[1;3;4;5;7;9;38;2;" + std::to_string(100 + i % 151) + ";200;201;48;2;100;" +
             std::to_string(100 + i % 153) + ";100mx";
  }
  model.feed(bytes);
  const Bytes drawn = model.snapshot();
  EXPECT_LE(drawn.size(), kMaxSnapshotBytes);
  EXPECT_NE(drawn.find("xxxx"), std::string::npos);
}

TEST(TerminalModel, AHugeRepetitionIsNoWork) {
  std::string bytes = "x";
  for (int i = 0; i < 100; ++i) bytes += "\x1b[2147483647b";
  EXPECT_EQ(drawn_after(bytes, {.rows = 1, .columns = 3}).substr(0, 3), "xxx");
}

TEST(TerminalModel, ALongTitleAndManyMarksAreCut) {
  const std::string title = drawn_after("\x1b]2;" + std::string(4096, 't') + "\a");
  EXPECT_LE(title.size(), kMaxTitleBytes + 64);
  std::string marked = "e";
  for (size_t i = 0; i < 2 * kMaxMarks; ++i) marked += "\xcc\x81";
  EXPECT_EQ(drawn_after(marked), "e\xcc\x81\xcc\x81\xcc\x81\r\n\r\n\r\n\r\n\x1b[1;2H");
}

TEST(Cells, ColoursHaveTheirShortestNames) {
  Bytes out;
  const auto indexed = [](uint8_t index) {
    return Colour{.kind = Colour::Kind::indexed, .value = {index}};
  };
  append_pen(out, Pen{}, Pen{.text = indexed(3), .ground = indexed(12)});
  append_pen(out, Pen{}, Pen{.text = indexed(200)});
  EXPECT_EQ(out, "\x1b[0;33;104m\x1b[0;38;5;200m");
}

TEST(Cells, MarksBecomeUtf8) {
  Bytes out;
  for (const char32_t mark : {U'a', U'\u00e9', U'\u4f60', U'\U0001f600'}) append_mark(out, mark);
  EXPECT_EQ(out, "a\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80");
}

}  // namespace
}  // namespace gd::screen
