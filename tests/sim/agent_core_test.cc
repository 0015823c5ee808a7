// The agent's memory of its steps: at most one start, whatever is doubled, late,
// or of another session.
#include "server/agent/agent_core.h"

#include <gtest/gtest.h>

namespace gd::agent {
namespace {

constexpr TimePoint kNow{Seconds{1000}};
const StepKey kKey{JobId{1}, LaunchNumber{7}, kBatchStep};

StepLaunch launch() {
  StepLaunch result;
  result.job = kKey.job;
  result.launch = kKey.launch;
  result.step = kKey.step;
  return result;
}

StepStatus status(StepPhase phase) {
  StepStatus result;
  result.job = kKey.job;
  result.launch = kKey.launch;
  result.step = kKey.step;
  result.phase = phase;
  return result;
}

class AgentCoreTest : public testing::Test {
 protected:
  AgentCoreTest() { connect(1); }

  void connect(uint64_t session) {
    core.make_hello({}, session * 10);
    NodeWelcome welcome;
    welcome.nonce = session * 10;
    welcome.session = session;
    EXPECT_TRUE(core.on_welcome(welcome));
  }
  NodeOrders orders(uint64_t number, uint64_t session = 1) {
    NodeOrders result;
    result.session = session;
    result.number = number;
    return result;
  }
  std::vector<Action> order_launch(uint64_t number, uint64_t session = 1) {
    NodeOrders one = orders(number, session);
    one.launches.push_back(launch());
    return core.on_orders(one, kNow);
  }

  AgentCore core;
};

TEST_F(AgentCoreTest, ALaunchStartsOnce) {
  const auto first = order_launch(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<StartStep>(first[0]));
  EXPECT_TRUE(order_launch(1).empty());     // doubled
  EXPECT_TRUE(order_launch(2).empty());     // asked again
  EXPECT_TRUE(order_launch(9, 2).empty());  // of a session that is not ours
}

TEST_F(AgentCoreTest, WhatIsToBeFetchedAheadIsHandedOn) {
  NodeOrders one = orders(1);
  one.fetches.push_back({.uid = 7, .name = "debian", .digest = ""});
  const auto actions = core.on_orders(one, kNow);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<FetchImage>(actions[0]).fetch.name, "debian");
  EXPECT_TRUE(core.on_orders(one, kNow).empty());  // doubled
}

TEST_F(AgentCoreTest, AForgottenStepIsNotStartedByALateMessage) {
  order_launch(2);
  core.on_status(status(StepPhase::ended));
  NodeOrders confirm = orders(3);
  confirm.confirms.push_back(kKey);
  const auto actions = core.on_orders(confirm, kNow);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ForgetStep>(actions[0]));
  EXPECT_TRUE(order_launch(1).empty());
  EXPECT_TRUE(core.steps().empty());
  connect(2);
  EXPECT_TRUE(order_launch(50, 1).empty());
}

TEST_F(AgentCoreTest, SamplesGoWithFullReportsAndMakeNoNews) {
  order_launch(1);
  StepSample sample{.job = kKey.job, .launch = kKey.launch, .step = kKey.step, .cpu_milli = 900};
  core.on_sample(sample);  // not running yet: late, or of another
  core.on_status(status(StepPhase::running));
  EXPECT_TRUE(core.make_report(AgentCore::Extent::full, 0, 0)->samples.empty());
  core.on_sample(sample);
  EXPECT_FALSE(core.has_news());
  sample.cpu_milli = 1000;
  core.on_sample(sample);
  EXPECT_TRUE(core.make_report(AgentCore::Extent::news, 0, 0)->samples.empty());
  EXPECT_EQ(core.make_report(AgentCore::Extent::full, 0, 0)->samples, std::vector{sample});
  core.on_status(status(StepPhase::ended));
  EXPECT_TRUE(core.make_report(AgentCore::Extent::full, 0, 0)->samples.empty());
}

TEST_F(AgentCoreTest, ARunningStepIsNotForgotten) {
  order_launch(1);
  core.on_status(status(StepPhase::running));
  NodeOrders confirm = orders(2);
  confirm.confirms.push_back(kKey);
  EXPECT_TRUE(core.on_orders(confirm, kNow).empty());
  EXPECT_NE(core.find(kKey), nullptr);
}

TEST_F(AgentCoreTest, EndingAnUnknownStepIsReportedAsEnded) {
  NodeOrders end = orders(2);
  end.ends.push_back({kKey, false});
  EXPECT_TRUE(core.on_orders(end, kNow).empty());
  const auto report = core.make_report(AgentCore::Extent::news, 0, 0);
  ASSERT_EQ(report->steps.size(), 1u);
  EXPECT_EQ(report->steps[0].phase, StepPhase::ended);
  EXPECT_EQ(report->steps[0].cause, EndCause::ordered);
  EXPECT_TRUE(order_launch(1).empty());  // it was on its way
  EXPECT_TRUE(order_launch(3).empty());
}

TEST_F(AgentCoreTest, TheFirstEndIsTheOne) {
  order_launch(1);
  StepStatus first = status(StepPhase::ended);
  first.cause = EndCause::out_of_memory;
  core.on_status(first);
  core.on_lost(kKey, kNow);
  core.on_status(status(StepPhase::running));
  EXPECT_EQ(core.find(kKey)->cause, EndCause::out_of_memory);
  EXPECT_EQ(core.find(kKey)->phase, StepPhase::ended);
}

TEST_F(AgentCoreTest, SignalsAndLimitsArePassedOnOnce) {
  order_launch(1);
  NodeOrders more = orders(2);
  more.signals.push_back({kKey, 10, false, 5});
  more.limits.push_back({kKey, Seconds{60}});
  EXPECT_EQ(core.on_orders(more, kNow).size(), 2u);
  more.number = 3;
  EXPECT_TRUE(core.on_orders(more, kNow).empty());
  EXPECT_EQ(core.find(kKey)->signal_serial, 5u);
  EXPECT_EQ(core.find(kKey)->time_limit, Seconds{60});
}

TEST_F(AgentCoreTest, AfterARestartOnlyWhatWasNeverBegunIsStarted) {
  AgentCore fresh;
  std::vector<FoundStep> found(4);
  for (uint32_t i = 0; i < 4; ++i) {
    found[i].launch = launch();
    found[i].launch.job = JobId{i + 1};
    found[i].status = status(StepPhase::running);
    found[i].status.job = JobId{i + 1};
  }
  found[0].state = FoundStep::State::accepted;
  found[1].state = FoundStep::State::running;
  found[2].state = FoundStep::State::ended;
  found[2].status.phase = StepPhase::ended;
  found[3].state = FoundStep::State::lost;
  const auto actions = fresh.restore(found, kNow);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<StartStep>(actions[0]).launch.job, JobId{1});
  EXPECT_EQ(fresh.steps().at({JobId{4}, LaunchNumber{7}, kBatchStep}).cause, EndCause::lost);
  EXPECT_FALSE(fresh.make_report(AgentCore::Extent::full, 0, 0).has_value());  // no session
}

TEST_F(AgentCoreTest, LateWelcomesAreDropped) {
  NodeWelcome late;
  late.nonce = 10;
  late.session = 1;
  EXPECT_FALSE(core.on_welcome(late));  // doubled: numbers must not begin anew
  late.session = 2;
  EXPECT_TRUE(core.on_welcome(late));  // the same hello, answered again
  core.make_hello({}, 77);
  late.session = 3;
  EXPECT_FALSE(core.on_welcome(late));
  EXPECT_FALSE(core.connected());
}

TEST_F(AgentCoreTest, ReportsAreNumberedAndNewsAreToldOnce) {
  order_launch(1);
  EXPECT_TRUE(core.has_news());
  const auto first = core.make_report(AgentCore::Extent::news, 0, 0);
  EXPECT_EQ(first->number, 1u);
  EXPECT_EQ(first->orders, 1u);
  EXPECT_EQ(first->steps.size(), 1u);
  EXPECT_FALSE(core.has_news());
  const auto full = core.make_report(AgentCore::Extent::full, 0, 0);
  EXPECT_EQ(full->number, 2u);
  EXPECT_EQ(full->steps.size(), 1u);
}

}  // namespace
}  // namespace gd::agent
