// Addresses as text, as the kernel's tables spell them, and of sockets.
#include "base/inet_address.h"

#include <gtest/gtest.h>

#include "base/fd.h"

namespace gd {
namespace {

TEST(InetAddress, IsANumberAndAPort) {
  const InetAddress four = InetAddress::parse("127.0.0.1", 8080).take();
  EXPECT_EQ(four.family(), AF_INET);
  EXPECT_EQ(four.port(), 8080);
  EXPECT_TRUE(four.is_loopback());
  const InetAddress six = InetAddress::parse("::1", 65535).take();
  EXPECT_EQ(six.family(), AF_INET6);
  EXPECT_EQ(six.port(), 65535);
  EXPECT_TRUE(six.is_loopback());
  for (const char* elsewhere : {"10.0.0.1", "0.0.0.0", "fe80::1", "::", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(InetAddress::parse(elsewhere, 1)->is_loopback()) << elsewhere;
  }
  for (const char* wrong : {"", "localhost", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "[::1]"}) {
    EXPECT_FALSE(InetAddress::parse(wrong, 1).ok()) << wrong;
  }
}

TEST(InetAddress, HasTheNameOfTheKernelsTables) {
  EXPECT_EQ(InetAddress::parse("127.0.0.1", 8080)->table_name(), "0100007F:1F90");
  EXPECT_EQ(InetAddress::parse("::1", 80)->table_name(), "00000000000000000000000001000000:0050");
}

TEST(InetAddress, OfASocketIsItsOwn) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const InetAddress any = InetAddress::parse("127.0.0.1", 0).take();
  ASSERT_EQ(::bind(socket.get(), any.get(), any.size()), 0);
  const InetAddress bound = InetAddress::of_this_end(socket.get()).take();
  EXPECT_NE(bound.port(), 0);
  EXPECT_TRUE(bound.is_loopback());
  EXPECT_FALSE(InetAddress::of_other_end(socket.get()).ok());
}

}  // namespace
}  // namespace gd
