// Frames between a shepherd and its gdscreen: there and back in any pieces, and what is none.
#include "proto/screen_frames.h"

#include <gtest/gtest.h>

namespace gd {
namespace {

TEST(ScreenFrames, ComeBackAsTheyWere) {
  const std::string wire = screen_frame(ScreenFrameKind::output, "shown") +
                           screen_frame(ScreenFrameKind::ask, "") +
                           screen_frame(ScreenFrameKind::resize, "30 100");
  ScreenFrameReader reader;
  std::vector<ScreenFrame> frames;
  for (const char c : wire) {
    reader.add({&c, 1});
    while (auto frame = reader.next().take()) frames.push_back(*frame);
  }
  const std::vector<ScreenFrame> expected{{ScreenFrameKind::output, "shown"},
                                          {ScreenFrameKind::ask, ""},
                                          {ScreenFrameKind::resize, "30 100"}};
  EXPECT_EQ(frames, expected);
}

TEST(ScreenFrames, WhatIsNoFrameEndsTheConversation) {
  for (const std::string_view bytes :
       {std::string_view("\0\0\0\0\0\0\0\0\0", 9), std::string_view("\x06\0\0\0\0\0\0\0\0", 9),
        std::string_view("\x01\0\0\0\0\x01\0\x80\0", 9)}) {
    ScreenFrameReader reader;
    reader.add(bytes);
    EXPECT_FALSE(reader.next().ok());
  }
  ScreenFrameReader reader;
  reader.add(screen_frame(ScreenFrameKind::screen, std::string(kMaxScreenFrame, 'x')));
  EXPECT_EQ((*reader.next().take()).bytes.size(), kMaxScreenFrame);
}

}  // namespace
}  // namespace gd
