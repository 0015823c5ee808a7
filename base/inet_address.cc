#include "base/inet_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <span>

#include "base/text.h"

namespace gd {
namespace {

sockaddr_in as_four(const sockaddr_storage& storage) {
  sockaddr_in four{};
  std::memcpy(&four, &storage, sizeof four);
  return four;
}

sockaddr_in6 as_six(const sockaddr_storage& storage) {
  sockaddr_in6 six{};
  std::memcpy(&six, &storage, sizeof six);
  return six;
}

std::string hex(const char* form, unsigned number) {
  std::array<char, 16> digits{};
  (void)std::snprintf(digits.data(), digits.size(), form, number);
  return digits.data();
}

}  // namespace

Result<InetAddress> InetAddress::parse(const std::string& address, uint16_t port) {
  InetAddress out;
  sockaddr_in four{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1) {
    std::memcpy(&out.storage_, &four, out.size_ = sizeof four);
  } else if (::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1) {
    std::memcpy(&out.storage_, &six, out.size_ = sizeof six);
  } else {
    return Error{ErrorCode::invalid, "'" + printable(address) + "' is no address"};
  }
  return out;
}

Result<InetAddress> InetAddress::of_this_end(int socket) {
  InetAddress out;
  out.size_ = sizeof out.storage_;
  auto* room = reinterpret_cast<sockaddr*>(&out.storage_);
  if (::getsockname(socket, room, &out.size_) != 0) return os_error("a socket's address");
  return out;
}

Result<InetAddress> InetAddress::of_other_end(int socket) {
  InetAddress out;
  out.size_ = sizeof out.storage_;
  auto* room = reinterpret_cast<sockaddr*>(&out.storage_);
  if (::getpeername(socket, room, &out.size_) != 0) return os_error("a peer's address");
  return out;
}

uint16_t InetAddress::port() const {
  return ntohs(family() == AF_INET ? as_four(storage_).sin_port : as_six(storage_).sin6_port);
}

bool InetAddress::is_loopback() const {
  if (family() == AF_INET) return ntohl(as_four(storage_).sin_addr.s_addr) >> 24 == 127;
  const sockaddr_in6 six = as_six(storage_);
  return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

std::string InetAddress::table_name() const {
  std::string name;
  if (family() == AF_INET) {
    name = hex("%08X", as_four(storage_).sin_addr.s_addr);
  } else {
    const sockaddr_in6 six = as_six(storage_);
    for (const uint32_t word : std::span(six.sin6_addr.s6_addr32)) name += hex("%08X", word);
  }
  return name + hex(":%04X", port());
}

}  // namespace gd
