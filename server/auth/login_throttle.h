// Slows down guessing: counts logins that did not succeed, per user and per
// address, and says how long the next one must wait. Pure: `now` is a parameter.
//
// A login is counted when it starts and taken back when it succeeds, so that many
// at once gain nothing. Past the free ones each doubles the wait, up to a bound,
// so nobody is locked out for long by somebody else's guesses; counts are
// forgotten after a quiet time. Unknown users are counted like known ones. Memory
// is bounded: kMaxThrottleEntries of each, the longest quiet one gives way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace gd::auth {

inline constexpr size_t kMaxThrottleEntries = 4096;

struct ThrottleRule {
  uint32_t free = 0;  // so many unsuccessful ones cost no wait
  Seconds first_wait{0};
  Seconds max_wait{0};
};

struct ThrottlePolicy {
  ThrottleRule user{.free = 4, .first_wait = 2s, .max_wait = 60s};
  ThrottleRule address{.free = 20, .first_wait = 2s, .max_wait = 300s};
  Seconds forget_after{900};
};

class LoginThrottle {
 public:
  explicit LoginThrottle(ThrottlePolicy policy = {}) : policy_(policy) {}

  // ErrorCode::exhausted with the seconds left; else the login is counted.
  Result<void> start(const std::string& user, const std::string& address, TimePoint now);
  // The user's count is cleared, the address gets this one back.
  void succeeded(const std::string& user, const std::string& address);

  [[nodiscard]] uint32_t failures_of_user(const std::string& user) const;
  [[nodiscard]] uint32_t failures_of_address(const std::string& address) const;

 private:
  struct Entry {
    uint32_t failures = 0;
    TimePoint last{};
  };
  using Entries = std::map<std::string, Entry>;
  static Seconds wait_of(const Entries& entries, const std::string& name, const ThrottleRule& rule,
                         TimePoint now, Seconds forget_after);
  void count(Entries& entries, const std::string& name, TimePoint now);

  ThrottlePolicy policy_;
  Entries users_;
  Entries addresses_;
};

}  // namespace gd::auth
