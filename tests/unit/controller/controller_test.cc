// The turn: what was told is stored, what was not stored is not told, and the same
// request gives the same job.
#include "server/controller/controller.h"

#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

TEST_F(ControllerTest, ASubmissionIsOnTheDiskBeforeItIsAnswered) {
  send(kAlice, submission("#!/bin/sh\n"));
  EXPECT_TRUE(outbox_.left.empty());
  EXPECT_EQ(rows(store::Table::jobs), 0U);
  finish();
  EXPECT_EQ(rows(store::Table::jobs), 1U);
  ASSERT_EQ(outbox_.left.size(), 1U);
  EXPECT_EQ(std::get<SubmitReply>(outbox_.left[0].message).job, JobId{1});
  EXPECT_EQ(outbox_.left[0].tag, 7U);
}

TEST_F(ControllerTest, NothingIsToldWhenTheCommitFails) {
  send(kAlice, submission("#!/bin/sh\n"));
  store_.fail_next_commit(store::CommitFault::lost);
  controller_->begin_turn(now_);
  EXPECT_FALSE(controller_->finish_turn(boot_time()).ok());
  EXPECT_TRUE(outbox_.left.empty());
}

TEST_F(ControllerTest, ManyMessagesAreOneCommit) {
  for (int i = 0; i < 10; ++i) send(kAlice, submission("#!/bin/sh\n"));
  store_.fail_next_commit(store::CommitFault::lost);
  EXPECT_FALSE(controller_->finish_turn(boot_time()).ok());
  EXPECT_EQ(rows(store::Table::jobs), 0U);
}

TEST_F(ControllerTest, AnswersLeaveBeforeALongPassWhichHasTheNextTurnForItself) {
  bring_node_up();
  const auto turn = [&](Milliseconds boot_now) {
    outbox_.left.clear();
    send(kAlice, submission("#!/bin/sh\n"));
    ASSERT_TRUE(controller_->finish_turn(boot_now).ok());
    mailbox_->run(100);
  };
  const auto started = [&] { return controller_->hub().cluster.allocated_jobs().size(); };
  turn(boot_time() - kLongPass);  // as if the pass had taken so long
  EXPECT_EQ(started(), 1U);
  EXPECT_FALSE(controller_->owes_pass());
  turn(boot_time() + kAhead);
  EXPECT_EQ(outbox_.left.size(), 1U);  // the answer, and no order to the node
  EXPECT_EQ(started(), 1U);
  EXPECT_TRUE(controller_->owes_pass());
  EXPECT_EQ(controller_->patience(now_, boot_time() + kAhead), 0ms);
  turn(boot_time() + kAhead);  // once is enough, whatever else has come
  EXPECT_EQ(started(), 3U);
  EXPECT_FALSE(controller_->owes_pass());
  turn(boot_time() + kAhead);  // that one was short: they share a turn again
  EXPECT_EQ(started(), 4U);
}

TEST_F(ControllerTest, ARetryGivesTheSameJobAlsoAfterARestart) {
  const auto first = ask<SubmitReply>(kAlice, submission("x", 42));
  const auto again = ask<SubmitReply>(kAlice, submission("x", 42));
  EXPECT_EQ(first.job, again.job);
  start();
  EXPECT_EQ(ask<SubmitReply>(kAlice, submission("x", 42)).job, first.job);
  EXPECT_NE(ask<SubmitReply>(kAlice, submission("x", 43)).job, first.job);
}

TEST_F(ControllerTest, AKeyThatIsNotEnrolledIsServedNothing) {
  EXPECT_EQ(ask<ErrorReply>(kStranger, submission("x")).code, ErrorCode::unauthenticated);
  EXPECT_EQ(ask<ErrorReply>(kStranger, JobQuery{}).code, ErrorCode::unauthenticated);
  EXPECT_EQ(rows(store::Table::jobs), 0U);
}

TEST_F(ControllerTest, WhatIsNoMessageIsAnsweredAndCounted) {
  send_body(kAlice, 9, "\xc1garbage");
  finish();
  ASSERT_EQ(outbox_.left.size(), 1U);
  EXPECT_EQ(outbox_.left[0].tag, 9U);
  EXPECT_EQ(std::get<ErrorReply>(outbox_.left[0].message).code, ErrorCode::invalid);
  EXPECT_EQ(controller_->hub().bad_frames, 1U);
  ask<ErrorReply>(kAlice, StreamPing{});  // well formed, but not for a controller
}

TEST_F(ControllerTest, NewJobsAreRefusedWhileTheDiskIsLow) {
  store_.set_full("disk is low: 3 MiB free");
  EXPECT_EQ(ask<ErrorReply>(kAlice, submission("x")).text, "disk is low: 3 MiB free");
  store_.set_full("");
  EXPECT_EQ(submit(kAlice), JobId{1});
}

TEST_F(ControllerTest, AScriptOneOctetTooLongIsRefused) {
  const auto fits = ask<SubmitReply>(kAlice, submission(Bytes(kMaxScriptBytes, 'x')));
  EXPECT_EQ(fits.job, JobId{1});
  const auto refused = ask<ErrorReply>(kAlice, submission(Bytes(kMaxScriptBytes + 1, 'x')));
  EXPECT_EQ(refused.code, ErrorCode::invalid);
}

TEST_F(ControllerTest, AJobStartsInTheTurnOfItsSubmission) {
  bring_node_up();
  outbox_.left.clear();
  send(kAlice, submission("#!/bin/sh\necho hello\n"));
  finish();
  ASSERT_EQ(outbox_.left.size(), 2U);
  EXPECT_EQ(std::get<SubmitReply>(outbox_.left[0].message).job, JobId{1});
  const auto& orders = std::get<NodeOrders>(outbox_.left[1].message);
  ASSERT_EQ(orders.launches.size(), 1U);
  EXPECT_EQ(orders.launches[0].script, "#!/bin/sh\necho hello\n");
  EXPECT_EQ(orders.launches[0].environment, Bytes("A=1\0", 4));
  EXPECT_EQ(orders.launches[0].uid, 1001U);
}

TEST_F(ControllerTest, ScriptsAreFilledInAfterARestartToo) {
  submit(kAlice, "#!/bin/sh\necho again\n");
  start();
  bring_node_up();
  bool launched = false;
  for (const Left& each : outbox_.left) {
    const auto* orders = std::get_if<NodeOrders>(&each.message);
    if (orders == nullptr) continue;
    for (const StepLaunch& launch : orders->launches) {
      launched = launch.script == "#!/bin/sh\necho again\n";
    }
  }
  EXPECT_TRUE(launched);
}

SubmitRequest question(SubmitRequest request) {
  request.explain = true;
  return request;
}

TEST_F(ControllerTest, ASandboxIsExplainedByTheNodeThatWouldRunIt) {
  bring_node_up();
  const auto asked = ask<NodeExplain>(kAlice, question(submission("#!/bin/sh\n")));
  EXPECT_EQ(asked.launch.job, JobId{});
  EXPECT_EQ(asked.launch.step, kBatchStep);
  EXPECT_EQ(asked.launch.uid, 1001U);
  EXPECT_EQ(asked.launch.partition, "batch");
  EXPECT_EQ(asked.launch.held.cpus, 1U);
  EXPECT_EQ(asked.launch.script, "#!/bin/sh\n");
  EXPECT_EQ(rows(store::Table::jobs), 0U);
  EXPECT_EQ(rows(store::Table::blobs), 0U);
  const NodeExplained answer{
      .number = asked.number, .lines = {"image host"}, .refusals = {"mount /etc:/x: no"}};
  const auto told = ask<ExplainReply>(kNode, answer);
  EXPECT_EQ(told.node, "n1");
  EXPECT_EQ(told.lines, answer.lines);
  EXPECT_EQ(told.refusals, answer.refusals);
  EXPECT_TRUE(ask_all(kNode, answer).empty());  // once
}

TEST_F(ControllerTest, AQuestionToANodeEndsWithItsTimeAndManyAreRefused) {
  EXPECT_EQ(ask<ErrorReply>(kAlice, question(submission("#!/bin/sh\n"))).code,
            ErrorCode::unavailable);  // no node
  bring_node_up();
  for (size_t i = 0; i < kMaxExplanationsOfUser; ++i) {
    ask<NodeExplain>(kAlice, question(submission("#!/bin/sh\n")));
  }
  EXPECT_EQ(ask<ErrorReply>(kAlice, question(submission("#!/bin/sh\n"))).code,
            ErrorCode::exhausted);
  // Others ask until there is no room for anybody.
  auto& waiting = controller_->hub().explanations;
  for (uint64_t i = 1000; waiting.size() < kMaxExplanations; ++i) {
    waiting[i] = {.node = "n1", .until = now_ + kExplainPatience};
  }
  EXPECT_EQ(ask<ErrorReply>(kBob, question(submission("#!/bin/sh\n"))).code, ErrorCode::exhausted);
  outbox_.left.clear();
  now_ += kExplainPatience;
  finish();
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(outbox_.left.size(), kMaxExplanationsOfUser);  // the others have no connection here
  ask<NodeExplain>(kAlice, question(submission("#!/bin/sh\n")));
}

TEST_F(ControllerTest, ANodeSpeaksForItselfOnly) {
  NodeHello hello;
  hello.info.name = "n2";
  EXPECT_EQ(ask<ErrorReply>(kNode, hello).text, "this key is node n1's, not n2's");
  EXPECT_EQ(ask<ErrorReply>(kAlice, hello).code, ErrorCode::denied);
}

TEST_F(ControllerTest, AWaiterHearsAtOnceAndAtEachChange) {
  const JobId job = submit(kAlice);
  WaitRequest wait;
  wait.job = job;
  EXPECT_EQ(ask<JobNotice>(kAlice, wait).state, JobState::pending);
  CancelRequest cancel;
  cancel.filter.jobs = {job};
  const auto notice = ask<JobNotice>(kAlice, cancel);
  EXPECT_EQ(notice.state, JobState::cancelled);
  EXPECT_TRUE(notice.last);
  EXPECT_EQ(controller_->hub().waiters.count(), 0U);
}

TEST_F(ControllerTest, AWaiterWhoseConnectionIsGoneIsForgotten) {
  WaitRequest wait;
  wait.job = submit(kAlice);
  outbox_.gone.insert("route of a");
  send(kAlice, wait);
  finish();
  EXPECT_EQ(controller_->hub().waiters.count(), 0U);
}

TEST_F(ControllerTest, AnInteractiveJobsClientGetsATicketForItsOwnKey) {
  bring_node_up();
  SubmitRequest request = submission("");
  request.spec.kind = JobKind::interactive;
  request.spec.argv = {"/bin/sh"};
  WaitRequest wait;
  wait.job = ask<SubmitReply>(kAlice, request).job;
  wait.until = WaitUntil::started;
  wait.keep_alive = true;
  const auto notice = ask<JobNotice>(kAlice, wait);
  ASSERT_EQ(notice.access.size(), 1u);
  EXPECT_EQ(notice.access[0].access.address, "n1:6821");
  const Ticket ticket = open_ticket(notice.access[0].access.ticket, ticket_keys_.public_key).take();
  EXPECT_EQ(ticket.client_key, key_text(kAlice));
  EXPECT_EQ(ticket.node, "n1");
  EXPECT_EQ(ticket.uid, 1001U);
  EXPECT_TRUE(ask<JobNotice>(kBob, wait).access.empty());
}

TEST_F(ControllerTest, AStepOfAnothersJobIsRefused) {
  NodeReport report;
  report.session = bring_node_up().session;
  StepRequest step;
  step.job = submit(kAlice);
  EXPECT_EQ(ask<ErrorReply>(kAlice, step).code, ErrorCode::unavailable);  // not running yet
  report.number = 2;
  StepStatus status;
  status.job = step.job;
  status.launch = controller_->hub().cluster.find_job(step.job)->launch;
  status.step = kBatchStep;
  status.phase = StepPhase::running;
  report.steps = {status};
  ask_all(kNode, report);
  EXPECT_EQ(ask<ErrorReply>(kBob, step).code, ErrorCode::denied);
  EXPECT_EQ(ask<StepReply>(kAlice, step).access.at(0).access.address, "n1:6821");
}

TEST_F(ControllerTest, WhatRunningStepsUseComesIfItIsAskedFor) {
  NodeReport report;
  report.session = bring_node_up().session;
  const JobId id = submit(kAlice);
  StepStatus status;
  status.job = id;
  status.launch = controller_->hub().cluster.find_job(id)->launch;
  status.step = kBatchStep;
  status.phase = StepPhase::running;
  report.number = 2;
  report.full = true;
  report.steps = {status};
  report.samples = {{.job = id, .launch = status.launch, .step = kBatchStep, .cpu_milli = 1500}};
  ask_all(kNode, report);
  JobQuery query;
  EXPECT_TRUE(ask<JobQueryReply>(kBob, query).jobs.at(0).samples.empty());
  query.live = true;
  const JobView view = ask<JobQueryReply>(kBob, query).jobs.at(0);
  ASSERT_EQ(view.samples.size(), 1U);
  EXPECT_EQ(view.samples[0].cpu_milli, 1500U);
  EXPECT_EQ(view.samples[0].node, "n1");
}

TEST_F(ControllerTest, ARestartLosesNoJobAndKeepsOneBlobForOneContent) {
  for (int i = 0; i < 5; ++i) submit(kAlice, "same");
  EXPECT_EQ(rows(store::Table::blobs), 2U);  // the script, and the environment
  start();
  EXPECT_EQ(controller_->hub().cluster.jobs().size(), 5U);
  EXPECT_EQ(controller_->hub().blobs.count(), 2U);
}

TEST_F(ControllerTest, ARefusedSubmissionLeavesNoBlob) {
  SubmitRequest request = submission("never");
  request.spec.partition = "nowhere";
  ask<ErrorReply>(kAlice, request);
  EXPECT_EQ(rows(store::Table::blobs), 0U);
  EXPECT_EQ(controller_->hub().blobs.count(), 0U);
}

TEST_F(ControllerTest, ReconfigureAppliesAndNamesWhatStays) {
  file_ = "listen = 127.0.0.1:7000\n[partition long]\n[partition short]\ndefault = yes\n";
  EXPECT_EQ(ask<ErrorReply>(kAlice, ReconfigureRequest{}).code, ErrorCode::denied);
  const auto reply = ask<OkReply>(kRoot, ReconfigureRequest{});
  ASSERT_EQ(reply.warnings.size(), 1U);
  EXPECT_EQ(reply.warnings[0],
            "listen: stays '127.0.0.1:6820' until gdctld is restarted; '127.0.0.1:7000' is not in "
            "force");
  EXPECT_EQ(ask<PartitionQueryReply>(kAlice, PartitionQuery{}).partitions.size(), 2U);
  file_ = "nonsense = 1\n";
  EXPECT_NE(ask<ErrorReply>(kRoot, ReconfigureRequest{}).text.find("gd.conf:1"), std::string::npos);
  EXPECT_EQ(ask<PartitionQueryReply>(kAlice, PartitionQuery{}).partitions.size(), 2U);
}

TEST_F(ControllerTest, ShutdownIsAnsweredAuditedAndForAdministrators) {
  ask<ErrorReply>(kAlice, ShutdownRequest{});
  EXPECT_FALSE(controller_->stopping());
  ask<OkReply>(kRoot, ShutdownRequest{});
  EXPECT_TRUE(controller_->stopping());
  EXPECT_EQ(rows(store::Table::events), 1U);
}

TEST_F(ControllerTest, PingSaysWhoOneIs) {
  const auto alice = ask<PingReply>(kAlice, PingRequest{});
  EXPECT_EQ(alice.you, "alice");
  EXPECT_FALSE(alice.administrator);
  EXPECT_TRUE(ask<PingReply>(kRoot, PingRequest{}).administrator);
}

}  // namespace
}  // namespace gd::controller::test
