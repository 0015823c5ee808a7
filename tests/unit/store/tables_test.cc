// Keys sort as their numbers do, come back, and are refused at a wrong length.
#include "server/store/tables.h"

#include <gtest/gtest.h>

namespace gd::store {
namespace {

TEST(TablesTest, OrderOfKeysIsOrderOfNumbers) {
  EXPECT_LT(job_key(JobId{255}), job_key(JobId{256}));
  EXPECT_LT(job_key(JobId{0x7fffffff}), job_key(JobId{0xffffffff}));
  const TimePoint t{Milliseconds{1'700'000'000'255}};
  EXPECT_LT(time_key(t, 9), time_key(t + 1ms, 0));
  EXPECT_LT(time_key(t, 9), time_key(t, 10));
  EXPECT_LT(time_prefix(t), time_key(t, 0));
  EXPECT_LT(time_key(t, 0xffffffff), time_prefix(t + 1ms));
}

TEST(TablesTest, KeysComeBack) {
  EXPECT_EQ(parse_job_key(job_key(JobId{0xfedcba98})).take(), JobId{0xfedcba98});
  const TimePoint t{Milliseconds{1'700'000'000'255}};
  const TimeKey key = parse_time_key(time_key(t, 77)).take();
  EXPECT_EQ(key.time, t);
  EXPECT_EQ(key.number, 77U);
}

TEST(TablesTest, KeysOfAnotherLengthAreRefused) {
  EXPECT_EQ(parse_job_key("abc").error().text, "job key has 3 bytes when it should have 4");
  EXPECT_EQ(parse_time_key("abc").error().text, "time key has 3 bytes when it should have 12");
}

}  // namespace
}  // namespace gd::store
