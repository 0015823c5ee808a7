// Submissions a minute: what is left of them, and that a refusal says when to come again.
#include "server/core/submit_rate.h"

#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

constexpr TimePoint kStart{Seconds{1'700'000'000}};

TEST(SubmitRateTest, AMinutesWorthAndNoMore) {
  SubmitRate rate;
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(rate.wait(1, 6, kStart)) << i;
    rate.count(1, 6, kStart);
  }
  EXPECT_EQ(rate.wait(1, 6, kStart), Seconds{10});
  EXPECT_EQ(rate.wait(1, 6, kStart + 4s), Seconds{6});
  EXPECT_FALSE(rate.wait(1, 6, kStart + 10s));
  EXPECT_FALSE(rate.wait(2, 6, kStart)) << "another user";
  EXPECT_FALSE(rate.wait(1, 0, kStart)) << "without a limit";
  rate.count(1, 6, kStart + 10s);
  EXPECT_EQ(rate.wait(1, 6, kStart + 10s), Seconds{10});
}

TEST(SubmitRateTest, AClockThatGoesBackGivesNothing) {
  SubmitRate rate;
  rate.count(1, 1, kStart);
  EXPECT_EQ(rate.wait(1, 1, kStart - 1h), Seconds{60});
}

TEST(SubmitRateTest, WhoHasAllOfItAgainIsForgotten) {
  SubmitRate rate;
  for (Uid user = 1; user <= 5000; ++user) {
    rate.count(user, 60, kStart + Seconds{static_cast<int64_t>(user)});
  }
  EXPECT_LE(rate.users(), 4096U);
}

class MaxSubmitRateTest : public CoreTest {
 protected:
  void SetUp() override {
    ClusterConfig fresh = *config;
    fresh.max_submit_rate = 2;
    config = std::make_shared<ClusterConfig>(fresh);
    restart();
  }
};

TEST_F(MaxSubmitRateTest, OneMoreIsRefusedAndToldWhen) {
  JobSpec array = batch_spec();
  array.array = "1-100";
  submitted(array);
  submitted(batch_spec());
  const auto third = submit(batch_spec());
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().text,
            "user alice has submitted max_submit_rate jobs a minute, 2; try again in 30 s, or "
            "submit an array");
  EXPECT_TRUE(submit(batch_spec(), user("bob", 1002)).ok());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(submit(batch_spec(), admin()).ok());
  now += 30s;
  EXPECT_TRUE(submit(batch_spec()).ok());
}

}  // namespace
}  // namespace gd::core
