// What is suggested from runs, and what counts as one.
#include "cmd/advice.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gd::cmd {
namespace {

JobRecord run_of(uint64_t peak_mib, int64_t seconds, JobState state = JobState::completed) {
  JobRecord job;
  JobSpec spec;
  spec.name = "fit";
  spec.cpus_per_task = 4;
  job.spec = std::make_shared<const JobSpec>(spec);
  job.user = "alice";
  job.state = state;
  job.start_time = TimePoint{Seconds{1'700'000'000}};
  job.end_time = job.start_time + Seconds{seconds};
  job.time_limit = Seconds{7200};
  job.nodes = {{.node = "n1", .held = {4, 1000, {}}}};
  StepRecord step;
  step.usage.memory_peak_mib = peak_mib;
  job.steps = {step};
  return job;
}

const Likeness kFit{.user = "alice", .name = "fit", .nodes = 1, .cpus = 4};

TEST(Advice, TheHighestOfAFewRunsWithAMargin) {
  RunBook book;
  for (const uint64_t peak : {300, 500, 400}) book.add(run_of(peak, 600));
  const Advice advice = *book.about(kFit);
  EXPECT_EQ(advice.memory_mib.runs, 3U);
  EXPECT_EQ(advice.memory_mib.asked, 1000U);
  EXPECT_EQ(advice.memory_mib.usual, 400U);
  EXPECT_EQ(advice.memory_mib.most, 500U);
  EXPECT_EQ(advice.memory_mib.suggested, 608U);  // 500 and a fifth, in steps of 16
  EXPECT_EQ(advice.minutes.asked, 120U);
  EXPECT_EQ(advice.minutes.suggested, 13U);  // ten minutes and a quarter
}

TEST(Advice, OfManyRunsTheHighestFewDoNotCount) {
  RunBook book;
  for (int i = 0; i < 99; ++i) book.add(run_of(100, 60));
  book.add(run_of(900, 7000));
  EXPECT_EQ(book.about(kFit)->memory_mib.suggested, 128U);
  EXPECT_EQ(book.about(kFit)->memory_mib.most, 900U);
  EXPECT_EQ(book.about(kFit)->minutes.suggested, 2U);
}

TEST(Advice, TooFewRunsSuggestNothing) {
  RunBook book;
  for (size_t i = 1; i < kFewestRuns; ++i) book.add(run_of(300, 60));
  EXPECT_FALSE(book.about(kFit)->memory_mib.suggested);
  book.add(run_of(300, 60));
  EXPECT_TRUE(book.about(kFit)->memory_mib.suggested);
  EXPECT_FALSE(book.about({.user = "bob", .name = "fit", .nodes = 1, .cpus = 4}));
}

TEST(Advice, WhoWasEndedByALimitWantedMore) {
  RunBook book;
  for (int i = 0; i < 3; ++i) book.add(run_of(1000, 60, JobState::out_of_memory));
  for (int i = 0; i < 3; ++i) book.add(run_of(100, 7200, JobState::timeout));
  const Advice advice = *book.about(kFit);
  EXPECT_EQ(advice.memory_mib.runs, 6U);
  EXPECT_EQ(advice.memory_mib.most, 1500U);
  EXPECT_EQ(advice.minutes.runs, 3U);
  EXPECT_EQ(advice.minutes.most, 180U);
}

TEST(Advice, WhatFailedOrNeverRanSaysNothingAndAnUnknownPeakNoMemory) {
  RunBook book;
  book.add(run_of(100, 60, JobState::failed));
  book.add(run_of(100, 60, JobState::cancelled));
  book.add(run_of(100, 60, JobState::running));
  JobRecord never = run_of(100, 60);
  never.start_time = TimePoint{};
  book.add(never);
  EXPECT_TRUE(book.all().empty());
  book.add(run_of(0, 60));
  EXPECT_EQ(book.about(kFit)->memory_mib.runs, 0U);
  EXPECT_EQ(book.about(kFit)->minutes.runs, 1U);
}

TEST(Advice, TheNewestRunsAreKeptAndSoManyKinds) {
  RunBook book;
  for (size_t i = 0; i < kMaxRuns; ++i) book.add(run_of(100, 60));
  for (size_t i = 0; i < kMaxRuns; ++i) book.add(run_of(200, 60));
  EXPECT_EQ(book.about(kFit)->memory_mib.runs, kMaxRuns);
  EXPECT_EQ(book.about(kFit)->memory_mib.usual, 200U);
  JobRecord other = run_of(100, 60);
  for (size_t i = 0; i < kMaxKinds; ++i) {
    JobSpec spec = *other.spec;
    spec.name = "k" + std::to_string(i);
    other.spec = std::make_shared<const JobSpec>(spec);
    book.add(other);
  }
  EXPECT_EQ(book.all().size(), kMaxKinds);
}

TEST(Advice, TheTableHasARowForEachKind) {
  RunBook book;
  for (int i = 0; i < 3; ++i) book.add(run_of(500, 600));
  const std::string table = advice_table(book.all());
  const std::vector<std::string_view> lines = split(table, '\n');
  ASSERT_EQ(lines.size(), 3U);  // and nothing behind the last line's end
  EXPECT_EQ(split_words(lines[1]),
            (std::vector<std::string_view>{"alice", "fit", "1", "4", "3", "1000M", "500M", "500M",
                                           "608M", "2:00:00", "10:00", "13:00"}));
  EXPECT_EQ(name_of(kFit), "'fit' on 1 node with 4 cpus");
}

}  // namespace
}  // namespace gd::cmd
