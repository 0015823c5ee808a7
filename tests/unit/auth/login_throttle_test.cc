// How guessing is slowed down, by users and by addresses, and how it is forgotten.
#include "server/auth/login_throttle.h"

#include <gtest/gtest.h>

namespace gd::auth {
namespace {

constexpr TimePoint kNow{Seconds{1000000}};
const ThrottlePolicy kPolicy{.user = {.free = 2, .first_wait = 2s, .max_wait = 10s},
                             .address = {.free = 3, .first_wait = 4s, .max_wait = 60s},
                             .forget_after = 900s};

TEST(LoginThrottle, WaitsDoubleUpToTheirBound) {
  LoginThrottle throttle(kPolicy);
  TimePoint now = kNow;
  std::vector<int> waits;
  for (int i = 0; i < 8; ++i) {
    int waited = 0;
    const std::string address = "a" + std::to_string(i);  // never the same
    while (!throttle.start("alice", address, now).ok()) {
      now += 1s;
      ++waited;
    }
    waits.push_back(waited);
  }
  EXPECT_EQ(waits, (std::vector<int>{0, 0, 0, 2, 4, 8, 10, 10}));
}

TEST(LoginThrottle, TheErrorTellsTheNumbers) {
  LoginThrottle throttle(kPolicy);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(throttle.start("alice", "", kNow).ok());
  const auto refused = throttle.start("alice", "", kNow + 500ms);
  EXPECT_EQ(refused.error(),
            (Error{ErrorCode::exhausted, "3 failed logins of user 'alice': try again in 2 s"}));
  EXPECT_TRUE(throttle.start("bob", "x", kNow + 500ms).ok());
}

TEST(LoginThrottle, ManyAtOnceGainNothing) {
  LoginThrottle throttle(kPolicy);  // none of them has failed yet
  int begun = 0;
  for (int i = 0; i < 100; ++i) begun += throttle.start("alice", "a", kNow).ok() ? 1 : 0;
  EXPECT_EQ(begun, 3);
}

TEST(LoginThrottle, AnAddressIsSlowedDownWhateverNamesItTries) {
  LoginThrottle throttle(kPolicy);
  int begun = 0;
  for (int i = 0; i < 100; ++i) {
    begun += throttle.start("user" + std::to_string(i), "a", kNow).ok() ? 1 : 0;
  }
  EXPECT_EQ(begun, 4);
  EXPECT_EQ(throttle.failures_of_address("a"), 4U);
  EXPECT_EQ(throttle.failures_of_user("user50"), 0U);  // was not begun, so not counted
}

TEST(LoginThrottle, SuccessClearsTheUserAndGivesTheAddressItsOneBack) {
  LoginThrottle throttle(kPolicy);
  ASSERT_TRUE(throttle.start("alice", "a", kNow).ok());
  ASSERT_TRUE(throttle.start("alice", "a", kNow).ok());
  throttle.succeeded("alice", "a");
  EXPECT_EQ(throttle.failures_of_user("alice"), 0U);
  EXPECT_EQ(throttle.failures_of_address("a"), 1U);
  throttle.succeeded("never", "seen");
}

TEST(LoginThrottle, AQuietTimeForgets) {
  LoginThrottle throttle(kPolicy);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(throttle.start("alice", "a", kNow).ok());
  EXPECT_FALSE(throttle.start("alice", "a", kNow).ok());
  ASSERT_TRUE(throttle.start("alice", "a", kNow + kPolicy.forget_after).ok());
  EXPECT_EQ(throttle.failures_of_user("alice"), 1U);
}

TEST(LoginThrottle, MemoryHasALimitAndTheLongestQuietGivesWay) {
  ThrottlePolicy policy = kPolicy;
  policy.address.free = 1000000;
  LoginThrottle throttle(policy);
  for (size_t i = 0; i < kMaxThrottleEntries; ++i) {
    ASSERT_TRUE(throttle.start("u" + std::to_string(i), "a", kNow + Milliseconds{i}).ok());
  }
  EXPECT_EQ(throttle.failures_of_user("u0"), 1U);
  ASSERT_TRUE(throttle.start("one more", "a", kNow + 60s).ok());
  EXPECT_EQ(throttle.failures_of_user("u0"), 0U);
  EXPECT_EQ(throttle.failures_of_user("u1"), 1U);
  EXPECT_EQ(throttle.failures_of_user("one more"), 1U);
}

}  // namespace
}  // namespace gd::auth
