// Two ends of a stream of connections, joined in memory; programs at socket pairs.
#include "proto/port_mux.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

namespace gd {
namespace {

struct Side {
  std::unique_ptr<PortMux> mux;
  std::string out;
  bool blocked = false;  // the stream takes nothing
};

class PortMuxTest : public ::testing::Test {
 protected:
  PortMuxTest() {
    client_.mux = std::make_unique<PortMux>(
        *poller_, PortEvents{.send = [this](std::string_view bytes) { client_.out += bytes; },
                             .has_room = [this] { return !client_.blocked; },
                             .on_open = nullptr,
                             .on_closed = [this](std::string_view why) { closed_ += why; }});
    server_.mux = std::make_unique<PortMux>(
        *poller_,
        PortEvents{.send = [this](std::string_view bytes) { server_.out += bytes; },
                   .has_room = [this] { return !server_.blocked; },
                   .on_open = [this](uint32_t number,
                                     std::string_view target) { on_open(number, target); },
                   .on_closed = nullptr});
  }

  static SocketPair make_pair() {
    SocketPair pair = make_socket_pair(SOCK_STREAM | SOCK_NONBLOCK).take();
    return pair;
  }

  void on_open(uint32_t number, std::string_view target) {
    if (target == "nowhere") return server_.mux->refuse(number, "Connection refused");
    SocketPair pair = make_pair();
    server_.mux->accept(number, std::move(pair.first));
    services_.push_back(std::move(pair.second));
  }

  // A program's end of a new connection.
  UniqueFd connect(std::string_view target = "service") {
    SocketPair pair = make_pair();
    const Result<void> opened = client_.mux->open(std::move(pair.first), target);
    EXPECT_TRUE(opened.ok());
    settle();
    return std::move(pair.second);
  }

  void settle() {
    for (int idle = 0; idle < 3;) {
      const bool happened = *poller_->run_once(Milliseconds{1});
      const bool moved = deliver(client_, server_) + deliver(server_, client_) > 0;
      idle = happened || moved ? 0 : idle + 1;
    }
  }
  size_t deliver(Side& from, Side& to) {
    const std::string bytes = std::exchange(from.out, {});
    if (!bytes.empty()) outcome_ = to.mux->take(bytes);
    EXPECT_TRUE(outcome_.ok() || broken_) << outcome_.error().text;
    return bytes.size();
  }

  static void write(const UniqueFd& fd, std::string_view bytes) {
    ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  // What can be read now; "(end)" at the end.
  static std::string read(const UniqueFd& fd) {
    std::string all(size_t{1} << 20, '\0');
    const ssize_t got = ::read(fd.get(), all.data(), all.size());
    if (got == 0) return "(end)";
    all.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return all;
  }
  // As much as is taken without anybody reading.
  size_t flood(const UniqueFd& fd) {
    const std::string block(4096, 'x');
    size_t total = 0;
    for (int idle = 0; idle < 3;) {
      const ssize_t put = ::write(fd.get(), block.data(), block.size());
      if (put > 0) total += static_cast<size_t>(put);
      idle = put > 0 ? 0 : idle + 1;
      settle();
    }
    return total;
  }

  std::unique_ptr<Poller> poller_ = Poller::create().take();
  std::vector<UniqueFd> services_;
  std::string closed_;
  Result<void> outcome_;
  bool broken_ = false;
  Side client_, server_;
};

TEST_F(PortMuxTest, BytesGoBothWaysAndEndsFollow) {
  const UniqueFd one = connect();
  const UniqueFd two = connect();
  write(one, "to one");
  write(services_[1], "from two");
  settle();
  EXPECT_EQ(read(services_[0]), "to one");
  EXPECT_EQ(read(two), "from two");
  ::shutdown(one.get(), SHUT_WR);
  settle();
  EXPECT_EQ(read(services_[0]), "(end)");
  write(services_[0], "after the end");  // the other way is still open
  settle();
  EXPECT_EQ(read(one), "after the end");
  services_[0].reset();
  settle();
  EXPECT_EQ(read(one), "(end)");
  EXPECT_EQ(client_.mux->links(), 1U);
  EXPECT_EQ(server_.mux->links(), 1U);
}

TEST_F(PortMuxTest, ARefusedConnectionIsClosedAndTold) {
  const UniqueFd one = connect("nowhere");
  EXPECT_EQ(read(one), "(end)");
  EXPECT_EQ(closed_, "Connection refused");
  EXPECT_EQ(client_.mux->links(), 0U);
}

TEST_F(PortMuxTest, OneThatNobodyReadsStopsAloneAndGoesOn) {
  const UniqueFd slow = connect();
  const UniqueFd quick = connect();
  const size_t sent = flood(slow);
  EXPECT_GE(sent, kPortWindow);
  EXPECT_LT(sent, 8 * kPortWindow);  // with what the kernel's sockets hold
  write(quick, "not kept waiting");
  settle();
  EXPECT_EQ(read(services_[1]), "not kept waiting");
  size_t received = 0;
  for (int idle = 0; idle < 3;) {
    const size_t got = read(services_[0]).size();
    received += got;
    idle = got > 0 ? 0 : idle + 1;
    settle();
  }
  EXPECT_EQ(received, sent);
  EXPECT_GT(flood(slow), size_t{0});
}

TEST_F(PortMuxTest, AStreamThatTakesNothingStopsTheReading) {
  const UniqueFd one = connect();
  client_.blocked = true;
  client_.mux->on_room();  // looks again, and finds none
  write(one, "waits");
  settle();
  EXPECT_EQ(read(services_[0]), "");
  client_.blocked = false;
  client_.mux->on_room();
  settle();
  EXPECT_EQ(read(services_[0]), "waits");
}

TEST_F(PortMuxTest, MoreThanTheMostIsRefused) {
  std::vector<UniqueFd> all;
  for (size_t i = 0; i < kMaxPortLinks; ++i) all.push_back(connect());
  SocketPair pair = make_pair();
  const Result<void> one_more = client_.mux->open(std::move(pair.first), "service");
  ASSERT_FALSE(one_more.ok());
  EXPECT_EQ(one_more.error().code, ErrorCode::exhausted);
  all.clear();
  services_.clear();
  settle();
  EXPECT_EQ(client_.mux->links(), 0U);
  EXPECT_EQ(server_.mux->links(), 0U);
}

TEST_F(PortMuxTest, WhoBreaksTheRulesEndsTheConversation) {
  EXPECT_FALSE(client_.mux->take(byte_frame(1, 7, "service")).ok()) << "nobody opens at a client";
  EXPECT_FALSE(server_.mux->take(byte_frame(6, 1, "")).ok()) << "no such kind";
  EXPECT_FALSE(server_.mux->take(byte_frame_head(2, 1, kMaxPortFrame + 1)).ok()) << "too long";
}

TEST_F(PortMuxTest, NobodySendsAfterTheEnd) {
  const UniqueFd one = connect();
  EXPECT_TRUE(server_.mux->take(byte_frame(3, 1, "")).ok());
  EXPECT_FALSE(server_.mux->take(byte_frame(2, 1, "more")).ok());
}

TEST_F(PortMuxTest, FramesOfALinkThatHasJustEndedAreNothing) {
  for (const uint8_t kind : {2, 3, 4, 5}) {
    EXPECT_TRUE(server_.mux->take(byte_frame(kind, 99, "1")).ok()) << int{kind};
  }
}

TEST_F(PortMuxTest, ASocketThatBreaksEndsItsLinkOnBothSides) {
  const UniqueFd one = connect();
  services_[0].reset();
  write(one, "to nobody");
  settle();
  EXPECT_EQ(client_.mux->links() + server_.mux->links(), 0U);
}

TEST_F(PortMuxTest, DataBeyondTheWindowIsNone) {
  const UniqueFd one = connect();
  const std::string piece(kMaxPortFrame, 'x');
  (void)flood(services_[0]);  // so that nothing leaves the window of this way by itself
  Result<void> done;
  size_t taken = 0;
  while (done.ok() && taken < (size_t{64} << 20)) {
    done = client_.mux->take(byte_frame(2, 1, piece));
    taken += piece.size();
  }
  EXPECT_FALSE(done.ok());
  EXPECT_LE(taken, 8 * kPortWindow);
}

TEST_F(PortMuxTest, RoomThatWasNeverTakenIsNone) {
  const UniqueFd one = connect();
  EXPECT_FALSE(client_.mux->take(byte_frame(4, 1, "1")).ok());
  EXPECT_FALSE(server_.mux->take(byte_frame(4, 1, "1z")).ok());
}

}  // namespace
}  // namespace gd
