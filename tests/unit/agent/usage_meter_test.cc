// What comes of readings of a step's group: figures of the moment, peaks, and the series.
#include "server/agent/usage_meter.h"

#include <gtest/gtest.h>

#include "proto/messages_node.h"

namespace gd::agent {
namespace {

constexpr Milliseconds kStart{1'000'000};
constexpr uint64_t kMib = uint64_t{1} << 20;

container::CgroupUsage reading(uint64_t cpu_ms, uint64_t memory_mib, uint64_t pids = 1) {
  container::CgroupUsage usage;
  usage.cpu_ns = cpu_ms * 1'000'000;
  usage.cpu_user_ns = usage.cpu_ns * 3 / 4;
  usage.cpu_system_ns = usage.cpu_ns / 4;
  usage.memory_bytes = memory_mib * kMib;
  usage.pids = pids;
  return usage;
}

TEST(UsageMeter, FiguresAreOfTheTimeSinceTheReadingBefore) {
  UsageMeter meter(kStart, 5s);
  container::CgroupUsage first = reading(500, 10, 3);
  first.read_bytes = 4096;
  first.write_bytes = 0;
  meter.take(first, kStart + 1s);
  EXPECT_EQ(meter.sample().cpu_milli, 500U);
  EXPECT_EQ(meter.sample().memory_mib, 10U);
  EXPECT_EQ(meter.sample().pids, 3U);
  EXPECT_EQ(meter.sample().read_bytes_s, 4096U);
  EXPECT_EQ(meter.sample().write_bytes_s, 0U);
  container::CgroupUsage second = reading(4500, 8, 2);
  second.read_bytes = 4096;
  second.write_bytes = 8000;
  meter.take(second, kStart + 3s);
  EXPECT_EQ(meter.sample().cpu_milli, 2000U);
  EXPECT_EQ(meter.sample().read_bytes_s, 0U);
  EXPECT_EQ(meter.sample().write_bytes_s, 4000U);
  EXPECT_EQ(meter.sample().so_far.pids_peak, 3U);
  EXPECT_EQ(meter.sample().so_far.memory_peak_mib, 10U);
  EXPECT_EQ(meter.sample().so_far.cpu_user_ms, 3375U);
}

TEST(UsageMeter, WhatIsNotCountedIsEmptyAndNotZero) {
  UsageMeter meter(kStart, 1s);
  for (int i = 1; i <= 3; ++i) meter.take(reading(10, 1), kStart + Seconds{i});
  EXPECT_FALSE(meter.sample().read_bytes_s.has_value());
  meter.finish(reading(10, 0), kStart + 3s);
  EXPECT_FALSE(meter.usage().read_bytes.has_value());
  EXPECT_EQ(meter.series().cpu_milli.size(), 3U);
  EXPECT_TRUE(meter.series().io_kib_s.empty());
}

TEST(UsageMeter, AShortStepHasNoSeries) {
  UsageMeter meter(kStart, 5s);
  meter.finish(reading(7, 3), kStart + 20ms);
  EXPECT_EQ(meter.usage().cpu_user_ms, 5U);
  UsageMeter longer(kStart, 5s);
  longer.take(reading(1000, 3), kStart + 1s);
  longer.finish(reading(2000, 0), kStart + 4s);
  EXPECT_EQ(longer.series(), UsageSeries{});
}

TEST(UsageMeter, TheKernelsPeakCountsWhereItIsHigher) {
  UsageMeter meter(kStart, 5s);
  container::CgroupUsage last = reading(1, 2);
  last.memory_peak_bytes = 77 * kMib + 1;
  meter.finish(last, kStart + 1s);
  EXPECT_EQ(meter.usage().memory_peak_mib, 78U);
}

TEST(UsageMeter, ThePointsAreMeansOfTimeAndHighestOfMemory) {
  UsageMeter meter(kStart, 5s);
  meter.take(reading(1000, 50), kStart + 1s);
  meter.take(reading(1000, 20), kStart + 5s);  // closes the first
  meter.take(reading(6000, 30), kStart + 10s);
  meter.finish(reading(7000, 0), kStart + 12s);  // nothing read since
  const UsageSeries series = meter.series();
  EXPECT_EQ(series.spacing, 5s);
  EXPECT_EQ(series.cpu_milli, (std::vector<uint64_t>{200, 1000}));
  EXPECT_EQ(series.memory_mib, (std::vector<uint64_t>{50, 30}));
}

TEST(UsageMeter, TheSeriesIsThinnedAtItsLimitAndKeepsItsShape) {
  UsageMeter meter(kStart, 1s);
  uint64_t cpu_ms = 0;
  for (size_t i = 1; i <= kMaxSeriesPoints; ++i) {
    cpu_ms += i % 2 == 0 ? 1000 : 0;
    meter.take(reading(cpu_ms, i), kStart + Seconds{i});
  }
  UsageMeter same = meter;
  same.finish(reading(cpu_ms, 0), kStart + Seconds{kMaxSeriesPoints});
  UsageSeries series = same.series();
  EXPECT_EQ(series.cpu_milli.size(), kMaxSeriesPoints);
  EXPECT_EQ(series.spacing, 1s);
  meter.take(reading(cpu_ms, 99), kStart + Seconds{kMaxSeriesPoints + 1});
  meter.finish(reading(cpu_ms, 0), kStart + Seconds{kMaxSeriesPoints + 1});
  series = meter.series();
  EXPECT_EQ(series.spacing, 2s);
  EXPECT_EQ(series.cpu_milli.size(), kMaxSeriesPoints / 2 + 1);
  EXPECT_EQ(series.cpu_milli.front(), 500U);
  EXPECT_EQ(series.memory_mib.front(), 2U);
  EXPECT_EQ(series.memory_mib.back(), 99U);
  EXPECT_EQ(series.cpu_milli.back(), 0U);
}

TEST(UsageMeter, AWeekAtOneSecondStaysWithinTheLimit) {
  UsageMeter meter(kStart, 1s);
  container::CgroupUsage now = reading(0, 5);
  now.read_bytes = 0;
  for (int second = 1; second <= 7 * 86'400; ++second) {
    now.cpu_ns += 500'000'000;
    now.read_bytes = *now.read_bytes + 1024;
    meter.take(now, kStart + Seconds{second});
  }
  meter.finish(now, kStart + Seconds{7 * 86'400});
  const UsageSeries series = meter.series();
  EXPECT_LE(series.cpu_milli.size(), kMaxSeriesPoints);
  EXPECT_GT(series.cpu_milli.size(), kMaxSeriesPoints / 2 - 1);
  for (const uint64_t point : series.cpu_milli) EXPECT_EQ(point, 500U);
  EXPECT_EQ(series.io_kib_s.size(), series.cpu_milli.size());
}

TEST(UsageMeter, CountersThatGoBackGiveNothingNegative) {
  UsageMeter meter(kStart, 1s);
  meter.take(reading(1000, 5), kStart + 1s);
  meter.take(reading(10, 5), kStart + 1s);  // the same millisecond, and less
  EXPECT_EQ(meter.sample().cpu_milli, 0U);
}

TEST(UsageSeries, WhatANodeSaysIsBoundedAndOfOneLength) {
  const std::vector<uint64_t> many(kMaxSeriesPoints + 1, 7);
  UsageSeries series = bounded({.spacing = 1s, .cpu_milli = many, .memory_mib = many});
  EXPECT_EQ(series.cpu_milli.size(), kMaxSeriesPoints);
  EXPECT_TRUE(series.io_kib_s.empty());
  series = bounded({.spacing = 1s, .cpu_milli = many, .memory_mib = {1, 2}, .io_kib_s = many});
  EXPECT_EQ(series.cpu_milli.size(), 2U);
  EXPECT_EQ(series.io_kib_s.size(), 2U);
}

TEST(Usage, TimesAddUpAndPeaksDoNot) {
  Usage sum{.cpu_user_ms = 1, .memory_peak_mib = 10, .pids_peak = 2};
  add(sum, {.cpu_user_ms = 2, .memory_peak_mib = 7, .pids_peak = 5, .read_bytes = 9});
  EXPECT_EQ(sum.cpu_user_ms, 3U);
  EXPECT_EQ(sum.memory_peak_mib, 10U);
  EXPECT_EQ(sum.pids_peak, 5U);
  EXPECT_EQ(sum.read_bytes, 9U);
  EXPECT_FALSE(sum.write_bytes.has_value());
}

}  // namespace
}  // namespace gd::agent
