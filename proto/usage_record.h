// What a user of an account, or a QOS, has used: how the store keeps it. Runs that have ended,
// faded to one moment; what runs is known from the jobs' own records.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"

namespace gd {

struct UsedAmount {  // of a trackable resource but cpus, times seconds
  std::string tres;  // "mem" (MiB), "node", "gres/gpu", "gres/gpu:a100"; "wall": of the job itself
  double seconds = 0;
  bool operator==(const UsedAmount&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("tres", self.tres);
    field("s", self.seconds);
  }
};

struct UsageRecord {
  std::string account;  // empty: of no account
  std::string user;
  double cpu_seconds = 0;
  TimePoint at{};
  std::string qos;  // given: of all its jobs; account and user are then empty
  std::vector<UsedAmount> others;
  TimePoint since{};  // set back to nothing then: of what runs, what came before does not count
  bool operator==(const UsageRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("account", self.account);
    field("user", self.user);
    field("cpu_s", self.cpu_seconds);
    field("at", self.at);
    field("qos", self.qos);
    field("others", self.others);
    field("since", self.since);
  }
};

}  // namespace gd
