// Followers of output files: from the beginning, from the last lines, over truncations, with
// credit, and the exit status after the last byte.
#include "server/agent/follow_host.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/agent/shepherd_harness.h"

namespace gd::agent::test {
namespace {

class FollowTest : public testing::Test {
 protected:
  // The other end of a new follower's connection.
  Line follow(StreamOpen open = {}, bool may_follow = true) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    FrameChannel channel{UniqueFd(ends[0])};
    EXPECT_EQ(host.attach(channel, open).ok(), may_follow);
    return Line(FrameChannel(UniqueFd(ends[1])));
  }
  template <class Wanted>
  std::optional<Wanted> next(Line& line) {
    const Deadline deadline = Deadline::after(5s);
    while (!deadline.passed()) {
      (void)poller.run_once(Milliseconds(1));
      while (std::optional<Message> message = line.next(Milliseconds(1))) {
        if (auto* wanted = std::get_if<Wanted>(&*message)) return std::move(*wanted);
      }
    }
    return std::nullopt;
  }
  // Bytes of output, acknowledged as they come, until there are so many.
  std::string read(Line& line, size_t size) {
    std::string got;
    while (got.size() < size) {
      const auto data = next<StreamData>(line);
      if (!data) break;
      EXPECT_EQ(data->position, position);
      got += data->bytes;
      position += data->bytes.size();
      line.send(StreamAck{.stream = StreamId::output, .position = position});
    }
    return got;
  }
  void write(const std::string& text, int flags = O_APPEND) {
    const UniqueFd fd = open_file(path, O_WRONLY | O_CREAT | flags, 0600).take();
    ASSERT_TRUE(write_all(fd.get(), text, path).ok());
  }

  gd::test::TempDir dir;
  std::string path = dir / "out";
  std::unique_ptr<Poller> owned_poller = Poller::create().take();
  Poller& poller = *owned_poller;
  bool delivered = false;
  FollowHost host{poller, JobId{7}, kBatchStep,
                  [this](StreamId stream) -> Result<UniqueFd> {
                    if (stream == StreamId::error) return UniqueFd{};
                    return open_file(path, O_RDONLY);
                  },
                  [this] { delivered = true; }};
  uint64_t position = 0;
};

TEST(LastLines, BeginWhereTheyShould) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 0), 6U);
  EXPECT_EQ(last_lines("a\nb\nc\n", 1), 4U);
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), 2U);
  EXPECT_EQ(last_lines("a\nb\nc\n", 9), 0U);
  EXPECT_EQ(last_lines("a\nb\nc", 1), 4U);
  EXPECT_EQ(last_lines("\n\n", 1), 1U);
  EXPECT_EQ(last_lines("", 3), 0U);
}

TEST_F(FollowTest, WhatIsThereAndWhatComesAndThenTheExit) {
  write("one\n");
  host.begin();
  Line line = follow();
  ASSERT_TRUE(next<StreamOpened>(line));
  EXPECT_EQ(read(line, 4), "one\n");
  write("two\n");
  EXPECT_EQ(read(line, 4), "two\n");
  EXPECT_FALSE(host.delivered());
  write("last");
  host.end({.exit = {3, 0}});
  EXPECT_EQ(read(line, 4), "last");
  const auto exit = next<StreamExit>(line);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->exit.code, 3);
  EXPECT_TRUE(delivered);
}

TEST_F(FollowTest, WhoComesBeforeTheStepWaitsForIt) {
  Line line = follow();
  EXPECT_FALSE(host.idle());
  write("x");
  host.begin();
  EXPECT_EQ(read(line, 1), "x");
}

TEST_F(FollowTest, WhoComesAfterTheEndGetsAllAndTheExit) {
  write("all of it\n");
  host.begin();
  host.end({});
  EXPECT_FALSE(delivered);
  Line line = follow();
  EXPECT_EQ(read(line, 10), "all of it\n");
  EXPECT_TRUE(next<StreamExit>(line));
  EXPECT_TRUE(delivered);
}

TEST_F(FollowTest, AStepThatNeverBeganGivesItsReason) {
  Line line = follow();
  host.end({.cause = EndCause::refused, .error = "no such image"});
  EXPECT_TRUE(next<StreamOpened>(line));
  const auto exit = next<StreamExit>(line);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->error, "no such image");
}

TEST_F(FollowTest, TheLastLinesAndWhereOneWas) {
  write("one\ntwo\nthree\n");
  host.begin();
  Line tail = follow({.tail_lines = 2});
  position = 4;
  EXPECT_EQ(next<StreamOpened>(tail)->output_at, 4U);
  EXPECT_EQ(read(tail, 10), "two\nthree\n");
  Line back = follow({.output_from = 8});
  position = 8;
  EXPECT_EQ(read(back, 6), "three\n");
}

TEST_F(FollowTest, ATruncatedFileIsReadFromItsBeginningAndPositionsGoOn) {
  write("a long first version\n");
  host.begin();
  Line line = follow();
  EXPECT_EQ(read(line, 21), "a long first version\n");
  write("new\n", O_TRUNC);
  EXPECT_EQ(read(line, 4), "new\n");
}

TEST_F(FollowTest, NoMoreIsUnderWayThanTheWindow) {
  write(std::string(3 * kMaxStreamWindow, 'x'));
  host.begin();
  Line line = follow();
  uint64_t end = 0;
  while (const auto data = next<StreamData>(line)) {
    end = data->position + data->bytes.size();
    if (end >= kMaxStreamWindow) break;
  }
  for (int i = 0; i < 20; ++i) (void)poller.run_once(Milliseconds(1));
  EXPECT_EQ(end, kMaxStreamWindow);
  EXPECT_FALSE(line.next(Milliseconds(300)));
  line.send(StreamAck{.stream = StreamId::output, .position = 1000});
  const auto more = next<StreamData>(line);
  ASSERT_TRUE(more);
  EXPECT_EQ(more->position, kMaxStreamWindow);
  EXPECT_EQ(more->bytes.size(), 1000U);
}

TEST_F(FollowTest, WhatOnlyAProgramCouldUseIsRefused) {
  write("x");
  host.begin();
  Line line = follow();
  line.send(StreamData{.stream = StreamId::input, .bytes = "rm\n"});
  EXPECT_EQ(next<ErrorReply>(line)->text, "a follower has no use for stream_data");
  Line other = follow();
  other.send(StreamAck{.stream = StreamId::output, .position = 9});
  EXPECT_EQ(next<ErrorReply>(other)->text, "byte 9 is acknowledged and was never sent");
  (void)poller.run_once(Milliseconds(1));
  EXPECT_TRUE(host.idle());
}

TEST_F(FollowTest, ThereIsNothingToFollowInADevice) {
  path = "/dev/null";
  host.begin();
  Line line = follow();
  EXPECT_EQ(next<ErrorReply>(line)->text, "its output goes to no plain file: nothing to follow");
}

TEST_F(FollowTest, TheLimitOfFollowers) {
  write("x");
  host.begin();
  std::vector<Line> lines;
  for (size_t i = 0; i < kMaxFollowers; ++i) lines.push_back(follow());
  follow({}, false);
  lines.pop_back();  // gone
  for (int i = 0; i < 5; ++i) (void)poller.run_once(Milliseconds(1));
  follow();
}

TEST_F(FollowTest, OnlyAMebibyteIsReadBackForTheLastLines) {
  write(std::string(kMaxTailBytes, 'x') + "\nend\n");
  host.begin();
  Line line = follow({.tail_lines = 2});
  EXPECT_EQ(next<StreamOpened>(line)->output_at, 5U);
}

}  // namespace
}  // namespace gd::agent::test
