// What gd.conf says of preemption, and what it must not say.
#include <gtest/gtest.h>

#include "proto/settings.h"

namespace gd {
namespace {

std::string error_of(const std::string& text) {
  const Result<Settings> settings = parse_settings(text, "gd.conf");
  return settings.ok() ? "accepted" : settings.error().text;
}

TEST(PreemptSettings, AreOffByDefault) {
  const Settings settings = parse_settings("", "gd.conf").take();
  EXPECT_EQ(settings.controller.preempt_type, PreemptType::none);
  EXPECT_EQ(settings.controller.preempt_mode, PreemptMode::off);
  EXPECT_EQ(settings.controller.preempt_exempt_time, Seconds{0});
  EXPECT_FALSE(settings.partitions.front().preempt_mode);
}

TEST(PreemptSettings, OfTheClusterItsQosAndItsPartitions) {
  const Settings settings =
      parse_settings(
          "preempt_type = qos\npreempt_mode = REQUEUE\npreempt_exempt_time = 10min\n"
          "[partition a]\npreempt_mode = off\ngrace_time = 90\n[partition b]\n"
          "[qos low]\npreempt_mode = cancel\ngrace_time = 1h\npreempt_exempt_time = 0\n"
          "[qos high]\npreempt = low, normal\n",
          "gd.conf")
          .take();
  EXPECT_EQ(settings.controller.preempt_type, PreemptType::qos);
  EXPECT_EQ(settings.controller.preempt_mode, PreemptMode::requeue);
  EXPECT_EQ(settings.controller.preempt_exempt_time, Seconds{600});
  EXPECT_EQ(settings.partitions[0].preempt_mode, PreemptMode::off);
  EXPECT_EQ(settings.partitions[0].grace_time, Seconds{90});
  EXPECT_FALSE(settings.partitions[1].preempt_mode);
  const QosLimits& low = settings.limits.qos[0];
  EXPECT_EQ(low.preempt_mode, PreemptMode::cancel);
  EXPECT_EQ(low.grace_time, Seconds{3600});
  EXPECT_EQ(low.preempt_exempt, Seconds{0});
  const QosLimits& high = settings.limits.qos[1];
  EXPECT_EQ(high.preempt, (std::vector<std::string>{"low", "normal"}));
  EXPECT_FALSE(high.preempt_exempt);
}

TEST(PreemptSettings, SuspendingIsRefusedByName) {
  const std::string why =
      "'suspend' is not supported: what a job holds is kept or given back as a whole; the modes "
      "are off, cancel and requeue";
  EXPECT_EQ(error_of("preempt_mode = suspend\n"), "gd.conf:1: preempt_mode: " + why);
  EXPECT_EQ(error_of("[partition p]\npreempt_mode = suspend\n"), "gd.conf:2: preempt_mode: " + why);
  EXPECT_EQ(error_of("[qos q]\npreempt_mode = suspend\n"), "gd.conf:2: preempt_mode: " + why);
  EXPECT_EQ(error_of("preempt_mode = kill\n"),
            "gd.conf:1: preempt_mode: 'kill' is not off, cancel or requeue");
}

TEST(PreemptSettings, NobodyMayEndHisOwn) {
  EXPECT_EQ(error_of("[qos a]\npreempt = a\n"),
            "gd.conf: [qos]: preempt: a job could be ended for one of its own QOS, by a, a");
  EXPECT_EQ(error_of("[qos x]\npreempt = a\n[qos a]\npreempt = b,low\n[qos b]\npreempt = c\n"
                     "[qos c]\npreempt = a\n[qos low]\n"),
            "gd.conf: [qos]: preempt: a job could be ended for one of its own QOS, by a, b, c, a");
  EXPECT_EQ(error_of("[qos a]\npreempt = b,c\n[qos b]\npreempt = c\n[qos c]\n"), "accepted");
  EXPECT_EQ(error_of("[qos normal]\npreempt = low\n[qos low]\npreempt = normal\n"),
            "gd.conf: [qos]: preempt: a job could be ended for one of its own QOS, by normal, low, "
            "normal");
  EXPECT_EQ(error_of("[qos high]\npreempt = lwo\n[qos low]\n"),
            "gd.conf: [qos high]: preempt: there is no [qos lwo]; did you mean 'low'?");
}

// Also as many as a file can name, without a stack or a time that grows with them.
TEST(PreemptSettings, LongChainsAreNoCircles) {
  LimitSettings limits;
  for (int i = 0; i < 10'000; ++i) {
    limits.qos.push_back({.name = "q" + std::to_string(i)});
    if (i > 0) limits.qos.back().preempt = {"q" + std::to_string(i - 1)};
  }
  EXPECT_TRUE(check_preempt_lists(limits).ok());
  limits.qos.front().preempt = {"q9999"};
  EXPECT_FALSE(check_preempt_lists(limits).ok());
}

TEST(PreemptSettings, ATypeUnderWhichNobodyCouldGoIsAMistake) {
  const std::string mistake =
      "gd.conf:1: preempt_type: preempt_mode is off everywhere, so nobody could be preempted; say "
      "cancel or requeue";
  EXPECT_EQ(error_of("preempt_type = qos\n"), mistake);
  EXPECT_EQ(error_of("preempt_type = qos\n[partition p]\npreempt_mode = cancel\n"), mistake);
  EXPECT_EQ(error_of("preempt_type = qos\n[qos q]\npreempt_mode = cancel\n"), "accepted");
  EXPECT_EQ(error_of("preempt_type = partition_prio\n[partition p]\npreempt_mode = cancel\n"),
            "accepted");
}

TEST(PreemptMode, Names) {
  for (const PreemptMode mode : {PreemptMode::off, PreemptMode::cancel, PreemptMode::requeue}) {
    EXPECT_EQ(parse_preempt_mode(name(mode)).value(), mode);
  }
}

}  // namespace
}  // namespace gd
