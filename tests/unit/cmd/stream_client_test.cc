// The client's end of a stream against a node that answers, falls silent and comes back.
#include "cmd/stream_client.h"

#include <gtest/gtest.h>

#include <mutex>

#include "cmd/terminal.h"
#include "tests/unit/cmd/fake_server.h"

namespace gd::cmd {
namespace {

using test::FakeServer;

struct Seen {
  std::string output;
  std::optional<StreamExit> exit;
  int opened = 0;
  uint64_t gap = 0;
  bool taken_over = false;
};

StreamEvents record(Seen& seen, StreamClient*& client) {
  StreamEvents events;
  events.on_opened = [&seen](const StreamOpened&) { ++seen.opened; };
  events.on_output = [&seen, &client](StreamId stream, std::string_view bytes) {
    seen.output += bytes;
    client->written(stream, bytes.size());
  };
  events.on_exit = [&seen](const StreamExit& exit) { seen.exit = exit; };
  events.on_gap = [&seen](uint64_t bytes) { seen.gap += bytes; };
  events.on_taken_over = [&seen] { seen.taken_over = true; };
  return events;
}

template <class Done>
Result<void> run_until(StreamClient& client, const Done& done) {
  const Deadline deadline = Deadline::after(20s);
  while (!done()) {
    if (deadline.passed()) return Error{ErrorCode::unavailable, "waited 20 s in vain"};
    WaitItem item(client.socket());
    (void)wait(std::span(&item, 1), Milliseconds{50});
    TRY(client.receive());
    TRY(client.tick());
  }
  return {};
}

struct Fixture {
  explicit Fixture(FakeServer::OnMessage script) : server(std::move(script)) { client = &stream; }
  FakeServer server;
  SocketContext sockets;
  Seen seen;
  StreamClient* client = nullptr;
  StreamClient stream{
      sockets,
      StreamAccess{
          .address = server.address(), .node_key = server.keys().public_key, .ticket = "ticket"},
      make_curve_keys(), record(seen, client)};
};

TEST(StreamClient, PassesInputAndOutput) {
  Fixture f([](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
    if (std::holds_alternative<StreamOpen>(message)) self.send(route, tag, StreamOpened{});
    if (const auto* data = std::get_if<StreamData>(&message)) {
      self.send(
          route, tag,
          StreamAck{.stream = StreamId::input, .position = data->position + data->bytes.size()});
      self.send(
          route, tag,
          StreamData{.stream = StreamId::output, .position = data->position, .bytes = data->bytes});
    }
    if (std::holds_alternative<StreamEnd>(message))
      self.send(route, tag, StreamExit{.exit = {.code = 3}});
  });
  ASSERT_TRUE(f.stream.open(std::nullopt, "").ok());
  f.stream.send_input("early ");  // before the node has answered: kept, not lost
  ASSERT_TRUE(run_until(f.stream, [&] { return f.seen.opened == 1; }).ok());
  f.stream.send_input("bird");
  f.stream.end_input();
  const Result<void> done = run_until(f.stream, [&] { return f.seen.exit.has_value(); });
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(f.seen.output, "early bird");
  EXPECT_EQ(f.seen.exit->exit.code, 3);
  EXPECT_EQ(f.stream.input_room(), kMaxStreamWindow);
}

TEST(StreamClient, TheWindowIsKept) {
  std::mutex mutex;
  size_t received = 0;
  Fixture f([&](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
    if (std::holds_alternative<StreamOpen>(message)) self.send(route, tag, StreamOpened{});
    if (const auto* data = std::get_if<StreamData>(&message)) {
      const std::lock_guard lock(mutex);
      EXPECT_LE(data->bytes.size(), kMaxStreamChunk);
      received += data->bytes.size();
    }
  });
  ASSERT_TRUE(f.stream.open(std::nullopt, "").ok());
  f.stream.send_input(std::string(kMaxStreamWindow, 'x'));
  EXPECT_EQ(f.stream.input_room(), 0U);
  ASSERT_TRUE(run_until(f.stream, [&] {
                const std::lock_guard lock(mutex);
                return received == kMaxStreamWindow;
              }).ok());
  EXPECT_EQ(f.stream.input_room(), 0U);
}

// The node's agent has been restarted: it answers what it does not know with an error.
TEST(StreamClient, ComesBackWithThePositionsReached) {
  std::mutex mutex;
  std::vector<StreamOpen> opens;
  std::string input;
  Fixture f([&](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
    const std::lock_guard lock(mutex);
    if (const auto* open = std::get_if<StreamOpen>(&message)) {
      opens.push_back(*open);
      if (opens.size() == 1) {
        self.send(route, tag, StreamOpened{});
        self.send(route, tag,
                  StreamData{.stream = StreamId::output, .position = 0, .bytes = "one "});
        return;
      }
      self.send(route, tag, StreamOpened{.input_at = 2, .output_at = 4});
      self.send(route, tag,
                StreamData{.stream = StreamId::output, .position = 2, .bytes = "e two"});
      self.send(route, tag, StreamExit{});
    } else if (const auto* data = std::get_if<StreamData>(&message)) {
      if (opens.size() == 1)
        self.send(route, tag, ErrorReply{.code = ErrorCode::not_found, .text = "who?"});
      else
        input.replace(std::min<size_t>(data->position - 2, input.size()), std::string::npos,
                      data->bytes);
    }
  });
  ASSERT_TRUE(f.stream.open(TerminalSize{}, "vt100").ok());
  ASSERT_TRUE(run_until(f.stream, [&] { return f.seen.output == "one "; }).ok());
  f.stream.send_input("abcdef");
  const Result<void> done = run_until(f.stream, [&] { return f.seen.exit.has_value(); });
  ASSERT_TRUE(done.ok()) << done.error().text;
  ASSERT_TRUE(run_until(f.stream, [&] {
                const std::lock_guard lock(mutex);
                return input == "cdef";
              }).ok());
  EXPECT_EQ(f.seen.output, "one two");
  EXPECT_EQ(f.seen.gap, 0U);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(opens.size(), 2U);
  EXPECT_EQ(opens[1].output_from, 4U);
  EXPECT_EQ(opens[1].term, "vt100");
}

TEST(StreamClient, ARefusalOfTheFirstOpeningIsFinal) {
  Fixture f([](FakeServer& self, const Route& route, uint64_t tag, const Message&) {
    self.send(route, tag,
              ErrorReply{.code = ErrorCode::denied, .text = "the ticket is for another key"});
  });
  ASSERT_TRUE(f.stream.open(std::nullopt, "").ok());
  const Result<void> done = run_until(f.stream, [] { return false; });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text, "the ticket is for another key");
}

// The node answers a farewell as what it knows no more, sometimes before the client has ended:
// sattach, interrupted, said that it had failed.
TEST(StreamClient, WhoHasLeftHearsNothing) {
  std::atomic<bool> answered = false;
  Fixture f([&](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
    if (std::holds_alternative<StreamOpen>(message)) self.send(route, tag, StreamOpened{});
    if (!std::holds_alternative<StreamPing>(message)) return;
    self.send(route, tag, ErrorReply{.code = ErrorCode::not_found, .text = "who?"});
    answered = true;
  });
  ASSERT_TRUE(f.stream.watch().ok());
  ASSERT_TRUE(run_until(f.stream, [&] { return f.seen.opened == 1; }).ok());
  f.stream.leave();
  const Deadline deadline = Deadline::after(20s);
  while (!answered && !deadline.passed()) {
    WaitItem item(f.stream.socket());
    (void)wait(std::span(&item, 1), Milliseconds{50});
  }
  ASSERT_TRUE(answered);
  WaitItem item(f.stream.socket());
  (void)wait(std::span(&item, 1), Milliseconds{5000});
  EXPECT_TRUE(f.stream.receive().ok());
  EXPECT_TRUE(f.stream.tick().ok());
}

// ---- what is typed

std::string typed(std::initializer_list<std::string_view> pieces) {
  EscapeFilter filter;
  std::string out;
  for (const std::string_view piece : pieces) {
    const EscapeFilter::Taken taken = filter.take(piece);
    out += taken.to_send;
    if (taken.help) out += "<help>";
    if (taken.detach) return out + "<detach>";
  }
  return out;
}

TEST(EscapeFilter, KnowsTheBeginningOfALine) {
  EXPECT_EQ(typed({"~d"}), "<detach>");
  EXPECT_EQ(typed({"ls\r~d"}), "ls\r<detach>");
  EXPECT_EQ(typed({"ls\r", "~", "d"}), "ls\r<detach>");
  EXPECT_EQ(typed({"ls ~d"}), "ls ~d");
  EXPECT_EQ(typed({"~~d"}), "~d");
  EXPECT_EQ(typed({"~x"}), "~x");
  EXPECT_EQ(typed({"~?~d"}), "<help><detach>");
}

}  // namespace
}  // namespace gd::cmd
