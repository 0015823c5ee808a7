// Watchers beside a step's client: over real pipes, without root.
#include "server/agent/stream_watchers.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/task_frames.h"
#include "server/agent/stream_host.h"

namespace gd::agent {
namespace {

class WatchersTest : public ::testing::Test {
 protected:
  WatchersTest() : poller_(Poller::create().take()) {}

  void begin(OutputForm form = OutputForm::plain) {
    host_.emplace(*poller_, JobId{1}, StepId{0}, StreamEvents{}, form);
    Pipe in = make_pipe().take();
    Pipe out = make_pipe().take();
    Pipe err = make_pipe().take();
    const Result<void> begun = host_->begin(
        {.in = std::move(in.write), .out = std::move(out.read), .err = std::move(err.read)});
    ASSERT_TRUE(begun.ok());
    in_ = std::move(in.read);
    out_ = std::move(out.write);
    err_ = std::move(err.write);
    ASSERT_TRUE(set_nonblocking(in_.get()).ok());
    ASSERT_TRUE(set_nonblocking(out_.get()).ok());
  }
  std::pair<FrameChannel, FrameChannel> connection() {
    SocketPair pair = make_socket_pair(SOCK_STREAM).take();
    (void)set_nonblocking(pair.first.get()).ok();
    (void)set_nonblocking(pair.second.get()).ok();
    return {FrameChannel(std::move(pair.first)), FrameChannel(std::move(pair.second))};
  }
  FrameChannel client() {
    auto [theirs, ours] = connection();
    host_->attach(std::move(theirs), {});
    return std::move(ours);
  }
  FrameChannel watcher() {
    auto [theirs, ours] = connection();
    EXPECT_TRUE(host_->attach_watcher(theirs).ok());
    return std::move(ours);
  }
  void go_on() {
    while (*poller_->run_once(5ms)) {
    }
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(out_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    go_on();
  }
  void finish(int code) {
    out_.reset();
    err_.reset();
    host_->end(StreamExit{.exit = {.code = code}});
    go_on();
  }
  struct Seen {
    std::string output;
    std::optional<StreamExit> exit;
    std::string error;
    uint64_t acknowledged = 0;
    bool closed = false;
  };
  // All that has come; output is acknowledged.
  Seen look(FrameChannel& channel) {
    Seen seen;
    for (int idle = 0; idle < 3;) {
      const Result<bool> more = channel.fill();
      seen.closed = !more.ok() || !*more;
      bool any = false;
      while (true) {
        Result<std::optional<Message>> message = channel.next();
        if (!message.ok() || !*message) break;
        any = true;
        take(channel, **message, seen);
      }
      (void)poller_->run_once(2ms).ok();
      idle = any ? 0 : idle + 1;
    }
    return seen;
  }
  static void take(FrameChannel& channel, const Message& message, Seen& seen) {
    if (const auto* data = std::get_if<StreamData>(&message)) {
      seen.output += data->bytes;
      const StreamAck ack{.stream = data->stream, .position = data->position + data->bytes.size()};
      (void)channel.send(ack).ok();
    }
    if (const auto* exit = std::get_if<StreamExit>(&message)) seen.exit = *exit;
    if (const auto* error = std::get_if<ErrorReply>(&message)) seen.error = error->text;
    if (const auto* ack = std::get_if<StreamAck>(&message)) seen.acknowledged = ack->position;
  }
  std::string read_input() {
    std::string text(size_t{1} << 20, '\0');
    const ssize_t got = ::read(in_.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

  std::unique_ptr<Poller> poller_;
  std::optional<StreamHost> host_;
  UniqueFd in_, out_, err_;
};

TEST_F(WatchersTest, OneSeesWhatIsWrittenFromHisComingOnAndTheEnd) {
  begin();
  FrameChannel own = client();
  write("before ");
  FrameChannel first = watcher();
  write("after");
  FrameChannel late = watcher();
  EXPECT_EQ(look(own).output, "before after");
  EXPECT_EQ(look(first).output, "after");
  finish(3);
  const Seen own_end = look(own);
  EXPECT_EQ(own_end.exit->exit.code, 3);
  EXPECT_EQ(look(first).exit->exit.code, 3);
  EXPECT_EQ(look(late).output, "");
}

TEST_F(WatchersTest, WhereOutputIsFramesOneBeginsWithAWholeOne) {
  begin(OutputForm::frames);
  FrameChannel own = client();
  const std::string one = task_frame_head(TaskFrameKind::output, 0, 5) + "first";
  const std::string two = task_frame_head(TaskFrameKind::output, 1, 6) + "second";
  write(one.substr(0, 4));
  FrameChannel other = watcher();
  write(one.substr(4, 7));
  write(one.substr(11) + two.substr(0, 3));
  write(two.substr(3));
  EXPECT_EQ(look(other).output, two);
  EXPECT_EQ(look(own).output, one + two);
}

TEST_F(WatchersTest, InputOfSeveralComesInBetweenAndOnlyTheClientEndsIt) {
  begin();
  FrameChannel own = client();
  FrameChannel other = watcher();
  ASSERT_TRUE(own.send(StreamData{.stream = StreamId::input, .position = 0, .bytes = "own "}).ok());
  go_on();
  ASSERT_TRUE(
      other.send(StreamData{.stream = StreamId::input, .position = 0, .bytes = "other "}).ok());
  ASSERT_TRUE(other.send(StreamEnd{.stream = StreamId::input}).ok());
  go_on();
  ASSERT_TRUE(own.send(StreamData{.stream = StreamId::input, .position = 4, .bytes = "own"}).ok());
  go_on();
  EXPECT_EQ(read_input(), "own other own");
  EXPECT_EQ(look(own).acknowledged, 7U);
  EXPECT_EQ(look(other).acknowledged, 6U);
}

TEST_F(WatchersTest, WhoLeavesAndWhoIsOneTooManyDoNotMatter) {
  begin();
  FrameChannel own = client();
  std::vector<FrameChannel> all;
  for (size_t i = 0; i < kMaxWatchers; ++i) all.push_back(watcher());
  auto [theirs, ours] = connection();
  const Result<void> refused = host_->attach_watcher(theirs);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().text, "4 watch this step already, which is the most");
  ASSERT_TRUE(all[0].send(StreamPing{.bye = true}).ok());
  all[1].close();
  go_on();
  EXPECT_TRUE(host_->attach_watcher(theirs).ok());
  write("on");
  EXPECT_EQ(look(own).output, "on");
  EXPECT_EQ(look(all[2]).output, "on");
  EXPECT_EQ(look(ours).output, "on");
}

TEST_F(WatchersTest, WhoTakesNothingHoldsTheProgramBackAndIsLetGo) {
  begin();
  FrameChannel own = client();
  FrameChannel idle = watcher();
  const std::string block(4096, 'x');
  size_t written = 0;
  const auto flood = [&](Milliseconds how_long) {
    const Deadline deadline = Deadline::after(how_long);
    size_t before = written;
    while (!deadline.passed() && written - before < 2 * kMaxStreamWindow) {
      const ssize_t put = ::write(out_.get(), block.data(), block.size());
      if (put > 0) written += static_cast<size_t>(put);
      (void)look(own);
    }
    return written - before;
  };
  EXPECT_LT(flood(500ms), 2 * kMaxStreamWindow);
  EXPECT_GE(flood(kWatcherPatience + 5s), kMaxStreamWindow);  // on it goes, without him
  Seen seen;
  for (int i = 0; i < 100 && seen.error.empty() && !seen.closed; ++i) {
    const Seen more = look(idle);
    seen.error = more.error;
    seen.closed = more.closed;
  }
  EXPECT_TRUE(seen.closed || !seen.error.empty());
}

}  // namespace
}  // namespace gd::agent
