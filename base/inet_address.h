// An IPv4 or IPv6 address with a port, as the kernel takes it and as its tables spell it. Names are
// not looked up.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace gd {

class InetAddress {
 public:
  static Result<InetAddress> parse(const std::string& address, uint16_t port);
  static Result<InetAddress> of_this_end(int socket);
  static Result<InetAddress> of_other_end(int socket);

  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] bool is_loopback() const;
  // "0100007F:1F90": /proc/net/tcp's and tcp6's, in 32-bit words as this machine has them.
  [[nodiscard]] std::string table_name() const;

  // For bind() and connect().
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace gd
