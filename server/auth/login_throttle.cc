// See login_throttle.h.
#include "server/auth/login_throttle.h"

#include <algorithm>

#include "base/text.h"

namespace gd::auth {

namespace {

Seconds wait_after(uint32_t failures, const ThrottleRule& rule) {
  if (failures <= rule.free) return Seconds{0};
  Seconds wait = rule.first_wait;
  for (uint32_t i = rule.free + 1; i < failures && wait < rule.max_wait; ++i) wait *= 2;
  return std::min(wait, rule.max_wait);
}

Error too_many(const std::string& what, uint32_t failures, Seconds left) {
  return {ErrorCode::exhausted, std::to_string(failures) + " failed logins " + what +
                                    ": try again in " + std::to_string(left.count()) + " s"};
}

}  // namespace

Seconds LoginThrottle::wait_of(const Entries& entries, const std::string& name,
                               const ThrottleRule& rule, TimePoint now, Seconds forget_after) {
  const auto found = entries.find(name);
  if (found == entries.end() || now - found->second.last >= forget_after) return Seconds{0};
  const TimePoint until = found->second.last + wait_after(found->second.failures, rule);
  return until > now ? std::chrono::ceil<Seconds>(until - now) : Seconds{0};
}

void LoginThrottle::count(Entries& entries, const std::string& name, TimePoint now) {
  const auto found = entries.find(name);
  if (found == entries.end() && entries.size() >= kMaxThrottleEntries) {
    entries.erase(std::min_element(
        entries.begin(), entries.end(),
        [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
  }
  Entry& entry = entries[name];
  if (now - entry.last >= policy_.forget_after) entry.failures = 0;
  ++entry.failures;
  entry.last = now;
}

Result<void> LoginThrottle::start(const std::string& user, const std::string& address,
                                  TimePoint now) {
  const Seconds forget = policy_.forget_after;
  if (const Seconds left = wait_of(users_, user, policy_.user, now, forget); left > Seconds{0}) {
    return too_many("of user '" + printable(user) + "'", failures_of_user(user), left);
  }
  if (const Seconds left = wait_of(addresses_, address, policy_.address, now, forget);
      left > Seconds{0}) {
    return too_many("from " + printable(address), failures_of_address(address), left);
  }
  count(users_, user, now);
  count(addresses_, address, now);
  return {};
}

void LoginThrottle::succeeded(const std::string& user, const std::string& address) {
  users_.erase(user);
  const auto found = addresses_.find(address);
  if (found != addresses_.end() && --found->second.failures == 0) addresses_.erase(found);
}

uint32_t LoginThrottle::failures_of_user(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? 0 : found->second.failures;
}

uint32_t LoginThrottle::failures_of_address(const std::string& address) const {
  const auto found = addresses_.find(address);
  return found == addresses_.end() ? 0 : found->second.failures;
}

}  // namespace gd::auth
