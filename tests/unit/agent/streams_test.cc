// The stdio engine over real pipes and a real terminal, without root: a client on a socket
// pair at one end, the program's side of the pipes at the other.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/agent/stream_host.h"
#include "server/container/pty.h"

namespace gd::agent {
namespace {

class StreamsTest : public ::testing::Test {
 protected:
  StreamsTest()
      : poller_(Poller::create().take()),
        host_(*poller_, JobId{1}, kInteractiveStep,
              {.on_signal = [this](int s) { signals_.push_back(s); },
               .on_attached = {},
               .on_detached = [this](Leaving how) { left_ = how; },
               .on_delivered = [this] { delivered_ = true; }}) {}

  void begin_pipes() {
    Pipe in = make_pipe().take();
    Pipe out = make_pipe().take();
    Pipe err = make_pipe().take();
    ASSERT_TRUE(
        host_
            .begin(
                {.in = std::move(in.write), .out = std::move(out.read), .err = std::move(err.read)})
            .ok());
    program_in_ = std::move(in.read);
    program_out_ = std::move(out.write);
    program_err_ = std::move(err.write);
  }

  void attach(StreamOpen open = {}) {
    SocketPair pair = make_socket_pair(SOCK_STREAM).take();
    ASSERT_TRUE(set_nonblocking(pair.first.get()).ok());
    ASSERT_TRUE(set_nonblocking(pair.second.get()).ok());
    client_ = FrameChannel(std::move(pair.second));
    host_.attach(FrameChannel(std::move(pair.first)), open);
  }

  // The next message to the client; the loop runs until there is one.
  std::optional<Message> next() {
    const Deadline deadline = Deadline::after(30s);
    bool closed = false;
    while (!deadline.passed()) {
      Result<std::optional<Message>> message = client_.next();
      if (!message.ok()) return std::nullopt;
      if (*message) return std::move(**message);
      if (closed) return std::nullopt;
      (void)poller_->run_once(1ms).ok();
      const Result<bool> more = client_.fill();
      closed = !more.ok() || !*more;  // what came before the end still counts
    }
    return std::nullopt;
  }
  template <class Wanted>
  std::optional<Wanted> await() {
    while (std::optional<Message> message = next()) {
      if (auto* wanted = std::get_if<Wanted>(&*message)) return std::move(*wanted);
    }
    return std::nullopt;
  }
  void run_for_a_while() {
    while (*poller_->run_once(5ms)) {
    }
  }
  void send(const Message& message) {
    ASSERT_TRUE(client_.send(message).ok());
    run_for_a_while();
  }
  std::string read_program(size_t most = 4096) {
    std::string text(most, '\0');
    (void)set_nonblocking(program_in_.get()).ok();
    const ssize_t got = ::read(program_in_.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return got < 0 ? "(nothing)" : text;
  }
  void write_program(std::string_view text) {
    ASSERT_EQ(::write(program_out_.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    run_for_a_while();
  }
  // As much as the program can write without being stopped, four windows at most.
  size_t flood() {
    (void)set_nonblocking(program_out_.get()).ok();
    const std::string block(4096, 'x');
    size_t total = 0;
    for (int idle = 0; idle < 3 && total < 4 * kMaxStreamWindow;) {
      const ssize_t put = ::write(program_out_.get(), block.data(), block.size());
      if (put > 0) total += static_cast<size_t>(put);
      idle = put > 0 ? 0 : idle + 1;
      (void)poller_->run_once(1ms).ok();
    }
    return total;
  }

  std::vector<int> signals_;
  std::optional<Leaving> left_;
  bool delivered_ = false;
  std::unique_ptr<Poller> poller_;
  StreamHost host_;
  FrameChannel client_;
  UniqueFd program_in_;
  UniqueFd program_out_;
  UniqueFd program_err_;
};

TEST_F(StreamsTest, WhoComesBeforeTheProgramRunsIsToldWhatItWaitsFor) {
  attach();
  host_.set_waiting("image x is fetched");
  EXPECT_EQ(await<StreamNotice>()->text, "image x is fetched");
  host_.set_waiting("image x: 5 MiB so far");
  attach();  // the first one is told goodbye
  EXPECT_EQ(await<StreamNotice>()->text, "image x: 5 MiB so far");
  begin_pipes();
  const std::optional<Message> message = next();  // and no other word of it
  EXPECT_TRUE(message && std::holds_alternative<StreamOpened>(*message));
}

TEST_F(StreamsTest, OutputErrorsAndTheExitArriveInOrder) {
  begin_pipes();
  attach();
  EXPECT_EQ(await<StreamOpened>()->job, JobId{1});
  write_program("one");
  EXPECT_EQ(await<StreamData>()->bytes, "one");
  ASSERT_EQ(::write(program_err_.get(), "bad", 3), 3);
  const std::optional<StreamData> error = await<StreamData>();
  EXPECT_EQ(error->stream, StreamId::error);
  EXPECT_EQ(error->bytes, "bad");
  ASSERT_EQ(::write(program_out_.get(), "two", 3), 3);
  program_out_.reset();
  program_err_.reset();
  host_.end(StreamExit{.exit = {.code = 5}});
  const std::optional<StreamData> rest = await<StreamData>();
  EXPECT_EQ(rest->bytes, "two");
  EXPECT_EQ(rest->position, 3U);
  EXPECT_EQ(await<StreamExit>()->exit.code, 5);
  EXPECT_TRUE(delivered_);
}

TEST_F(StreamsTest, ClientThatComesLateGetsEverything) {
  begin_pipes();
  write_program("early");
  program_out_.reset();
  program_err_.reset();
  host_.end(StreamExit{.exit = {.signal = 9}});
  EXPECT_FALSE(delivered_);
  attach();
  EXPECT_EQ(await<StreamData>()->bytes, "early");
  EXPECT_EQ(await<StreamExit>()->exit.signal, 9);
}

TEST_F(StreamsTest, ClientThatComesBeforeTheProgramIsHeld) {
  attach();
  run_for_a_while();
  begin_pipes();
  EXPECT_TRUE(await<StreamOpened>());
  write_program("x");
  EXPECT_EQ(await<StreamData>()->bytes, "x");
}

TEST_F(StreamsTest, StepThatNeverRanTellsWhy) {
  attach();
  ASSERT_TRUE(host_.begin({}).ok());
  host_.end(StreamExit{.cause = EndCause::launch_failed, .error = "no such image"});
  EXPECT_EQ(await<StreamExit>()->error, "no such image");
}

TEST_F(StreamsTest, InputGoesInAndItsEndToo) {
  begin_pipes();
  attach();
  send(StreamData{.stream = StreamId::input, .position = 0, .bytes = "typed"});
  EXPECT_EQ(read_program(), "typed");
  EXPECT_EQ(await<StreamAck>()->position, 5U);
  send(StreamEnd{.stream = StreamId::input});
  EXPECT_EQ(read_program(), "");
}

TEST_F(StreamsTest, InputSentTwiceIsTakenOnceAndAGapIsRefused) {
  begin_pipes();
  attach();
  send(StreamData{.stream = StreamId::input, .position = 0, .bytes = "abc"});
  send(StreamData{.stream = StreamId::input, .position = 1, .bytes = "bcd"});
  EXPECT_EQ(read_program(), "abcd");
  send(StreamData{.stream = StreamId::input, .position = 9, .bytes = "z"});
  EXPECT_EQ(await<ErrorReply>()->text, "input begins at byte 9, expected byte 4");
  EXPECT_EQ(left_, Leaving::lost);
}

TEST_F(StreamsTest, InputBeyondTheWindowIsRefused) {
  begin_pipes();
  attach();
  uint64_t position = 0;
  const std::string chunk(kMaxStreamChunk, 'i');
  // The pipe takes some; then a whole window may wait, and not one byte more.
  std::optional<ErrorReply> refused;
  for (int i = 0; i < 64 && !left_; ++i) {
    if (!client_.send(StreamData{StreamId::input, position, chunk}).ok()) break;
    position += chunk.size();
    while (client_.wants_write() && !left_) {
      (void)poller_->run_once(1ms).ok();
      (void)client_.flush().ok();
    }
    run_for_a_while();
  }
  refused = await<ErrorReply>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->text, "more than 1048576 bytes of input are waiting");
  EXPECT_GE(position, kMaxStreamWindow);
}

TEST_F(StreamsTest, ProgramIsHeldBackByAClientThatDoesNotRead) {
  begin_pipes();
  attach();
  const size_t written = flood();
  EXPECT_GE(written, kMaxStreamWindow);
  EXPECT_LE(written, kMaxStreamWindow + (size_t{1} << 20));  // and what the pipe holds
  // Acknowledging lets it go on.
  uint64_t got = 0;
  while (got < kMaxStreamChunk) {
    const std::optional<StreamData> data = await<StreamData>();
    ASSERT_TRUE(data);
    got += data->bytes.size();
  }
  send(StreamAck{.stream = StreamId::output, .position = got});
  EXPECT_GE(flood(), size_t{4096});
}

TEST_F(StreamsTest, ClientThatComesBackLosesNothing) {
  begin_pipes();
  attach();
  write_program("0123456789");
  EXPECT_EQ(await<StreamData>()->bytes, "0123456789");
  send(StreamAck{.stream = StreamId::output, .position = 4});
  client_.close();
  run_for_a_while();
  EXPECT_EQ(left_, Leaving::lost);
  write_program("abc");
  attach({.output_from = 6});
  const std::optional<StreamOpened> opened = await<StreamOpened>();
  EXPECT_EQ(opened->output_at, 6U);
  EXPECT_EQ(await<StreamData>()->bytes, "6789abc");
}

TEST_F(StreamsTest, ANewClientTakesOver) {
  begin_pipes();
  attach();
  (void)await<StreamOpened>();
  FrameChannel first = std::move(client_);
  attach();
  EXPECT_TRUE(await<StreamOpened>());
  ASSERT_TRUE(first.fill().ok());
  Result<std::optional<Message>> last = first.next();
  ASSERT_TRUE(last.ok() && *last);
  EXPECT_TRUE(std::get<StreamPing>(**last).bye);
}

TEST_F(StreamsTest, SignalsPingsAndGoodbyes) {
  begin_pipes();
  attach();
  send(StreamSignal{.signal = 2});
  EXPECT_EQ(signals_, std::vector<int>{2});
  send(StreamPing{});
  EXPECT_TRUE(await<StreamPing>());
  send(StreamPing{.bye = true});
  EXPECT_EQ(left_, Leaving::on_purpose);
}

TEST_F(StreamsTest, WhatIsNoClientsBusinessEndsTheConnection) {
  begin_pipes();
  attach();
  send(ShepherdOrder{.forget = true});
  EXPECT_EQ(await<ErrorReply>()->text, "a stream has no use for shepherd_order");
  EXPECT_EQ(left_, Leaving::lost);
}

class TerminalTest : public StreamsTest {
 protected:
  void begin_terminal() {
    container::PtyPair pair = container::make_pty({}).take();
    program_out_ = duplicate(pair.slave.get()).take();
    program_in_ = std::move(pair.slave);
    ASSERT_TRUE(host_.begin({.terminal = std::move(pair.master)}).ok());
  }
};

TEST_F(TerminalTest, SpeaksBothWaysThroughTheLineDiscipline) {
  begin_terminal();
  attach({.size = TerminalSize{50, 132}});
  (void)await<StreamOpened>();
  EXPECT_EQ(container::window_size(program_in_.get())->columns, 132);
  send(StreamData{.stream = StreamId::input, .position = 0, .bytes = "ls\n"});
  EXPECT_EQ(read_program(), "ls\n");
  EXPECT_EQ(await<StreamData>()->bytes, "ls\r\n");  // its echo
  send(StreamResize{.size = {10, 20}});
  EXPECT_EQ(container::window_size(program_in_.get())->rows, 10);
  send(StreamEnd{.stream = StreamId::input});
  EXPECT_EQ(read_program(), "");  // ^D at the start of a line: end of file
}

TEST_F(TerminalTest, UnwatchedProgramIsNeverStopped) {
  begin_terminal();
  EXPECT_GE(flood(), 3 * kMaxStreamWindow);
}

TEST_F(TerminalTest, ReturningClientGetsTheScreenAgain) {
  begin_terminal();
  attach();
  write_program("prompt> ");
  const std::optional<StreamData> data = await<StreamData>();
  EXPECT_EQ(data->bytes, "prompt> ");
  send(StreamAck{.stream = StreamId::output, .position = 8});
  client_.close();
  run_for_a_while();
  attach();
  EXPECT_EQ(await<StreamOpened>()->output_at, 0U);
  EXPECT_EQ(await<StreamData>()->bytes, "prompt> ");
}

}  // namespace
}  // namespace gd::agent
