// StreamBuffer: positions, credit, and what is kept for a client that comes back.
#include "server/agent/stream_buffer.h"

#include <gtest/gtest.h>

namespace gd::agent {
namespace {

TEST(StreamBufferTest, GivesWhatWasPutInPieces) {
  StreamBuffer buffer;
  buffer.append("abcdef");
  EXPECT_EQ(buffer.take(4), "abcd");
  EXPECT_EQ(buffer.take(4), "ef");
  EXPECT_EQ(buffer.take(4), "");
  EXPECT_EQ(buffer.sent(), 6U);
}

TEST(StreamBufferTest, HoldsOneWindowAndNotAByteMore) {
  StreamBuffer buffer;
  buffer.append(std::string(kMaxStreamWindow, 'x'));
  EXPECT_EQ(buffer.room(), 0U);
  EXPECT_DEATH(buffer.append("y"), "room");
}

TEST(StreamBufferTest, AcknowledgedBytesMakeRoom) {
  StreamBuffer buffer;
  buffer.append(std::string(kMaxStreamWindow, 'x'));
  (void)buffer.take(kMaxStreamWindow);
  ASSERT_TRUE(buffer.acknowledge(kMaxStreamChunk).ok());
  EXPECT_EQ(buffer.room(), kMaxStreamChunk);
  EXPECT_EQ(buffer.begin(), kMaxStreamChunk);
}

TEST(StreamBufferTest, WhatWasNotSentCannotBeAcknowledged) {
  StreamBuffer buffer;
  buffer.append("abc");
  (void)buffer.take(2);
  const Result<void> done = buffer.acknowledge(3);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text, "acknowledged up to byte 3, only 2 were sent");
}

TEST(StreamBufferTest, ComingBackRepeatsWhatWasNotAcknowledged) {
  StreamBuffer buffer;
  buffer.append("abcdef");
  (void)buffer.take(6);
  EXPECT_EQ(buffer.rewind(2), 2U);
  EXPECT_EQ(buffer.take(100), "cdef");
}

TEST(StreamBufferTest, ComingBackTooLateBeginsAtTheOldestByte) {
  StreamBuffer buffer;
  buffer.append(std::string(kMaxStreamChunk, 'a'));
  (void)buffer.take(kMaxStreamChunk);
  ASSERT_TRUE(buffer.acknowledge(kMaxStreamChunk).ok());
  buffer.append("new");
  EXPECT_EQ(buffer.rewind(0), kMaxStreamChunk);
  EXPECT_EQ(buffer.take(100), "new");
}

TEST(StreamBufferTest, ATerminalKeepsItsScreen) {
  StreamBuffer buffer(4);
  buffer.append("0123456789");
  (void)buffer.take(10);
  ASSERT_TRUE(buffer.acknowledge(10).ok());
  EXPECT_EQ(buffer.rewind(0), 6U);
  EXPECT_EQ(buffer.take(100), "6789");
}

TEST(StreamBufferTest, MakingRoomDropsTheOldest) {
  StreamBuffer buffer;
  buffer.append(std::string(kMaxStreamWindow, 'x'));
  buffer.make_room(10);
  EXPECT_EQ(buffer.room(), 10U);
  EXPECT_EQ(buffer.begin(), 10U);
  EXPECT_EQ(buffer.rewind(0), 10U);
}

}  // namespace
}  // namespace gd::agent
