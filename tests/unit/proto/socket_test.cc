// The sockets over loopback: who one is comes from the key, and strangers' bytes
// do no harm.
#include "proto/socket.h"

#include <gtest/gtest.h>

#include <vector>

namespace gd {
namespace {

using namespace std::chrono_literals;

template <class Socket>
auto receive_one(Socket& socket) {
  auto got = socket.receive();
  for (int tries = 0; !got && tries < 100; ++tries) {
    WaitItem items[] = {socket};
    wait(items, 100ms);
    got = socket.receive();
  }
  return got;
}

struct SocketTest : testing::Test {
  CurveKeys server_keys = make_curve_keys();
  CurveKeys alice = make_curve_keys();
  SocketContext context;
  ZapHandler zap{context, [this](const std::string& key, const std::string&) {
                   Peer peer;
                   peer.public_key = key;
                   if (key == alice.public_key) {
                     peer.kind = PeerKind::user;
                     peer.uid = 1001;
                     peer.name = "alice";
                   }
                   return std::optional<Peer>(peer);
                 }};
  ServerSocket server = ServerSocket::bind(context, "tcp://127.0.0.1:*", server_keys).take();

  ClientSocket client(const CurveKeys& keys) {
    return ClientSocket::connect(context, server.endpoint(), server_keys.public_key, keys).take();
  }
};

TEST_F(SocketTest, TheKeySaysWhoIsSpeaking) {
  ClientSocket mine = client(alice);
  ClientSocket strange = client(make_curve_keys());
  ASSERT_TRUE(mine.send(7, "hello"));
  const auto got = receive_one(server);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->peer.kind, PeerKind::user);
  EXPECT_EQ(got->peer.uid, 1001u);
  EXPECT_EQ(got->peer.name, "alice");
  EXPECT_EQ(got->peer.address, "127.0.0.1");
  EXPECT_EQ(got->tag, 7u);
  EXPECT_EQ(got->body, "hello");

  ASSERT_TRUE(strange.send(1, "me too"));
  EXPECT_EQ(receive_one(server)->peer.kind, PeerKind::nobody);

  ASSERT_TRUE(server.send(got->route, got->tag, "answer"));
  const auto reply = receive_one(mine);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->tag, 7u);
  EXPECT_EQ(reply->body, "answer");
}

TEST_F(SocketTest, ASendToNobodyFailsAndSaysSo) {
  EXPECT_FALSE(server.send("no such peer", 1, "x"));
  EXPECT_FALSE(server.send("", 1, "x"));
}

TEST_F(SocketTest, AWrongServerKeyIsNeverAnswered) {
  Result<ClientSocket> fooled =
      ClientSocket::connect(context, server.endpoint(), make_curve_keys().public_key, alice);
  ASSERT_TRUE(fooled.ok());
  fooled->send(1, "hello");
  WaitItem items[] = {server};
  EXPECT_FALSE(wait(items, 200ms));
}

TEST_F(SocketTest, RefusesMalformedKeysAndEndpoints) {
  EXPECT_FALSE(ClientSocket::connect(context, server.endpoint(), "short", alice).ok());
  EXPECT_FALSE(ServerSocket::bind(context, "tcp://nonsense:port", server_keys).ok());
  EXPECT_FALSE(is_curve_key(std::string(40, '\x01')));
  EXPECT_TRUE(is_curve_key(alice.public_key));
  EXPECT_EQ(*curve_public_of(alice.secret_key), alice.public_key);
}

}  // namespace
}  // namespace gd
