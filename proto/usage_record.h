// What a user of an account has used: how the store keeps it. Cpu seconds of runs that have
// ended, faded to one moment; what runs is known from the jobs' own records.
#pragma once

#include <string>

#include "base/clock.h"

namespace gd {

struct UsageRecord {
  std::string account;  // empty: of no account
  std::string user;
  double cpu_seconds = 0;
  TimePoint at{};
  bool operator==(const UsageRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("account", self.account);
    field("user", self.user);
    field("cpu_s", self.cpu_seconds);
    field("at", self.at);
  }
};

}  // namespace gd
