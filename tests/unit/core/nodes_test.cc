// Nodes come, report, fall silent, are drained and set down; what becomes of jobs.
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class NodesTest : public CoreTest {};

TEST_F(NodesTest, ANodeIsUsedOnlyAfterItsFirstFullReport) {
  NodeInfo info;
  info.name = "n1";
  info.boot_id = "b";
  info.total = {4, 1000, {}};
  must(NodeArrived{NodeHello{info, 1}});
  submitted(batch_spec());
  EXPECT_EQ(pass(), 0u);
  report("n1", {}, true);
  EXPECT_TRUE(effects.schedule);
  EXPECT_EQ(pass(), 1u);
}

TEST_F(NodesTest, LaunchesAreSentOnceAndAgainIfALaterFullReportLacksThem) {
  add_node("n1", 4);
  const JobId id = submitted(batch_spec());
  pass();
  auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  ASSERT_EQ(orders->orders.launches.size(), 1u);
  EXPECT_EQ(orders->orders.launches[0].job, id);
  EXPECT_TRUE(orders->blobs.at(0).script.has_value());
  EXPECT_FALSE(next_orders(*cluster, "n1").has_value());
  report("n1", {}, true);  // may have been sent before the orders came
  EXPECT_FALSE(next_orders(*cluster, "n1").has_value());
  report("n1", {}, true);  // the orders were lost
  orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  EXPECT_EQ(orders->orders.launches.size(), 1u);
  report("n1", {status(id, StepPhase::accepted)}, true);
  EXPECT_FALSE(next_orders(*cluster, "n1").has_value());
}

TEST_F(NodesTest, LaunchesOfOneMessageAreLimited) {
  add_node("n1", 128);
  for (size_t i = 0; i <= kLaunchesPerMessage; ++i) submitted(batch_spec());
  EXPECT_EQ(pass(), kLaunchesPerMessage + 1);
  const auto first = next_orders(*cluster, "n1");
  EXPECT_EQ(first->orders.launches.size(), kLaunchesPerMessage);
  EXPECT_TRUE(first->more);
  const auto second = next_orders(*cluster, "n1");
  EXPECT_EQ(second->orders.launches.size(), 1u);
  EXPECT_FALSE(second->more);
  EXPECT_GT(second->orders.number, first->orders.number);
}

TEST_F(NodesTest, EndedStepsAreConfirmedAndUnknownOnesEnded) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  const StepStatus ended_status = status(id, StepPhase::ended);
  report("n1", {ended_status});
  auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  EXPECT_EQ(orders->orders.confirms.size(), 1u);
  EXPECT_FALSE(next_orders(*cluster, "n1").has_value());
  report("n1", {ended_status}, true);  // the confirmation was lost
  EXPECT_EQ(next_orders(*cluster, "n1")->orders.confirms.size(), 1u);

  StepStatus stray = ended_status;
  stray.job = JobId{99};
  stray.phase = StepPhase::running;
  report("n1", {stray}, true);
  orders = next_orders(*cluster, "n1");
  ASSERT_EQ(orders->orders.ends.size(), 1u);
  EXPECT_TRUE(orders->orders.ends[0].at_once);
  submitted(batch_spec());
  EXPECT_EQ(pass(), 0u);  // not before it is clean
  report("n1", {}, true);
  EXPECT_EQ(pass(), 1u);
}

TEST_F(NodesTest, DoubledAndLateReportsChangeNothing) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  NodeReport late;
  late.session = cluster->find_node("n1")->link.session;
  late.number = 1;  // long past
  late.full = true;
  must(NodeTold{"n1", late});
  EXPECT_EQ(state(id), JobState::running);
  late.number = 100;
  late.session -= 1;
  effects = {};
  must(NodeTold{"n1", late});
  EXPECT_EQ(state(id), JobState::running);
  EXPECT_TRUE(effects.say_hello.contains("n1"));
}

TEST_F(NodesTest, AStepThatAFullReportDoesNotKnowAnyMoreIsLost) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  report("n1", {}, true);
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(job(id).restarts, 1u);
}

TEST_F(NodesTest, AnotherBootIdLosesWhatTheNodeDoesNotRemember) {
  add_node("n1", 4);
  JobSpec once = batch_spec();
  once.requeue = false;
  const JobId again = running(batch_spec());
  const JobId never = running(once);
  const JobId done = running(batch_spec());
  const StepStatus remembered = status(done, StepPhase::ended);
  NodeInfo info = cluster->find_node("n1")->record.info;
  info.boot_id = "boot-2";
  must(NodeArrived{NodeHello{info, 2}});
  EXPECT_EQ(state(again), JobState::running);  // not before the node has told
  numbers["n1"] = 0;
  report("n1", {remembered}, true);
  EXPECT_EQ(state(again), JobState::pending);
  EXPECT_EQ(state(never), JobState::node_fail);
  EXPECT_EQ(state(done), JobState::completed);  // its status had survived on the disk
}

TEST_F(NodesTest, SilenceMakesANodeDownAndLaterItsJobsLost) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  now += config->node_timeout + 1s;
  must(Tick{});
  EXPECT_EQ(cluster->find_node("n1")->record.state, NodeState::down);
  EXPECT_EQ(state(id), JobState::running);
  now += *config->node_lost_after;
  must(Tick{});
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(job(id).reason_text, "node n1 was not heard of for 300 s");
}

TEST_F(NodesTest, ANodeThatComesBackInTimeGoesOnWithItsJobs) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  now += config->node_timeout + 1s;
  must(Tick{});
  report("n1", {status(id, StepPhase::running)}, true);
  EXPECT_EQ(cluster->find_node("n1")->record.state, NodeState::up);
  EXPECT_EQ(state(id), JobState::running);
  EXPECT_EQ(job(id).restarts, 0u);
}

TEST_F(NodesTest, WithoutNodeLostAfterOnlyEvidenceCounts) {
  config->node_lost_after.reset();
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  now += 1000h;
  must(Tick{});
  EXPECT_EQ(state(id), JobState::running);
  EXPECT_TRUE(update_node("n1", NodeAction::down).ok());  // the administrator's word
  EXPECT_EQ(state(id), JobState::pending);
}

TEST_F(NodesTest, AfterARestartJobsAndNodesAreAsTheyWere) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  const JobRecord record = job(id);
  const NodeRecord node = cluster->find_node("n1")->record;
  const Counters counters = cluster->counters();
  restart();
  cluster->restore(counters);
  cluster->restore(node);
  cluster->restore(record);
  EXPECT_TRUE(check_all(*cluster).ok());
  EXPECT_EQ(cluster->find_node("n1")->record.state, NodeState::unknown);
  EXPECT_EQ(state(id), JobState::running);
  EXPECT_EQ(pass(), 0u);
  add_node("n1", 4);  // says hello; its first report knows nothing of the job
  EXPECT_EQ(state(id), JobState::pending);
}

TEST_F(NodesTest, DrainedNodesFinishAndTakeNoMore) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  EXPECT_EQ(update_node("n1", NodeAction::drain, user("alice", 1001)).error().code,
            ErrorCode::denied);
  EXPECT_TRUE(update_node("n1", NodeAction::drain).ok());
  EXPECT_EQ(cluster->changes().audit.at(0).text, "drain node n1: broken fan");
  const JobId other = submitted(batch_spec());
  EXPECT_EQ(pass(), 0u);
  EXPECT_EQ(job(other).reason, Reason::nodes_down);
  report("n1", {status(id, StepPhase::ended)});
  EXPECT_EQ(state(id), JobState::completed);
  EXPECT_TRUE(update_node("n1", NodeAction::resume).ok());
  EXPECT_EQ(pass(), 1u);
}

TEST_F(NodesTest, ANodeSetDownEndsItsJobsAndStaysDown) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  EXPECT_TRUE(update_node("n1", NodeAction::down).ok());
  EXPECT_EQ(state(id), JobState::completing);
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(cluster->find_node("n1")->record.state, NodeState::down);
  EXPECT_EQ(pass(), 0u);
  EXPECT_TRUE(update_node("n1", NodeAction::resume).ok());
  report("n1", {}, true);
  EXPECT_EQ(pass(), 1u);
}

TEST_F(NodesTest, OnlyNodesWithoutJobsAreRemoved) {
  add_node("n1", 4);
  running(batch_spec());
  EXPECT_EQ(update_node("n1", NodeAction::remove).error().code, ErrorCode::conflict);
  now += config->node_timeout + 1s;
  EXPECT_TRUE(update_node("n1", NodeAction::remove).ok());
  EXPECT_EQ(cluster->find_node("n1"), nullptr);
  EXPECT_EQ(update_node("n1", NodeAction::remove).error().text, "node n1: no such node");
  add_node("n2", 4);  // takes over the free row
  EXPECT_EQ(cluster->machine().size(), 1u);
  EXPECT_EQ(pass(), 1u);
}

TEST_F(NodesTest, NodesNamedTwiceAreChangedOnce) {
  add_node("n1", 4);
  now += config->node_timeout + 1s;
  EXPECT_TRUE(run(UpdateNodes{admin(), {{}, {"n1", "n1"}, NodeAction::remove, {}}}).ok());
  EXPECT_EQ(cluster->find_node("n1"), nullptr);
}

TEST_F(NodesTest, AJobThatLosesAllItsNodesAtOnceIsRequeuedOnce) {
  add_node("n1", 1);
  add_node("n2", 1);
  JobSpec spec = batch_spec();
  spec.nodes_min = 2;
  const JobId silent = running(spec);
  now += *config->node_lost_after + 1s;
  must(Tick{});
  EXPECT_EQ(state(silent), JobState::pending);
  EXPECT_EQ(job(silent).restarts, 1u);
  add_node("n1", 1, "boot-2");
  add_node("n2", 1, "boot-2");
  ASSERT_EQ(pass(), 1u);
  now += config->node_timeout + 1s;
  EXPECT_TRUE(run(UpdateNodes{admin(), {{}, {"n1", "n2"}, NodeAction::down, "fire"}}).ok());
  EXPECT_EQ(state(silent), JobState::pending);
  EXPECT_EQ(job(silent).restarts, 2u);
}

TEST_F(NodesTest, ConfigurationCanOnlyRestrict) {
  config->nodes = {{"n1", 2, {}, {"ssd"}}};
  restart();
  add_node("n1", 4);
  EXPECT_EQ(cluster->machine()[0].usable.cpus, 2u);
  EXPECT_EQ(cluster->machine()[0].features, std::vector<std::string>{"ssd"});
  JobSpec spec = batch_spec();
  spec.cpus_per_task = 3;
  EXPECT_EQ(job(submitted(spec)).reason, Reason::partition_config);
}

TEST_F(NodesTest, NodesOfAJobAreReleasedOneByOne) {
  add_node("n1", 1);
  add_node("n2", 1);
  JobSpec spec = batch_spec();
  spec.nodes_min = 2;
  const JobId id = running(spec);
  EXPECT_EQ(job(id).nodes.size(), 2u);
  cancel(id);
  report("n2", {status(id, StepPhase::ended, EndCause::ordered, {}, kExternStep)});
  EXPECT_FALSE(job(id).nodes[0].released);
  EXPECT_TRUE(job(id).nodes[1].released);
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(id), JobState::cancelled);
}

}  // namespace
}  // namespace gd::core
