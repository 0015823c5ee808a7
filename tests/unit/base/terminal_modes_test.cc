// Modes of a terminal, learnt, set again and taken back.
#include "base/terminal_modes.h"

#include <gtest/gtest.h>

namespace gd {
namespace {

TerminalModes after(std::string_view bytes) {
  TerminalModes modes;
  modes.take(bytes);
  return modes;
}

TEST(TerminalModes, APlainTerminalNeedsNothing) {
  for (const std::string_view bytes :
       {"", "text\r\n", "\x1b[31mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b]0;title\a",
        "\x1b[?1000h\x1b[?1000l", "\x1b[?25l\x1b[?25h", "\x1b(0\x1b(B", "\x1b[2;5r\x1b[r",
        "\x1b[?1049h\x1b[?1049l", "\x1b=\x1b>", "\x1b[?1;2004h\x1b[?1;2004l", "\x1b[>4;2m\x1b[>4m",
        "\x1b[3 q\x1b[0 q",
        "\x1b[?1h\x1b"
        "c"}) {
    EXPECT_EQ(after(bytes).redo(), "") << bytes;
    EXPECT_EQ(after(bytes).undo(), "") << bytes;
  }
}

TEST(TerminalModes, WhatIsSwitchedOnIsSwitchedOnAgainAndOff) {
  const TerminalModes modes = after("\x1b[?1;1002;1006h\x1b[?25l\x1b=\x1b[4h");
  EXPECT_EQ(modes.redo(), "\x1b[?1h\x1b[?25l\x1b[?1002h\x1b[?1006h\x1b=\x1b[4h");
  EXPECT_EQ(after(modes.redo() + modes.undo()).undo(), "");
}

TEST(TerminalModes, MarginsAndOriginMoveTheCursorAndPutItBack) {
  const TerminalModes modes = after("\x1b[3;10r\x1b[?6h");
  EXPECT_EQ(modes.redo(), "\x1b[3;10r\x1b[?6h");
  EXPECT_EQ(modes.origin_row(), 2);
  EXPECT_EQ(modes.undo(),
            "\x1b"
            "7\x1b[?6l\x1b[r\x1b"
            "8");
  TerminalModes resized = after("\x1b[3;10r");
  resized.on_resize();
  EXPECT_EQ(resized.redo(), "");
}

TEST(TerminalModes, TheAlternateScreenIsLeftByTheModeThatEnteredIt) {
  EXPECT_EQ(after("\x1b[?1047h").undo(), "\x1b[?1047l");
  EXPECT_EQ(after("\x1b[?1049h").alternate(), 1049);
  EXPECT_EQ(after("\x1b[?1049h").redo(), "");
}

TEST(TerminalModes, SequencesMayComeInPieces) {
  TerminalModes modes;
  for (const char c : std::string_view("\x1b[?20\x0e"
                                       "04h"))
    modes.take({&c, 1});
  EXPECT_TRUE(modes.is_set(2004));
  EXPECT_EQ(modes.redo(), "\x1b[?2004h\x0e");
}

TEST(TerminalModes, SoftResetTakesBackWhatItTakesBack) {
  EXPECT_EQ(after("\x1b[?1;6;1000h\x1b[?25l\x1b[2;3r\x1b[4h\x1b[!p").redo(), "\x1b[?1000h");
}

TEST(TerminalModes, WhatIsWithinStringsIsNoSequence) {
  EXPECT_EQ(after("\x1bPq\x1b\\\x1b]8;;[?25l\a").redo(), "");
  EXPECT_EQ(after("\x1b]0;x\x18\x1b[?25l").redo(), "\x1b[?25l");
}

TEST(TerminalModes, ASequenceThatIsTooLongIsPassedOver) {
  const std::string zeros(kMaxControlBytes - 3, '0');
  EXPECT_EQ(after("\x1b[?" + zeros + "25l").redo(), "\x1b[?25l");
  EXPECT_EQ(after("\x1b[?" + zeros + "0" + "25l").redo(), "");
  EXPECT_EQ(after("\x1b[?" + std::string(1 << 20, '0') + "25l\x1b[?1h").redo(), "\x1b[?1h");
}

}  // namespace
}  // namespace gd
