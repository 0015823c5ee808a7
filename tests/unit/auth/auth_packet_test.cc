// Packets between gdctld and gdauthd: both ways, at each limit, and what is no packet.
#include "server/auth/auth_packet.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace gd::auth {
namespace {

Packet sample() {
  Packet packet;
  packet.kind = PacketKind::login_start;
  packet.id = 0x0123456789abcdefULL;
  packet.code = 7;
  packet.uid = 0xfffffffe;
  packet.gid = 1001;
  packet.text = SecretString(std::string("alice"));
  packet.extra = "192.0.2.1";
  return packet;
}

std::string bytes_of(const Packet& packet) {
  return std::string(format_packet(packet).reveal());
}

TEST(AuthPacket, ComesBackAsItWas) {
  const auto back = parse_packet(bytes_of(sample()));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->kind, PacketKind::login_start);
  EXPECT_EQ(back->id, 0x0123456789abcdefULL);
  EXPECT_EQ(back->code, 7);
  EXPECT_EQ(back->uid, 0xfffffffeU);
  EXPECT_EQ(back->gid, 1001U);
  EXPECT_EQ(back->text.reveal(), "alice");
  EXPECT_EQ(back->extra, "192.0.2.1");
}

TEST(AuthPacket, TextsAtTheirLimitsFitAndOneMoreDoesNot) {
  Packet packet = sample();
  packet.text = SecretString(std::string(kMaxPacketText, 'x'));
  packet.extra = std::string(kMaxPacketExtra, 'y');
  const std::string full = bytes_of(packet);
  EXPECT_EQ(full.size(), kMaxPacketBytes);
  EXPECT_TRUE(parse_packet(full).ok());
  EXPECT_FALSE(parse_packet(full + "z").ok());
  EXPECT_DEATH(
      {
        packet.extra += "y";
        (void)format_packet(packet);
      },
      "kMaxPacketExtra");

  // A length that claims one byte more than is allowed, with the bytes to go with it.
  packet = sample();
  packet.text = SecretString(std::string(kMaxPacketText, 'x'));
  packet.extra.clear();
  std::string forged = bytes_of(packet);
  forged[18] = static_cast<char>((kMaxPacketText + 1) & 0xff);
  forged.insert(20, "x");
  EXPECT_FALSE(parse_packet(forged).ok());
}

TEST(AuthPacket, EveryShorterOrLongerOneAndEveryUnknownKindIsRefused) {
  const std::string whole = bytes_of(sample());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_packet(whole.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(parse_packet(whole + "z").ok());
  for (const int kind : {0, 6, 63, 69, 255}) {
    std::string other = whole;
    other[0] = static_cast<char>(kind);
    EXPECT_FALSE(parse_packet(other).ok()) << kind;
  }
}

TEST(AuthPacket, ReceiveTellsNothingYetFromGoneAndFromTooMuch) {
  SocketPair pair = std::move(make_socket_pair(SOCK_SEQPACKET)).take();
  const auto none = receive_packet(pair.second.get());
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());

  ASSERT_TRUE(send_packet(pair.first.get(), sample()).ok());
  const auto one = receive_packet(pair.second.get());
  ASSERT_TRUE(one.ok() && one->has_value());
  EXPECT_EQ((*one)->text.reveal(), "alice");

  const std::string big(kMaxPacketBytes + 1, 'x');
  ASSERT_EQ(::send(pair.first.get(), big.data(), big.size(), 0), static_cast<ssize_t>(big.size()));
  EXPECT_EQ(receive_packet(pair.second.get()).error().code, ErrorCode::invalid);

  pair.first.reset();
  EXPECT_EQ(receive_packet(pair.second.get()).error().code, ErrorCode::unavailable);
  EXPECT_EQ(send_packet(pair.second.get(), sample()).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace gd::auth
