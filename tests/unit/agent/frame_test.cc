// Frames over a socket: whole bodies come out however the octets came in, and lengths that
// no message has end the conversation.
#include "server/agent/frame.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

TEST(FrameTest, BodiesComeOutWholeHoweverTheyCame) {
  const std::string octets = frame_of("hello") + frame_of(std::string(70000, 'x')) + frame_of("!");
  FrameBuffer buffer;
  std::vector<Bytes> bodies;
  for (size_t at = 0; at < octets.size(); at += 999) {
    buffer.append(std::string_view(octets).substr(at, 999));
    for (;;) {
      Result<std::optional<Bytes>> body = buffer.next();
      ASSERT_TRUE(body.ok());
      if (!*body) break;
      bodies.push_back(**body);
    }
  }
  EXPECT_EQ(bodies, (std::vector<Bytes>{"hello", std::string(70000, 'x'), "!"}));
  EXPECT_EQ(buffer.size(), 0U);
}

TEST(FrameTest, LengthsOutsideTheLimitAreErrors) {
  FrameBuffer empty;
  empty.append(std::string(4, '\0'));
  EXPECT_EQ(empty.next().error().text, "frame of 0 bytes, 1 to 16777216 are possible");
  FrameBuffer most;
  most.append(frame_of(std::string(kMaxFrameBytes, 'x')));
  ASSERT_TRUE(most.next().ok());
  FrameBuffer large;
  large.append(std::string("\x01\x00\x00\x01", 4));  // kMaxFrameBytes + 1
  EXPECT_EQ(large.next().error().text, "frame of 16777217 bytes, 1 to 16777216 are possible");
}

TEST(FrameTest, SocketsAreFoundBelowAnyPath) {
  const test::TempDir dir;
  const std::string deep = dir / (std::string(200, 'd') + "/" + std::string(200, 'e'));
  ASSERT_TRUE(make_directories(deep, 0700).ok());
  Result<UniqueFd> listener = listen_at(deep, "sock");
  ASSERT_TRUE(listener.ok()) << listener.error().text;
  Result<UniqueFd> client = connect_at(deep, "sock");
  ASSERT_TRUE(client.ok()) << client.error().text;
  Result<std::optional<UniqueFd>> server = accept_from(listener->get());
  ASSERT_TRUE(server.ok() && *server);
  FrameChannel out(std::move(client).take());
  FrameChannel in(std::move(**server));
  ASSERT_TRUE(out.send(StreamPing{.bye = true}).ok());
  out.close();
  ASSERT_TRUE(in.fill().ok());
  Result<std::optional<Message>> message = in.next();
  ASSERT_TRUE(message.ok() && *message);
  EXPECT_EQ(std::get<StreamPing>(**message), (StreamPing{.bye = true}));
}

}  // namespace
}  // namespace gd::agent
