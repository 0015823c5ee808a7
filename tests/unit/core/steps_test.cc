// Steps over several nodes, and the places that a job has for them.
#include "server/core/admission.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class StepsTest : public CoreTest {
 protected:
  StepsTest() {
    add_node("n1", 4);
    add_node("n2", 4);
  }
  JobId two_nodes(JobKind kind = JobKind::batch) {
    JobSpec spec = batch_spec();
    spec.kind = kind;
    spec.nodes_min = 2;
    spec.tasks = 4;
    const JobId id = submitted(spec);
    EXPECT_EQ(pass(), 1u);
    return id;
  }
  JobId two_nodes_running() {
    const JobId id = two_nodes();
    report("n2", {status(id, StepPhase::running, {}, {}, kExternStep)});
    report("n1", {status(id, StepPhase::running)});
    EXPECT_EQ(state(id), JobState::running);
    return id;
  }
  StepGiven step_in(JobId id, StepRequest request) {
    request.job = id;
    request.argv = {"hostname"};
    return std::get<StepGiven>(run(StartStep{user("alice", 1001), request, {}}).value());
  }
  std::vector<StepId> launched(const std::string& node) {
    std::vector<StepId> steps;
    if (const auto draft = next_orders(*cluster, node)) {
      for (const StepLaunch& launch : draft->orders.launches) steps.push_back(launch.step);
    }
    return steps;
  }
  std::vector<StepId> told_to_end(const std::string& node) {
    std::vector<StepId> steps;
    if (const auto draft = next_orders(*cluster, node)) {
      for (const EndOrder& end : draft->orders.ends) steps.push_back(end.step.step);
    }
    return steps;
  }
};

TEST_F(StepsTest, TheScriptIsLaunchedWhenTheOtherNodesHaveTheirPlaces) {
  const JobId id = two_nodes();
  EXPECT_EQ(launched("n1"), std::vector<StepId>{});
  EXPECT_EQ(launched("n2"), std::vector<StepId>{kExternStep});
  report("n2", {status(id, StepPhase::running, {}, {}, kExternStep)});
  EXPECT_TRUE(effects.orders.contains("n1"));
  EXPECT_EQ(state(id), JobState::starting);
  EXPECT_EQ(launched("n1"), std::vector<StepId>{kBatchStep});
  report("n1", {status(id, StepPhase::running)});
  EXPECT_EQ(state(id), JobState::running);
}

TEST_F(StepsTest, APlaceThatCannotBeMadeSendsTheJobElsewhere) {
  const JobId id = two_nodes();
  report("n2", {status(id, StepPhase::ended, EndCause::launch_failed, {}, kExternStep)});
  EXPECT_EQ(state(id), JobState::completing);
  EXPECT_EQ(told_to_end("n1"), std::vector<StepId>{kBatchStep});
  report("n1", {status(id, StepPhase::ended, EndCause::ordered)});
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(job(id).avoid, std::vector<std::string>{"n2"});
  EXPECT_EQ(job(id).launch_failures, 1u);
}

TEST_F(StepsTest, AStepRunsWhileOneOfItsSharesDoesAndHasTheWorstExit) {
  const JobId id = two_nodes_running();
  const StepId step = step_in(id, {.tasks = 4}).step;
  const auto record = [&] { return *find_step(job(id), step); };
  ASSERT_EQ(record().shares.size(), 2u);
  EXPECT_EQ(tasks_of(record()), 4u);
  const auto draft = next_orders(*cluster, "n2");
  ASSERT_TRUE(draft.has_value());
  const StepLaunch& launch = draft->orders.launches.at(0);
  EXPECT_EQ(launch.step_nodes, (std::vector<std::string>{"n1", "n2"}));
  EXPECT_EQ(launch.step_node_index, 1u);
  EXPECT_TRUE(launch.join_container && launch.stream);
  report("n1", {status(id, StepPhase::running, {}, {}, step)});
  EXPECT_EQ(record().state, StepState::running);
  report("n1", {status(id, StepPhase::ended, EndCause::exited, {3, 0}, step)});
  EXPECT_EQ(record().state, StepState::running);
  report("n2", {status(id, StepPhase::ended, EndCause::exited, {1, 0}, step)});
  EXPECT_EQ(record().state, StepState::ended);
  EXPECT_EQ(record().exit, (ExitStatus{3, 0}));
  EXPECT_EQ(state(id), JobState::running);
}

TEST_F(StepsTest, AStepThatFindsNoRoomIsToldToComeAgain) {
  const JobId id = two_nodes_running();
  const StepId first = step_in(id, {.tasks = 1}).step;
  StepRequest wide{.job = id, .argv = {"x"}, .tasks = 2};
  EXPECT_EQ(run(StartStep{user("alice", 1001), wide, {}}).error().code, ErrorCode::unavailable);
  report("n1", {status(id, StepPhase::ended, {}, {}, first)});
  EXPECT_TRUE(run(StartStep{user("alice", 1001), wide, {}}).ok());
}

// A script's first srun can reach the controller before its node's report that the script runs;
// it was refused for good, and about one job of ten with such a script failed.
TEST_F(StepsTest, AStepOfAJobThatIsNotSaidToRunYetIsToldToComeAgain) {
  const JobId id = two_nodes();
  report("n2", {status(id, StepPhase::running, {}, {}, kExternStep)});
  EXPECT_EQ(launched("n1"), std::vector<StepId>{kBatchStep});
  const StepRequest asked{.job = id, .argv = {"x"}, .tasks = 1};
  const auto early = run(StartStep{user("alice", 1001), asked, {}});
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, ErrorCode::unavailable);
  EXPECT_EQ(early.error().text, "job 1: Requested nodes are busy: it is CONFIGURING");
  report("n1", {status(id, StepPhase::running)});
  EXPECT_TRUE(run(StartStep{user("alice", 1001), asked, {}}).ok());
}

// ---- containers of steps' own

class StepImagesTest : public StepsTest {
 protected:
  StepImagesTest() {
    PartitionConfig strict;
    strict.name = "strict";
    strict.is_default = true;
    strict.default_image = "reg.lab/base:1";
    strict.allow_images = {"reg.lab/*"};
    strict.root_inside = false;
    config->partitions = {strict};
    restart();
    add_node("n1", 4);
    JobSpec spec = batch_spec();
    spec.cpus_per_task = 4;
    spec.argv = {"a"};
    spec.image.env = {"LANG"};
    spec.mounts = {"tmpfs:/x"};
    id_ = submitted(spec);
    EXPECT_EQ(pass(), 1u);
    StepStatus begun = status(id_, StepPhase::running);
    begun.receipt = {.image = "reg.lab/base:1", .digest = "sha256:" + std::string(64, 'a')};
    report("n1", {begun});
  }
  Result<Reply> ask(ImageSpec image, std::vector<std::string> mounts = {}) {
    const StepRequest request{
        .job = id_, .sharing = StepSharing::overlap, .image = std::move(image), .mounts = mounts};
    return run(StartStep{user("alice", 1001), request, {}});
  }
  StepLaunch launched_last() {
    const auto draft = next_orders(*cluster, "n1");
    return draft ? draft->orders.launches.back() : StepLaunch{};
  }
  JobId id_;
};

TEST_F(StepImagesTest, ItsImageAndMountsStandInPlaceOfTheJobs) {
  const ImageSpec tools{.name = "reg.lab/tools:2", .read_only = true};
  ASSERT_TRUE(ask(tools, {"/data:/data"}).ok());
  const StepLaunch launch = launched_last();
  EXPECT_FALSE(launch.join_container);
  EXPECT_EQ(launch.spec.image, tools);
  EXPECT_EQ(launch.spec.mounts, std::vector<std::string>{"/data:/data"});
  EXPECT_TRUE(launch.spec.argv.empty());  // or a shell would be the job's command
  EXPECT_EQ(job(id_).spec->mounts, std::vector<std::string>{"tmpfs:/x"});
}

TEST_F(StepImagesTest, WithoutANameItIsTheImageThatTheJobGot) {
  ASSERT_TRUE(ask({.workdir = "/srv"}).ok());
  const ImageSpec expected{
      .name = "reg.lab/base:1", .workdir = "/srv", .digest = "sha256:" + std::string(64, 'a')};
  EXPECT_EQ(launched_last().spec.image, expected);
  EXPECT_TRUE(launched_last().spec.mounts.empty());
}

TEST_F(StepImagesTest, ThePartitionsRulesHoldForItToo) {
  EXPECT_EQ(ask({.name = "debian:12"}).error().text,
            "image docker.io/library/debian:12 is not allowed in partition strict, which takes "
            "reg.lab/*");
  EXPECT_EQ(ask({.root_inside = true}).error().code, ErrorCode::denied);
  EXPECT_EQ(ask({.name = "reg.lab/x:1", .workdir = "srv"}).error().code, ErrorCode::invalid);
  EXPECT_EQ(ask({}, {"nowhere"}).error().code, ErrorCode::invalid);
  EXPECT_FALSE(ask({}, std::vector<std::string>(kMaxMounts + 1, "tmpfs:/x")).ok());
  const StepRequest mounts{.job = id_, .argv = {"x"}, .mounts = {"tmpfs:/y"}};
  EXPECT_EQ(run(StartStep{user("alice", 1001), mounts, {}}).error().text,
            "mounts for a step in the container of its job, which has its own");
}

TEST_F(StepImagesTest, WhatItGotIsNotWhatTheJobGot) {
  const Receipt before = received(job(id_));
  const StepId step = std::get<StepGiven>(ask({.name = "reg.lab/tools:2"}).value()).step;
  StepStatus begun = status(id_, StepPhase::running, {}, {}, step);
  begun.receipt.image = "reg.lab/tools:2";
  report("n1", {begun});
  EXPECT_EQ(received(job(id_)), before);
}

TEST_F(StepsTest, WhoHoldsTheContainerIsToldToEndAfterTheSteps) {
  const JobId id = two_nodes_running();
  const StepId step = step_in(id, {.tasks = 2}).step;
  for (const char* node : {"n1", "n2"}) {
    report(node, {status(id, StepPhase::running, {}, {}, step)});
    (void)launched(node);
  }
  cancel(id);
  EXPECT_EQ(told_to_end("n1"), std::vector<StepId>{step});
  EXPECT_EQ(told_to_end("n2"), std::vector<StepId>{step});
  report("n2", {status(id, StepPhase::ended, EndCause::ordered, {0, 15}, step)});
  EXPECT_EQ(told_to_end("n2"), std::vector<StepId>{kExternStep});
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15}, step)});
  EXPECT_EQ(told_to_end("n1"), std::vector<StepId>{kBatchStep});
  report("n2", {status(id, StepPhase::ended, EndCause::ordered, {}, kExternStep)});
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(id), JobState::cancelled);
}

// A script whose end was not heard of yet when another node was lost would have run twice.
TEST_F(StepsTest, AScriptThatRanToItsEndIsNotRunAgainForALostPlace) {
  const JobId id = two_nodes_running();
  report("n2", {status(id, StepPhase::ended, EndCause::lost, {}, kExternStep)});
  EXPECT_EQ(state(id), JobState::completing);
  EXPECT_TRUE(job(id).requeue_at_end);
  report("n1", {status(id, StepPhase::ended)});
  EXPECT_EQ(state(id), JobState::completed);
  EXPECT_EQ(job(id).reason, Reason::none);
}

TEST_F(StepsTest, AnInteractiveJobOfManyTasksEndsWithTheLastOfItsNodes) {
  const JobId id = two_nodes(JobKind::interactive);
  EXPECT_EQ(launched("n1"), std::vector<StepId>{kInteractiveStep});
  EXPECT_EQ(launched("n2"), std::vector<StepId>{kInteractiveStep});
  report("n1", {status(id, StepPhase::running, {}, {}, kInteractiveStep)});
  EXPECT_EQ(state(id), JobState::starting);
  report("n2", {status(id, StepPhase::running, {}, {}, kInteractiveStep)});
  EXPECT_EQ(state(id), JobState::running);
  report("n2", {status(id, StepPhase::ended, {}, {4, 0}, kInteractiveStep)});
  EXPECT_EQ(state(id), JobState::running);
  report("n1", {status(id, StepPhase::ended, {}, {0, 0}, kInteractiveStep)});
  EXPECT_EQ(state(id), JobState::failed);
  EXPECT_EQ(job(id).exit, (ExitStatus{4, 0}));
}

TEST_F(StepsTest, AnAllocationIsFinishedByItsOwnerAsShesays) {
  const JobId id = two_nodes(JobKind::allocation);
  for (const char* node : {"n1", "n2"}) {
    report(node, {status(id, StepPhase::running, {}, {}, kExternStep)});
  }
  EXPECT_EQ(state(id), JobState::running);
  JobControlRequest request{{}, JobAction::finish, {id}};
  request.exit_code = 5;
  const auto finish = [&](Actor actor) {
    return std::get<JobsReply>(run(ControlJobs{std::move(actor), request}).value());
  };
  EXPECT_EQ(finish(user("bob", 1002)).refused.size(), 1u);
  EXPECT_EQ(finish(user("alice", 1001)).done, 1u);
  for (const char* node : {"n1", "n2"}) {
    report(node, {status(id, StepPhase::ended, EndCause::ordered, {}, kExternStep)});
  }
  EXPECT_EQ(state(id), JobState::failed);
  EXPECT_EQ(job(id).exit, (ExitStatus{5, 0}));
  const JobId batch = running(batch_spec());
  EXPECT_EQ(control(JobAction::finish, batch).refused.size(), 1u);
}

}  // namespace
}  // namespace gd::core
