// A stand-in against a controller of the test's own: what it says, and when.
#include "tests/stand_in/stand_in_node.h"

#include <gtest/gtest.h>

#include <csignal>
#include <mutex>

#include "tests/unit/cmd/fake_server.h"

namespace gd::stand_in {
namespace {

constexpr uint64_t kSession = 7;

struct Fixture : testing::Test {
  std::recursive_mutex mutex;  // the controller has a thread of its own
  std::vector<NodeReport> reports;
  std::vector<NodeExplained> explained;
  int hellos = 0;
  Route route;
  uint64_t number = 0;
  bool refuses = false;
  std::vector<Message> to_send;

  test::FakeServer controller{
      [this](test::FakeServer& server, const Route& from, uint64_t tag, const Message& message) {
        const std::lock_guard lock(mutex);
        route = from;
        if (std::holds_alternative<NodeJoin>(message)) {
          if (refuses) return server.send(from, tag, ErrorReply{ErrorCode::denied, "used already"});
          server.send(from, tag, NodeJoined{"test"});
        } else if (const auto* hello = std::get_if<NodeHello>(&message)) {
          ++hellos;
          number = 0;
          server.send(
              from, tag,
              NodeWelcome{.nonce = hello->nonce, .session = kSession + hellos, .heartbeat = 1s});
        } else if (const auto* report = std::get_if<NodeReport>(&message)) {
          reports.push_back(*report);
        } else if (const auto* answer = std::get_if<NodeExplained>(&message)) {
          explained.push_back(*answer);
        }
        if (!std::holds_alternative<NodeReport>(message)) return;
        for (Message& each : std::exchange(to_send, {})) {
          if (auto* orders = std::get_if<NodeOrders>(&each)) {
            orders->session = kSession + hellos;
            orders->number = ++number;
          }
          server.send(from, 0, each);
        }
      }};
  std::unique_ptr<Poller> poller = Poller::create().take();
  SocketContext context;
  Totals totals;
  std::string refusal;
  std::unique_ptr<StandInNode> node;

  void SetUp() override {
    NodeInfo info;
    info.name = "n1";
    info.total = {.cpus = 4, .memory_mib = 1000};
    const JoinToken token{.secret = Bytes(kJoinSecretBytes, 's'),
                          .controller = controller.address(),
                          .controller_key = controller.keys().public_key};
    node = StandInNode::join(*poller, context, info, token, totals,
                             [this](const std::string& name, const Error& error) {
                               refusal = name + ": " + error.text;
                             })
               .take();
  }
  void TearDown() override { node.reset(); }

  template <class Condition>
  bool until(Condition condition) {
    const Deadline deadline = Deadline::after(10s);
    while (!deadline.passed()) {
      EXPECT_TRUE(poller->run_once(20ms).ok());
      const std::lock_guard lock(mutex);
      if (condition()) return true;
    }
    return false;
  }
  // Sent with the answer to the next report.
  void order(NodeOrders orders) {
    const std::lock_guard lock(mutex);
    to_send.emplace_back(std::move(orders));
  }
  static StepLaunch launch(uint32_t job, std::string script) {
    StepLaunch launch;
    launch.job = JobId{job};
    launch.launch = LaunchNumber{1};
    launch.step = kBatchStep;
    launch.script = std::move(script);
    return launch;
  }
  static StepKey key(uint32_t job) { return {JobId{job}, LaunchNumber{1}, kBatchStep}; }
  // The last that was said of the job's first step.
  StepStatus last(uint32_t job) {
    const std::lock_guard lock(mutex);
    for (auto report = reports.rbegin(); report != reports.rend(); ++report) {
      for (const StepStatus& status : report->steps) {
        if (status.job == JobId{job}) return status;
      }
    }
    return {};
  }
  bool is(uint32_t job, StepPhase phase) {
    const StepStatus status = last(job);
    return status.job == JobId{job} && status.phase == phase;
  }
  size_t count() {
    const std::lock_guard lock(mutex);
    return reports.size();
  }
  NodeReport newest() {
    const std::lock_guard lock(mutex);
    return reports.back();
  }
};

TEST_F(Fixture, JoinsSaysHelloAndReportsAllByTheHeartbeat) {
  EXPECT_TRUE(until([&] { return count() >= 2; }));
  EXPECT_EQ(totals.welcomed, 1u);
  EXPECT_TRUE(newest().full);
  EXPECT_EQ(newest().session, kSession + 1);
}

TEST_F(Fixture, AStepRunsAsLongAsItSaysAndEndsWithItsCode) {
  order({.launches = {launch(1, "sleep 0.3; exit 3"), launch(2, "sleep 9999")}});
  ASSERT_TRUE(until([&] { return is(1, StepPhase::ended); }));
  EXPECT_EQ(last(1).exit.code, 3);
  EXPECT_EQ(last(1).cause, EndCause::exited);
  EXPECT_GE(last(1).ended - last(1).started, 290ms);  // two clocks, each rounded
  EXPECT_TRUE(is(2, StepPhase::running));
  EXPECT_EQ(totals.started, 2u);
  EXPECT_EQ(totals.ended, 1u);
  // Reported until that is confirmed, and forgotten then.
  const size_t before = count();
  ASSERT_TRUE(until([&] { return count() > before && newest().full; }));
  EXPECT_EQ(newest().steps.size(), 2u);
  order({.confirms = {key(1)}});
  ASSERT_TRUE(until([&] { return newest().full && newest().steps.size() == 1; }));
}

TEST_F(Fixture, TimeLimitsOrdersAndSignalsEndIt) {
  StepLaunch limited = launch(1, "sleep 9999");
  limited.time_limit = 1s;
  order({.launches = {limited, launch(2, "sleep 9999"), launch(3, "sleep 9999")}});
  ASSERT_TRUE(until([&] { return is(3, StepPhase::running); }));
  order({.ends = {{key(2)}}, .signals = {{.step = key(3), .signal = SIGUSR1, .serial = 1}}});
  ASSERT_TRUE(until([&] {
    return is(1, StepPhase::ended) && is(2, StepPhase::ended) && is(3, StepPhase::ended);
  }));
  EXPECT_EQ(last(1).cause, EndCause::time_limit);
  EXPECT_EQ(last(2).cause, EndCause::ordered);
  EXPECT_EQ(last(2).exit.signal, SIGTERM);
  EXPECT_EQ(last(3).exit.signal, SIGUSR1);
}

TEST_F(Fixture, AStoppedStepHasItsTimeLater) {
  order({.launches = {launch(1, "sleep 0.5")},
         .signals = {{.step = key(1), .signal = SIGSTOP, .serial = 1}}});
  ASSERT_TRUE(until([&] { return is(1, StepPhase::running); }));
  const size_t before = count();
  ASSERT_TRUE(until([&] { return count() >= before + 2; }));  // two heartbeats: a second
  EXPECT_TRUE(is(1, StepPhase::running));
  order({.signals = {{.step = key(1), .signal = SIGCONT, .serial = 2}}});
  ASSERT_TRUE(until([&] { return is(1, StepPhase::ended); }));
  EXPECT_GE(last(1).ended - last(1).started, 1000ms);
}

TEST_F(Fixture, APlaceForOtherStepsStaysUntilItIsToldToEnd) {
  StepLaunch place = launch(1, "");
  place.step = kExternStep;
  order({.launches = {place}});
  ASSERT_TRUE(until([&] { return is(1, StepPhase::running); }));
  order({.ends = {{{JobId{1}, LaunchNumber{1}, kExternStep}, true}}});
  ASSERT_TRUE(until([&] { return is(1, StepPhase::ended); }));
  EXPECT_EQ(last(1).exit.signal, SIGKILL);
}

TEST_F(Fixture, AControllerThatWasStartedAgainIsToldOfTheRunningSteps) {
  order({.launches = {launch(1, "sleep 9999")}});
  ASSERT_TRUE(until([&] { return is(1, StepPhase::running); }));
  {
    const std::lock_guard lock(mutex);
    reports.clear();
    to_send.emplace_back(ErrorReply{ErrorCode::conflict, "say hello"});
  }
  ASSERT_TRUE(until([&] {
    return count() > 0 && newest().session == kSession + 2 && is(1, StepPhase::running);
  }));
  EXPECT_EQ(totals.welcomed, 1u);  // of nodes, not of hellos
}

TEST_F(Fixture, HasNoContainerToExplain) {
  {
    const std::lock_guard lock(mutex);
    to_send.emplace_back(NodeExplain{.number = 5});
  }
  ASSERT_TRUE(until([&] { return !explained.empty(); }));
  EXPECT_EQ(explained[0].number, 5u);
  EXPECT_EQ(explained[0].error, "node n1 has no containers");
}

struct Refused : Fixture {
  Refused() { refuses = true; }
};

TEST_F(Refused, ATokenThatIsNotTakenIsSaid) {
  EXPECT_TRUE(until([&] { return !refusal.empty(); }));
  EXPECT_EQ(refusal, "n1: used already");
}

}  // namespace
}  // namespace gd::stand_in
