// Keys and join tokens on their way through the controller: durable, published, audited.
#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

TEST_F(ControllerTest, ATokenLetsOneNodeJoinOnceAndSurvivesARestart) {
  NodeTokenRequest request;
  request.node = "n2";
  request.may_vouch = true;
  EXPECT_EQ(ask<ErrorReply>(kAlice, request).code, ErrorCode::denied);
  NodeJoin join;
  join.token = ask<NodeTokenReply>(kRoot, request).token;
  join.node = "n2";
  start();
  EXPECT_EQ(ask<NodeJoined>(kStranger, join).cluster, "gd");
  EXPECT_EQ(ask<ErrorReply>('t', join).code, ErrorCode::denied);
  start();
  EXPECT_EQ(directory_.current()->identify(key_text(kStranger), "", now_).name, "n2");
  NodeHello hello;
  hello.info.name = "n2";
  hello.info.boot_id = "boot";
  hello.info.total = {1, 100, {}};
  EXPECT_TRUE(ask<NodeWelcome>(kStranger, hello).may_vouch);
  EXPECT_TRUE(controller_->hub().vouch_when_known.empty());
}

TEST_F(ControllerTest, ARevokedKeyIsNobodysFromTheNextMessageOn) {
  KeyRevokeRequest revoke;
  revoke.user = "alice";
  ask<OkReply>(kAlice, revoke);
  EXPECT_EQ(ask<ErrorReply>(kAlice, JobQuery{}).code, ErrorCode::unauthenticated);
  EXPECT_EQ(directory_.current()->identify(key_text(kAlice), "", now_).kind, PeerKind::nobody);
  start();
  EXPECT_EQ(ask<ErrorReply>(kAlice, JobQuery{}).code, ErrorCode::unauthenticated);
}

TEST_F(ControllerTest, OnlyAdministratorsListOthersKeys) {
  EXPECT_EQ(ask<KeyListReply>(kAlice, KeyListRequest{}).keys.size(), 1U);
  EXPECT_EQ(ask<ErrorReply>(kAlice, KeyListRequest{"bob"}).code, ErrorCode::denied);
  EXPECT_EQ(ask<KeyListReply>(kRoot, KeyListRequest{"*"}).keys.size(), 4U);
}

TEST_F(ControllerTest, WithoutGdauthdALoginSaysSo) {
  EXPECT_EQ(ask<ErrorReply>(kStranger, LoginStart{"alice"}).text,
            "logins are not possible: gdauthd is not running");
  ask<ErrorReply>(kStranger, LoginAnswer{"secret"});
}

TEST_F(ControllerTest, OneLoginPastKMaxLoginSessionsIsRefusedAndOldOnesEnd) {
  for (size_t i = 0; i < kMaxLoginSessions; ++i) {
    LoginSession session;
    session.origin.route = "r" + std::to_string(i);
    session.until = now_ + kLoginPatience;
    controller_->hub().logins.emplace(i, session);
  }
  EXPECT_EQ(ask<ErrorReply>(kStranger, LoginStart{"alice"}).text,
            "256 logins are under way already; try again");
  now_ += kLoginPatience;
  const auto left = ask_all(kAlice, PingRequest{});
  EXPECT_EQ(left.size(), kMaxLoginSessions + 1);  // each was told that it took too long
  EXPECT_TRUE(controller_->hub().logins.empty());
}

TEST_F(ControllerTest, ANodeThatIsNotTrustedEnrolsNobody) {
  bring_node_up();
  EnrolRequest request;
  request.uid = 1001;
  request.user = "alice";
  request.public_key = key_text('x');
  EXPECT_EQ(ask<ErrorReply>(kNode, request).code, ErrorCode::denied);
}

// ---- keys of jobs

class JobKeyTest : public ControllerTest {
 protected:
  // The one launch among what left.
  StepLaunch launched() {
    StepLaunch found;
    for (const Left& each : outbox_.left) {
      const auto* orders = std::get_if<NodeOrders>(&each.message);
      if (orders != nullptr && !orders->launches.empty()) found = orders->launches.front();
    }
    return found;
  }
  StepLaunch run_a_job() {
    session_ = bring_node_up().session;
    ask_all(kAlice, submission("#!/bin/sh\nsbatch next\n"));
    return launched();
  }
  void report(const StepLaunch& launch, StepPhase phase) {
    NodeReport report;
    report.session = session_;
    report.number = ++number_;
    report.steps.push_back(
        {.job = launch.job, .launch = launch.launch, .step = launch.step, .phase = phase});
    ask_all(kNode, report);
  }
  [[nodiscard]] Peer identified(const std::string& key) const {
    return directory_.current()->identify(key, "", now_);
  }
  // As a client inside would, with the job's key instead of a letter's.
  Message ask_with(const std::string& key, const Message& message) {
    outbox_.left.clear();
    Incoming incoming;
    incoming.route = "route of a job";
    incoming.peer.public_key = key;
    incoming.body = encode(message);
    controller_->begin_turn(now_);
    controller_->take(std::move(incoming));
    mailbox_->run(100);
    finish();
    for (const Left& each : outbox_.left) {
      if (each.route == "route of a job") return each.message;
    }
    return OkReply{};
  }

  uint64_t session_ = 0;
  uint64_t number_ = 1;
};

TEST_F(JobKeyTest, ALaunchBringsAKeyThatIsBoundToTheJobBeforeItLeaves) {
  const StepLaunch launch = run_a_job();
  ASSERT_EQ(launch.job_key.size(), 40U);
  EXPECT_EQ(*curve_public_of(launch.job_secret), launch.job_key);
  const Peer peer = identified(launch.job_key);
  EXPECT_EQ(peer.kind, PeerKind::job);
  EXPECT_EQ(peer.uid, 1001U);
  EXPECT_EQ(rows(store::Table::keys), 6U);  // four of the fixture, both halves of the job's
}

TEST_F(JobKeyTest, AWaitingJobHasNone) {
  submit(kAlice);
  EXPECT_EQ(rows(store::Table::keys), 4U);
}

TEST_F(JobKeyTest, ItSubmitsAsItsUserAndTouchesNobodyElsesJobsNorKeys) {
  const StepLaunch launch = run_a_job();
  const JobId bobs = submit(kBob);
  const Message reply = ask_with(launch.job_key, submission("#!/bin/sh\ntrue\n", 9));
  ASSERT_TRUE(std::holds_alternative<SubmitReply>(reply));
  const JobId next = std::get<SubmitReply>(reply).job;
  EXPECT_EQ(controller_->hub().cluster.find_job(next)->uid, 1001U);
  CancelRequest cancel;
  cancel.filter.jobs = {bobs};
  (void)ask_with(launch.job_key, cancel);
  EXPECT_FALSE(ended(controller_->hub().cluster.find_job(bobs)->state));
  for (const Message& forbidden :
       {Message{KeyListRequest{}}, Message{KeyRevokeRequest{.fingerprint = "", .user = "alice"}},
        Message{NodeTokenRequest{}}, Message{ShutdownRequest{}}, Message{LoginStart{"alice"}}}) {
    const Message refused = ask_with(launch.job_key, forbidden);
    ASSERT_TRUE(std::holds_alternative<ErrorReply>(refused)) << describe(forbidden);
    EXPECT_EQ(std::get<ErrorReply>(refused).code, ErrorCode::denied);
  }
}

TEST_F(JobKeyTest, TheJobsEndIsTheKeysEndInTheSameCommit) {
  const StepLaunch launch = run_a_job();
  report(launch, StepPhase::running);
  EXPECT_EQ(identified(launch.job_key).kind, PeerKind::job);
  report(launch, StepPhase::ended);
  ASSERT_TRUE(ended(controller_->hub().cluster.find_job(launch.job)->state));
  EXPECT_EQ(identified(launch.job_key).kind, PeerKind::nobody);
  EXPECT_EQ(rows(store::Table::keys), 4U);
  const Message reply = ask_with(launch.job_key, PingRequest{});
  EXPECT_EQ(std::get<ErrorReply>(reply).code, ErrorCode::unauthenticated);
  start();
  EXPECT_EQ(identified(launch.job_key).kind, PeerKind::nobody);
}

TEST_F(JobKeyTest, ALaunchThatIsSentAgainAfterARestartCarriesTheSameKey) {
  const StepLaunch launch = run_a_job();
  start();
  bring_node_up();
  EXPECT_EQ(launched().job_key, launch.job_key);
  EXPECT_EQ(launched().job_secret, launch.job_secret);
}

TEST_F(JobKeyTest, TheNextLifeOfARequeuedJobHasAnotherKey) {
  const StepLaunch first = run_a_job();
  report(first, StepPhase::running);
  JobControlRequest requeue;
  requeue.jobs = {first.job};
  requeue.action = JobAction::requeue;
  ask_all(kAlice, requeue);
  EXPECT_EQ(identified(first.job_key).kind, PeerKind::job);  // until its script has gone
  report(first, StepPhase::ended);
  EXPECT_EQ(identified(first.job_key).kind, PeerKind::nobody);
  const StepLaunch second = launched();
  ASSERT_EQ(second.job, first.job);
  EXPECT_GT(second.launch.value, first.launch.value);
  EXPECT_NE(second.job_key, first.job_key);
  EXPECT_EQ(identified(second.job_key).kind, PeerKind::job);
  EXPECT_EQ(rows(store::Table::keys), 6U);
}

TEST_F(JobKeyTest, RootsJobsHaveNone) {
  start("allow_root_jobs = yes\n");
  bring_node_up();
  ask_all(kRoot, submission("#!/bin/sh\ntrue\n"));
  EXPECT_EQ(launched().uid, 0U);
  EXPECT_EQ(launched().job, JobId{1});
  EXPECT_TRUE(launched().job_key.empty());
}

}  // namespace
}  // namespace gd::controller::test
