// Recordings as lines of asciicast, version 2.
#include "server/screen/recording.h"

#include <gtest/gtest.h>

namespace gd::screen {
namespace {

TEST(Recording, HeadAndEventsAreLinesOfJson) {
  EXPECT_EQ(recording_head({.size = {.rows = 24, .columns = 80},
                            .timestamp = 1700000000,
                            .title = "job 7 \"x\"",
                            .term = "xterm"}),
            "{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":1700000000,"
            "\"title\":\"job 7 \\\"x\\\"\",\"env\":{\"TERM\":\"xterm\"}}\n");
  Recording recording(1000ms);
  EXPECT_EQ(recording.shown("a\x1b[1m\r\n", 2500ms), "[1.5,\"o\",\"a\\u001b[1m\\u000d\\n\"]\n");
  EXPECT_EQ(recording.resized({.rows = 30, .columns = 100}, 3000ms), "[2,\"r\",\"100x30\"]\n");
}

TEST(Recording, ACharacterInTwoPiecesStaysWhole) {
  Recording recording(0ms);
  EXPECT_EQ(recording.shown("\xe4\xbd", 1000ms), "");
  EXPECT_EQ(recording.shown("\xa0!", 2000ms), "[2,\"o\",\"\xe4\xbd\xa0!\"]\n");
  EXPECT_EQ(recording.shown("ok\xf0", 3000ms), "[3,\"o\",\"ok\"]\n");
  EXPECT_EQ(recording.shown("\x9f\x98\x80", 4000ms), "[4,\"o\",\"\xf0\x9f\x98\x80\"]\n");
}

TEST(Recording, WhatIsNoCharacterIsReplacedAndHeldBackByNobody) {
  Recording recording(0ms);
  EXPECT_EQ(recording.shown("\xff\x80\x80\x80\x80", 0ms).find("\xff"), std::string::npos);
  EXPECT_NE(recording.shown("x", 0ms), "");
}

}  // namespace
}  // namespace gd::screen
