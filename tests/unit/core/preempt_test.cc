// Preemption in the core: what becomes of the victims, what the records keep, and who gets the
// place when they are gone.
#include <algorithm>

#include "server/core/query.h"
#include "server/core/why.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class PreemptTest : public CoreTest {
 protected:
  void SetUp() override {
    fresh.limits.qos = {{.name = "low"}, {.name = "kept"}, {.name = "high"}};
    fresh.limits.qos[0].grace_time = Seconds{60};
    fresh.limits.qos[1].preempt_mode = PreemptMode::off;
    fresh.limits.qos[2].preempt = {"low", "kept", "normal"};
    fresh.preempt = {PreemptType::qos, PreemptMode::requeue, Seconds{0}};
    fresh.policy.weights = sched::kInOrder;
    renew();
  }

  void renew() {
    config = std::make_shared<ClusterConfig>(fresh);
    restart();
    add_node("n1", 4);
  }

  static JobSpec spec_of(const std::string& qos, uint32_t cpus = 4) {
    JobSpec spec = batch_spec();
    spec.qos = qos;
    spec.cpus_per_task = cpus;
    spec.time_limit = Seconds{3600};
    return spec;
  }

  NodeOrders orders() {
    const auto draft = next_orders(*cluster, "n1");
    return draft ? draft->orders : NodeOrders{};
  }

  // Its script has been killed, and the node has said so.
  void victim_ends(JobId id, EndCause cause = EndCause::ordered, ExitStatus exit = {0, 15}) {
    report("n1", {status(id, StepPhase::ended, cause, exit)});
  }

  ClusterConfig fresh;
};

TEST_F(PreemptTest, AVictimIsSentBackAndTheOtherStartsInItsPlace) {
  const JobId low = running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(state(low), JobState::completing);
  ASSERT_TRUE(job(low).preempted);
  EXPECT_EQ(job(low).preempted->by, high);
  EXPECT_EQ(job(low).preempted->at, now);
  EXPECT_EQ(job(high).reason, Reason::resources);
  EXPECT_EQ(job(high).reason_text, "1 job is being ended for it");
  ASSERT_EQ(job(high).takeover.size(), 1U);
  EXPECT_EQ(job(high).takeover.front().awaits, std::vector<JobId>{low});

  victim_ends(low);
  EXPECT_EQ(state(low), JobState::pending);
  EXPECT_EQ(job(low).reason_text, "preempted by job 2");
  EXPECT_EQ(job(low).restarts, 1U);
  EXPECT_FALSE(job(low).preempted) << "it belongs to the life that is over";
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(high), JobState::starting);
  EXPECT_TRUE(job(high).takeover.empty());
  EXPECT_EQ(state(low), JobState::pending);
}

TEST_F(PreemptTest, TheNodeIsToldTheGraceTime) {
  const JobId low = running(spec_of("low"));
  (void)orders();
  submitted(spec_of("high"));
  pass();
  const NodeOrders told = orders();
  ASSERT_EQ(told.ends.size(), 1U);
  EXPECT_EQ(told.ends[0].step.job, low);
  EXPECT_FALSE(told.ends[0].at_once);
  EXPECT_EQ(told.ends[0].grace, Seconds{60});
}

TEST_F(PreemptTest, TheGraceTimeEndsWithTheTimeLimit) {
  JobSpec spec = spec_of("low");
  spec.time_limit = Seconds{100};
  running(spec);
  now += Seconds{90};
  submitted(spec_of("high"));
  pass();
  const NodeOrders told = orders();
  ASSERT_EQ(told.ends.size(), 1U);
  EXPECT_EQ(told.ends[0].grace, Seconds{10});
}

TEST_F(PreemptTest, WithoutAGraceTimeItIsTheUsualOne) {
  running(spec_of("normal"));
  submitted(spec_of("high"));
  pass();
  const NodeOrders told = orders();
  ASSERT_EQ(told.ends.size(), 1U);
  EXPECT_FALSE(told.ends[0].grace);
}

TEST_F(PreemptTest, CancelledVictimsEndAsPreempted) {
  fresh.preempt.mode = PreemptMode::cancel;
  renew();
  JobSpec spec = spec_of("low");
  spec.mail_events = static_cast<MailEvents>(MailEvent::fail);
  const JobId low = running(spec);
  submitted(spec_of("high"));
  pass();
  victim_ends(low);
  EXPECT_EQ(state(low), JobState::preempted);
  EXPECT_EQ(job(low).end_time, now);
  ASSERT_TRUE(job(low).preempted);
  EXPECT_EQ(job(low).preempted->by, JobId{2});
  ASSERT_EQ(effects.mails.size(), 1U);
  EXPECT_NE(effects.mails[0].subject.find("Failed, Run time 00:00:00, PREEMPTED"),
            std::string::npos)
      << effects.mails[0].subject;
}

TEST_F(PreemptTest, WhoMayNotBeRequeuedEndsAsPreempted) {
  JobSpec spec = spec_of("low");
  spec.requeue = false;
  const JobId low = running(spec);
  submitted(spec_of("high"));
  pass();
  victim_ends(low);
  EXPECT_EQ(state(low), JobState::preempted);
}

TEST_F(PreemptTest, WhoseScriptEndedBeforeItWasToldHasEndedAsItDid) {
  const JobId low = running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  victim_ends(low, EndCause::exited, {0, 0});
  EXPECT_EQ(state(low), JobState::completed);
  EXPECT_FALSE(job(low).preempted);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(high), JobState::starting);
}

TEST_F(PreemptTest, AVictimThatIsCancelledIsNotSentBackAndNeedNotHaveItsGrace) {
  const JobId low = running(spec_of("low"));
  submitted(spec_of("high"));
  pass();
  (void)orders();
  effects = {};
  cancel(low);
  EXPECT_TRUE(effects.orders.contains("n1")) << "the node has to know that it may be sooner";
  const NodeOrders told = orders();
  ASSERT_EQ(told.ends.size(), 1U);
  EXPECT_FALSE(told.ends[0].grace);
  victim_ends(low);
  EXPECT_EQ(state(low), JobState::cancelled);
  EXPECT_FALSE(job(low).preempted);
}

TEST_F(PreemptTest, WhoseQosIsOffOrOfTheSameRankIsLeftAlone) {
  const JobId kept = running(spec_of("kept", 2));
  const JobId high = running(spec_of("high", 2));
  const JobId waiting = submitted(spec_of("high", 2));
  pass();
  EXPECT_EQ(state(kept), JobState::running);
  EXPECT_EQ(state(high), JobState::running);
  EXPECT_TRUE(job(waiting).takeover.empty());
}

// The moment is a timer of its own: nothing else happens then.
TEST_F(PreemptTest, WhoIsLeftAloneForATimeMayGoAfterIt) {
  fresh.preempt.exempt = Seconds{300};
  renew();
  const JobId low = running(spec_of("low"));
  const TimePoint safe_until = job(low).start_time + Seconds{300};
  const JobId high = submitted(spec_of("high"));
  pass();
  EXPECT_EQ(state(low), JobState::running);
  EXPECT_EQ(cluster->pass_at(), safe_until);
  const WhyReply before = why(*cluster, job(high), now);
  const auto tells = [&](const std::string& part) {
    return std::ranges::any_of(before.sentences, [&](const std::string& each) {
      return each.find(part) != std::string::npos;
    });
  };
  EXPECT_TRUE(tells("It may end job 1 of alice later"));

  now = safe_until;
  add_node("n9", 1);  // a report now and then, or the node counts as down
  report("n1", {status(low, StepPhase::running)});
  effects = {};
  ASSERT_LE(next_timer(*cluster, now), now);
  must(Tick{});
  EXPECT_TRUE(effects.schedule);
  EXPECT_FALSE(cluster->pass_at());
  pass();
  EXPECT_EQ(state(low), JobState::completing);
}

TEST_F(PreemptTest, NobodySlipsInBetweenAndARestartForgetsNothing) {
  const JobId low = running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  const JobId first = submitted(spec_of("normal"));
  JobUpdateRequest urgent{.request = {}, .jobs = {first}};
  urgent.priority = 1000;
  must(UpdateJobs{admin(), urgent});

  // As from the store.
  auto again = std::make_unique<Cluster>(config, now);
  again->restore(cluster->counters());
  for (const auto& [name, node] : cluster->nodes()) again->restore(node.record);
  for (const auto& [id, entry] : cluster->jobs()) again->restore(entry.record);
  cluster = std::move(again);
  numbers.clear();
  pass();  // before its nodes have been heard of
  ASSERT_EQ(job(high).takeover.size(), 1U);
  must(NodeArrived{NodeHello{cluster->find_node("n1")->record.info, 2}});
  report("n1", {status(low, StepPhase::running)}, true);
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(state(low), JobState::completing);

  victim_ends(low);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(high), JobState::starting);
  EXPECT_EQ(state(first), JobState::pending) << "it stands before it in line, and has no claim";
}

TEST_F(PreemptTest, ATakeoverEndsWithTheWaitOfItsJob) {
  const JobId low = running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  ASSERT_FALSE(job(high).takeover.empty());
  control(JobAction::hold, high);
  EXPECT_TRUE(job(high).takeover.empty());
  victim_ends(low);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(low), JobState::starting) << "nobody wants its place any more";
}

TEST_F(PreemptTest, AJobThatIsChangedGivesUpWhatWasKept) {
  running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  JobUpdateRequest smaller{.request = {}, .jobs = {high}};
  smaller.cpus_per_task = 1;
  must(UpdateJobs{user("alice", 1001), smaller});
  EXPECT_TRUE(job(high).takeover.empty());
}

TEST_F(PreemptTest, ANodeThatGoesDownTakesTheTakeoverWithIt) {
  running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  ASSERT_TRUE(update_node("n1", NodeAction::drain).ok());
  effects = {};
  pass();
  EXPECT_TRUE(job(high).takeover.empty());
  EXPECT_TRUE(effects.schedule) << "it is in line again";
}

TEST_F(PreemptTest, AnElementOfAnArrayTakesOverByItself) {
  const JobId one = running(spec_of("low", 2));
  const JobId other = running(spec_of("low", 2));
  JobSpec spec = spec_of("high", 2);
  spec.array = "0-3%2";
  const JobId array = submitted(spec);
  pass();
  EXPECT_EQ(state(one), JobState::completing);
  EXPECT_EQ(state(other), JobState::completing);
  EXPECT_TRUE(job(array).takeover.empty());
  EXPECT_EQ(job(array).array->elements.size(), 2U);
  size_t taking_over = 0;
  for (const auto& [id, entry] : cluster->jobs()) {
    taking_over += entry.record.takeover.empty() ? 0 : 1;
  }
  EXPECT_EQ(taking_over, 2U);
  victim_ends(one);
  victim_ends(other);
  EXPECT_EQ(pass(), 2U);
}

TEST_F(PreemptTest, AHigherTierEndsALowerOneInPartitions) {
  fresh.preempt.type = PreemptType::partition_prio;
  fresh.partitions = {{.name = "low", .is_default = true, .preempt_mode = PreemptMode::cancel},
                      {.name = "high", .priority_tier = 2}};
  renew();
  const JobId low = running(spec_of("high"));  // its QOS does not count here
  JobSpec spec = spec_of("low");
  spec.partition = "high";
  const JobId high = submitted(spec);
  pass();
  victim_ends(low);
  EXPECT_EQ(state(low), JobState::preempted);
  pass();
  EXPECT_EQ(state(high), JobState::starting);
}

TEST_F(PreemptTest, WhenItIsSwitchedOffNothingIsKeptAnyMore) {
  const JobId low = running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  ASSERT_FALSE(job(high).takeover.empty());
  fresh.preempt = {};
  must(Reconfigure{admin(), std::make_shared<ClusterConfig>(fresh)});
  pass();
  EXPECT_TRUE(job(high).takeover.empty());
  EXPECT_EQ(state(low), JobState::completing) << "what was told is told";
}

TEST_F(PreemptTest, AllocationsAreEndedAndNotSentBack) {
  JobSpec spec = spec_of("low");
  spec.kind = JobKind::allocation;
  const JobId low = submitted(spec);
  ASSERT_EQ(pass(), 1U);
  const JobId high = submitted(spec_of("high"));
  pass();
  ASSERT_EQ(state(low), JobState::completing);
  report("n1", {status(low, StepPhase::ended, EndCause::ordered, {0, 15}, kExternStep)});
  pass();
  EXPECT_EQ(state(high), JobState::starting);
  EXPECT_EQ(state(low), JobState::preempted);
}

TEST_F(PreemptTest, WhyTellsForWhomItIsKeptAndUntilWhen) {
  running(spec_of("low"));
  const JobId high = submitted(spec_of("high"));
  pass();
  const WhyReply reply = why(*cluster, job(high), now);
  EXPECT_EQ(reply.kind, "preempting");
  EXPECT_EQ(reply.sentences.back(),
            "Its place is kept for it on n1: it starts when job 1 of alice can be gone, in 1:30 at "
            "the latest");
}

TEST_F(PreemptTest, PartitionsTellTheirMode) {
  EXPECT_EQ(partition_views(*cluster).front().preempt_mode, PreemptMode::requeue);
  fresh.preempt = {PreemptType::partition_prio, PreemptMode::cancel, Seconds{0}};
  fresh.partitions = {{.name = "a", .is_default = true},
                      {.name = "b", .preempt_mode = PreemptMode::off, .grace_time = Seconds{9}}};
  renew();
  const std::vector<PartitionView> views = partition_views(*cluster);
  EXPECT_EQ(views[0].preempt_mode, PreemptMode::cancel);
  EXPECT_EQ(views[1].preempt_mode, PreemptMode::off);
  EXPECT_EQ(views[1].grace_time, Seconds{9});
  fresh.preempt = {};
  renew();
  EXPECT_EQ(partition_views(*cluster).front().preempt_mode, PreemptMode::off);
}

}  // namespace
}  // namespace gd::core
