// One job's life by commands: submission, start, end, and everything that can
// come between.
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class LifeTest : public CoreTest {};

TEST_F(LifeTest, ABatchJobRunsAndCompletes) {
  add_node("n1", 4);
  const JobId id = submitted(batch_spec());
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(state(id), JobState::starting);
  EXPECT_EQ(job(id).batch_node, "n1");
  report("n1", {status(id, StepPhase::running)});
  EXPECT_EQ(state(id), JobState::running);
  now += 10s;
  report("n1", {status(id, StepPhase::ended)});
  EXPECT_EQ(state(id), JobState::completed);
  EXPECT_EQ(job(id).end_time - job(id).start_time, 10s);
  EXPECT_EQ(cluster->machine()[0].free, cluster->machine()[0].usable);
}

TEST_F(LifeTest, AJobWhoseImageIsFetchedSaysSoUntilItRuns) {
  add_node("n1", 4);
  const JobId id = submitted(batch_spec());
  pass();
  StepStatus fetching = status(id, StepPhase::accepted);
  fetching.waits = "image debian: 3 MiB so far";
  report("n1", {fetching});
  EXPECT_EQ(state(id), JobState::starting);
  EXPECT_EQ(job(id).reason, Reason::image_pull);
  EXPECT_EQ(job(id).reason_text, "image debian: 3 MiB so far");
  report("n1", {status(id, StepPhase::running)});
  EXPECT_EQ(job(id).reason, Reason::none);
  EXPECT_EQ(job(id).reason_text, "");
}

TEST_F(LifeTest, WhatAJobGotIsKeptWithItsLife) {
  add_node("n1", 4);
  const JobId id = submitted(batch_spec());
  pass();
  StepStatus told = status(id, StepPhase::running);
  told.receipt = {.image = "docker.io/library/debian:12", .digest = "sha256:1", .facts = {"n1"}};
  report("n1", {told});
  EXPECT_EQ(received(job(id)), told.receipt);
  told.receipt.image = "another";  // only the first word counts
  report("n1", {told});
  EXPECT_EQ(received(job(id)).image, "docker.io/library/debian:12");
  report("n1", {status(id, StepPhase::ended)});
  EXPECT_EQ(received(job(id)).digest, "sha256:1");
}

TEST_F(LifeTest, AReceiptIsBoundedAndComesWithAnEndAtOnceToo) {
  add_node("n1", 4);
  const JobId id = submitted(batch_spec());
  pass();
  StepStatus told = status(id, StepPhase::ended);
  told.receipt.image = "host";
  told.receipt.facts.assign(kMaxReceiptFacts + 1, std::string(kMaxReceiptTextBytes + 1, 'x'));
  report("n1", {told});
  EXPECT_EQ(state(id), JobState::completed);
  ASSERT_EQ(received(job(id)).facts.size(), kMaxReceiptFacts);
  EXPECT_EQ(received(job(id)).facts[0].size(), kMaxReceiptTextBytes);
}

TEST_F(LifeTest, TheSameRequestIsTheSameJob) {
  const RequestId request{1, 2};
  const auto ask = [&] { return submit(batch_spec(), user("alice", 1001), request); };
  const auto first = std::get<Submitted>(ask().value());
  const auto again = std::get<Submitted>(ask().value());
  EXPECT_EQ(first.job, again.job);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(cluster->jobs().size(), 1u);
  EXPECT_EQ(submit(batch_spec(), user("bob", 1002), request).error().code, ErrorCode::exists);
}

struct EndCase {
  EndCause cause;
  ExitStatus exit;
  JobState state;
  ExitStatus shown;
  Reason reason;
};

TEST_F(LifeTest, EachWayToEndHasItsStateAndExitCode) {
  add_node("n1", 4);
  const EndCase cases[] = {
      {EndCause::exited, {0, 0}, JobState::completed, {0, 0}, Reason::none},
      {EndCause::exited, {3, 0}, JobState::failed, {3, 0}, Reason::non_zero_exit},
      {EndCause::exited, {0, 9}, JobState::failed, {0, 9}, Reason::raised_signal},
      {EndCause::time_limit, {0, 15}, JobState::timeout, {0, 0}, Reason::time_limit},
      {EndCause::out_of_memory, {0, 9}, JobState::out_of_memory, {0, 125}, Reason::out_of_memory},
      {EndCause::client_gone, {0, 1}, JobState::cancelled, {0, 1}, Reason::none},
      {EndCause::idle, {0, 1}, JobState::cancelled, {0, 1}, Reason::none},
  };
  for (const EndCase& one : cases) {
    const JobId id = running(batch_spec());
    report("n1", {status(id, StepPhase::ended, one.cause, one.exit)});
    EXPECT_EQ(state(id), one.state);
    EXPECT_EQ(job(id).exit, one.shown);
    EXPECT_EQ(job(id).reason, one.reason);
  }
}

TEST_F(LifeTest, AWaitingJobIsCancelledAtOnceARunningOneWhenItsNodeConfirms) {
  add_node("n1", 1);
  const JobId first = running(batch_spec());
  const JobId second = submitted(batch_spec());
  EXPECT_EQ(cancel(second).done, 1u);
  EXPECT_EQ(state(second), JobState::cancelled);
  EXPECT_EQ(job(second).cancelled_by, 1001u);
  EXPECT_EQ(cancel(first).done, 1u);
  EXPECT_EQ(state(first), JobState::completing);
  const auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  ASSERT_EQ(orders->orders.ends.size(), 1u);
  EXPECT_EQ(orders->orders.ends[0].step.job, first);
  report("n1", {status(first, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(first), JobState::cancelled);
  EXPECT_EQ(job(first).exit, (ExitStatus{0, 15}));
  EXPECT_EQ(cancel(first).done, 1u);  // of an ended job: done, and nothing happens
}

TEST_F(LifeTest, OthersJobsAreNotCancelledUnknownOnesAreNamed) {
  const JobId id = submitted(batch_spec());
  const JobsReply denied = cancel(id, user("bob", 1002));
  EXPECT_EQ(denied.done, 0u);
  EXPECT_EQ(denied.refused.at(0).text, "job 1: user bob neither owns it nor is an administrator");
  EXPECT_EQ(cancel(JobId{77}).refused.at(0).text, "job 77: no such job");
  EXPECT_EQ(cancel(id, admin()).done, 1u);
  EXPECT_FALSE(run(CancelJobs{admin(), CancelRequest{}}).ok());  // no condition at all
}

TEST_F(LifeTest, CancelByNameTakesOnlyOnesOwn) {
  const JobId mine = submitted(batch_spec());
  const auto other = std::get<Submitted>(submit(batch_spec(), user("bob", 1002)).value()).job;
  CancelRequest request;
  request.filter.names = {"job"};
  EXPECT_EQ(std::get<JobsReply>(run(CancelJobs{user("alice", 1001), request}).value()).done, 1u);
  EXPECT_EQ(state(mine), JobState::cancelled);
  EXPECT_EQ(state(other), JobState::pending);
}

TEST_F(LifeTest, HoldsKeepAJobBackAndTheAdministratorsOnlyHeLetsGo) {
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.hold = true;
  const JobId id = submitted(spec);
  EXPECT_EQ(job(id).reason, Reason::job_held_user);
  EXPECT_EQ(pass(), 0u);
  EXPECT_EQ(control(JobAction::hold, id, admin()).done, 1u);
  EXPECT_EQ(job(id).reason, Reason::job_held_admin);
  EXPECT_EQ(control(JobAction::release, id).refused.at(0).code, ErrorCode::denied);
  EXPECT_EQ(control(JobAction::release, id, admin()).done, 1u);
  EXPECT_EQ(job(id).reason, Reason::priority);
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(control(JobAction::hold, id).refused.at(0).code, ErrorCode::conflict);
}

TEST_F(LifeTest, BeginTimeIsWaitedFor) {
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.begin = now + 60s;
  const JobId id = submitted(spec);
  EXPECT_EQ(job(id).reason, Reason::begin_time);
  EXPECT_EQ(pass(), 0u);
  ASSERT_TRUE(next_timer(*cluster, now).has_value());
  now += 30s;
  report("n1", {}, true);
  now += 30s;
  EXPECT_TRUE(run(Tick{}).ok());
  EXPECT_EQ(job(id).reason, Reason::priority);
  EXPECT_EQ(pass(), 1u);
}

TEST_F(LifeTest, RequeueMakesANewLifeUnderTheSameId) {
  add_node("n1", 1);
  const JobId id = running(batch_spec());
  const LaunchNumber first = job(id).launch;
  EXPECT_EQ(control(JobAction::requeue, id).done, 1u);
  EXPECT_EQ(state(id), JobState::completing);
  EXPECT_EQ(pass(), 0u);  // the old life is not over
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(job(id).restarts, 1u);
  EXPECT_EQ(pass(), 1u);
  EXPECT_GT(job(id).launch, first);
}

TEST_F(LifeTest, AnEndedJobCanBeRequeuedAndLeavesTheHistory) {
  add_node("n1", 1);
  const JobId id = running(batch_spec());
  report("n1", {status(id, StepPhase::ended)});
  (void)cluster->take_changes();
  EXPECT_EQ(control(JobAction::requeue_hold, id).done, 1u);
  EXPECT_EQ(job(id).reason, Reason::job_held_user);
  EXPECT_EQ(cluster->changes().unfinished.size(), 1u);
  JobSpec once = batch_spec();
  once.requeue = false;
  const JobId other = running(once);
  EXPECT_EQ(control(JobAction::requeue, other).refused.at(0).code, ErrorCode::conflict);
}

TEST_F(LifeTest, CancellingARequeueEndsIt) {
  add_node("n1", 1);
  const JobId id = running(batch_spec());
  control(JobAction::requeue, id);
  cancel(id);
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(id), JobState::cancelled);
}

TEST_F(LifeTest, FailedLaunchesGoElsewhereThenTheJobIsHeld) {
  add_node("n1", 1);
  add_node("n2", 1);
  const JobId id = submitted(batch_spec());
  for (uint32_t i = 1; i <= config->launch_retries; ++i) {
    ASSERT_EQ(pass(), 1u) << i;
    const std::string node = job(id).batch_node;
    EXPECT_EQ(node, i == 1 ? "n1" : i == 2 ? "n2" : "n1");
    StepStatus failed = status(id, StepPhase::ended, EndCause::launch_failed);
    failed.error = "mount home: no such directory";
    report(node, {failed});
  }
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(job(id).hold, HoldKind::user);
  EXPECT_EQ(job(id).reason, Reason::launch_failed);
  EXPECT_EQ(job(id).reason_text, "mount home: no such directory");
  EXPECT_EQ(control(JobAction::release, id).done, 1u);
  EXPECT_EQ(pass(), 1u);
}

// An output file that its user may not write is as unwritable on the next node: the
// job was sent round three times and then held, and its user waited for nothing.
TEST_F(LifeTest, AJobThatAskedForWhatCannotBeHadFailsAtOnceAndSaysWhy) {
  add_node("n1", 1);
  add_node("n2", 1);
  const JobId id = submitted(batch_spec());
  pass();
  StepStatus refused = status(id, StepPhase::ended, EndCause::refused);
  refused.error = "open /root/x.out: Permission denied";
  report("n1", {refused});
  EXPECT_EQ(state(id), JobState::failed);
  EXPECT_EQ(job(id).restarts, 0u);
  EXPECT_EQ(job(id).reason_text, "open /root/x.out: Permission denied");
}

TEST_F(LifeTest, AJobThatMayNotBeRequeuedEndsAsBootFail) {
  config->launch_retries = 1;
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.requeue = false;
  const JobId id = submitted(spec);
  pass();
  report("n1", {status(id, StepPhase::ended, EndCause::launch_failed)});
  EXPECT_EQ(state(id), JobState::boot_fail);
}

TEST_F(LifeTest, AnInteractiveJobWhoseClientIsSilentIsCancelled) {
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.kind = JobKind::interactive;
  const JobId id = submitted(spec);
  pass();
  report("n1", {status(id, StepPhase::running, {}, {}, kInteractiveStep)});
  now += config->client_silence;
  EXPECT_TRUE(run(ClientHeard{user("alice", 1001), id}).ok());
  now += config->client_silence;
  must(Tick{});
  EXPECT_EQ(state(id), JobState::running);
  now += 1s;
  must(Tick{});
  EXPECT_EQ(state(id), JobState::completing);
}

TEST_F(LifeTest, ASessionThatStaysIsHeldByItsClientOnlyWhileItWaits) {
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.kind = JobKind::interactive;
  spec.pty = spec.stays = true;
  const JobId runs = submitted(spec);
  const JobId waits = submitted(spec);
  pass();
  report("n1", {status(runs, StepPhase::running, {}, {}, kInteractiveStep)});
  for (const JobId id : {runs, waits}) {
    EXPECT_TRUE(run(ClientHeard{user("alice", 1001), id}).ok());
  }
  now += config->client_silence + 1s;
  must(Tick{});
  EXPECT_EQ(state(runs), JobState::running);
  EXPECT_EQ(state(waits), JobState::cancelled);
  report("n1", {status(runs, StepPhase::ended, EndCause::idle, {0, 1}, kInteractiveStep)});
  EXPECT_EQ(state(runs), JobState::cancelled);
}

TEST_F(LifeTest, AnAllocationHasNoProcessAndEndsAtItsLimit) {
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.kind = JobKind::allocation;
  spec.time_limit = 20s;
  const JobId id = submitted(spec);
  pass();
  report("n1", {status(id, StepPhase::running, {}, {}, kExternStep)});
  EXPECT_EQ(state(id), JobState::running);
  now += 20s;
  must(Tick{});
  EXPECT_EQ(state(id), JobState::completing);
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {}, kExternStep)});
  EXPECT_EQ(state(id), JobState::timeout);
}

TEST_F(LifeTest, EndedJobsArePurgedAfterMinJobAgeWithTheirRequestIds) {
  const RequestId request{5, 6};
  const auto reply = submit(batch_spec(), user("alice", 1001), request);
  const JobId id = std::get<Submitted>(reply.value()).job;
  cancel(id);
  (void)cluster->take_changes();
  now += config->min_job_age - 1s;
  must(Tick{});
  EXPECT_NE(cluster->find_job(id), nullptr);
  now += 1s;
  must(Tick{});
  EXPECT_EQ(cluster->find_job(id), nullptr);
  EXPECT_EQ(cluster->find_request(request), nullptr);
  EXPECT_TRUE(cluster->changes().jobs.contains(id));
}

// Found by the simulator: a batch with both would delete the live record and write no history.
TEST_F(LifeTest, AJobIsNotPurgedInTheBatchThatEndsIt) {
  config->min_job_age = 0s;
  const JobId id = submitted(batch_spec());
  cancel(id);
  must(Tick{});
  EXPECT_NE(cluster->find_job(id), nullptr);
  (void)cluster->take_changes();
  must(Tick{});
  EXPECT_EQ(cluster->find_job(id), nullptr);
}

TEST_F(LifeTest, UpdateChangesAWaitingJobAndTheLimitOfARunningOne) {
  add_node("n1", 2);
  JobSpec spec = batch_spec();
  spec.time_limit = 100s;
  const JobId id = running(spec);
  JobUpdateRequest request;
  request.jobs = {id};
  request.time_limit = 50s;
  const auto update = [&](const Actor& actor) {
    return std::get<JobsReply>(run(UpdateJobs{actor, request}).value());
  };
  EXPECT_EQ(update(user("alice", 1001)).done, 1u);
  EXPECT_EQ(job(id).time_limit, Seconds{50});
  const auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  EXPECT_EQ(orders->orders.limits.at(0).time_limit, Seconds{50});
  request.time_limit = 500s;
  EXPECT_EQ(update(user("alice", 1001)).refused.at(0).code, ErrorCode::denied);
  EXPECT_EQ(update(admin()).done, 1u);
  request.cpus_per_task = 2;
  EXPECT_EQ(update(admin()).refused.at(0).code, ErrorCode::conflict);

  const JobId waiting = submitted(batch_spec());
  request.jobs = {waiting};
  EXPECT_EQ(update(user("alice", 1001)).done, 1u);
  EXPECT_EQ(job(waiting).spec->cpus_per_task, 2u);
}

TEST_F(LifeTest, SignalsAreKeptUntilTheirStepHasThem) {
  add_node("n1", 1);
  const JobId id = running(batch_spec());
  EXPECT_EQ(cancel(id, user("alice", 1001), 10).done, 1u);
  auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  ASSERT_EQ(orders->orders.signals.size(), 1u);
  EXPECT_EQ(orders->orders.signals[0].signal, 10);
  StepStatus told = status(id, StepPhase::running);
  report("n1", {told}, true);
  EXPECT_EQ(job(id).signals.size(), 1u);  // not delivered yet
  told.signal_serial = orders->orders.signals[0].serial;
  report("n1", {told});
  EXPECT_TRUE(job(id).signals.empty());
  EXPECT_FALSE(next_orders(*cluster, "n1").has_value());
}

TEST_F(LifeTest, StepsAreGivenOnceForEachRequest) {
  add_node("n1", 1);
  const JobId id = running(batch_spec());
  StepRequest request;
  request.request = {3, 3};
  request.job = id;
  request.argv = {"top"};
  const StartStep command{user("alice", 1001), request, {}};
  const auto first = std::get<StepGiven>(run(command).value());
  const auto again = std::get<StepGiven>(run(command).value());
  EXPECT_EQ(first.step, again.step);
  EXPECT_EQ(job(id).steps.size(), 2u);
  const auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  EXPECT_EQ(orders->orders.launches.at(0).step, first.step);
  EXPECT_EQ(run(StartStep{user("bob", 1002), request, {}}).error().code, ErrorCode::denied);
  // The script ends: the step is told to, and the job waits for it.
  report("n1", {status(id, StepPhase::ended)});
  EXPECT_EQ(state(id), JobState::completing);
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15}, first.step)});
  EXPECT_EQ(state(id), JobState::completed);
  EXPECT_EQ(job(id).exit, ExitStatus{});
}

TEST_F(CoreTest, ATestOfASubmissionNeedsNoScriptAndLeavesNothing) {
  add_node("n1", 2);
  const auto reply = run(Submit{user("alice", 1001), {}, batch_spec(), {}, {}, true});
  ASSERT_TRUE(reply.ok()) << reply.error().text;
  const auto& told = std::get<Submitted>(*reply);
  EXPECT_EQ(told.expected_start, now);
  EXPECT_EQ(told.expected_nodes, std::vector<std::string>{"n1"});
  EXPECT_TRUE(cluster->jobs().empty());
}

}  // namespace
}  // namespace gd::core
