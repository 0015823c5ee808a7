// What -L of gdsh means. Pure.
//
//   [BIND:]PORT[:HOST:PORT]      8888  8888:localhost:80  *:8888:10.0.0.7:80  [::1]:8888
//
// Addresses are numbers, or localhost; an IPv6 address is in brackets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gd::cmd {

inline constexpr size_t kMaxForwards = 16;  // ports of one gdsh

struct ForwardSpec {
  std::string bind = "127.0.0.1";  // an address; 0.0.0.0 for "*"
  uint16_t port = 0;               // 0: one that is free
  std::string host = "127.0.0.1";  // an address, as the job sees it
  uint16_t host_port = 0;
  bool operator==(const ForwardSpec&) const = default;
};
Result<ForwardSpec> parse_forward(std::string_view text);

}  // namespace gd::cmd
