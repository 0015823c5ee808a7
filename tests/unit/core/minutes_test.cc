// Limits of minutes in the cluster: what is used, kept and given back, through restarts and resets.
#include "server/core/query.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class MinutesTest : public CoreTest {
 protected:
  void SetUp() override {
    ClusterConfig fresh = *config;
    fresh.accounts = {{"art", "", 1, {}}, {"oil", "art", 1, {{"*", 1}}}};
    fresh.limits.accounts = {{"art", "", {}}, {"oil", "art", {}}};
    fresh.limits.accounts[0].limits.group.tres_mins = parse_tres_limits("cpu=100").value();
    fresh.limits.qos = {{.name = "short"}};
    fresh.limits.qos[0].group.wall = 30min;
    fresh.limits.qos[0].each.tres_mins = parse_tres_limits("cpu=60").value();
    fresh.usage_half_life = Seconds{0};
    use(fresh);
    add_node("n1", 8);
  }
  void use(const ClusterConfig& fresh) {
    config = std::make_shared<ClusterConfig>(fresh);
    restart();
  }
  JobSpec spec_of(uint32_t cpus, Seconds limit, const std::string& qos = {}) {
    JobSpec spec = batch_spec();
    spec.account = "oil";
    spec.qos = qos;
    spec.cpus_per_task = cpus;
    spec.time_limit = limit;
    return spec;
  }
  void run_for(JobId id, Seconds time) {
    now += time;
    report("n1", {status(id, StepPhase::ended)});
    EXPECT_TRUE(ended(state(id)));
  }
  uint64_t used(const std::string& name, const std::string& what) {
    for (const LimitView& view : limit_views(*cluster, now).limits) {
      if (view.name == name && view.what == what) return view.used;
    }
    return 0;
  }
};

TEST_F(MinutesTest, WhatRunsKeepsItsTimeLimitAndGivesBackTheRest) {
  const JobId first = running(spec_of(2, 40min));
  const JobId second = submitted(spec_of(1, 30min));
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(job(second).reason, Reason::assoc_grp_cpu_minutes);
  EXPECT_EQ(job(second).reason_text, "account art: grp_tres_mins cpu=100");
  EXPECT_EQ(used("art", "cpu mins"), 80U);
  run_for(first, 10min);
  EXPECT_EQ(used("art", "cpu mins"), 20U);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(used("art", "cpu mins"), 50U);
}

TEST_F(MinutesTest, UsageComesBackAfterARestartAndBeginsAnewWhenItIsReset) {
  run_for(running(spec_of(2, 40min)), 40min);
  const UsageRecord record = cluster->usage_of({{"oil", "alice"}, ""});
  ASSERT_TRUE(cluster->changes().usage.contains({{}, "normal"}));
  restart();
  cluster->restore(record);
  add_node("n1", 8, "boot-2");
  const JobId next = submitted(spec_of(1, 30min));
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(used("art", "cpu mins"), 80U);

  const ResetUsage reset{admin(), {{"art", "", ""}}};
  EXPECT_EQ(run(ResetUsage{user("alice", 1001), {{"art", "", ""}}}).error().code,
            ErrorCode::denied);
  must(reset);
  EXPECT_TRUE(effects.schedule);
  EXPECT_EQ(used("art", "cpu mins"), 0U);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(cluster->usage_of({{"oil", "alice"}, ""}).since, now);

  report("n1", {status(next, StepPhase::running)});
  now += 10min;
  must(reset);  // of what runs, what came before no longer counts
  run_for(next, 5min);
  EXPECT_EQ(used("art", "cpu mins"), 5U);
  EXPECT_NEAR(cluster->usage_of({{"oil", "alice"}, ""}).cpu_seconds, 300, 1);
}

TEST_F(MinutesTest, AResetNamesWhomItDoesNotKnow) {
  const auto refusal = [&](UsageOwner owner) {
    const auto reply = run(ResetUsage{admin(), {std::move(owner)}});
    return reply.ok() ? "" : reply.error().text;
  };
  EXPECT_EQ(refusal({"nope", "", ""}), "account 'nope' is not there");
  EXPECT_EQ(refusal({"", "carol", ""}), "user 'carol' is not there");
  EXPECT_EQ(refusal({"", "", "long"}), "qos 'long' is not there");
  EXPECT_EQ(refusal({"", "", "short"}), "");
  EXPECT_EQ(refusal({}), "it is not said whose usage");
}

TEST_F(MinutesTest, AQosHasWallTimeAndEachJobSoManyMinutes) {
  const JobId first = running(spec_of(1, 20min, "short"));
  const JobId second = submitted(spec_of(1, 20min, "short"));
  const JobId wide = submitted(spec_of(8, 8min, "short"));
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(job(second).reason, Reason::qos_grp_wall);
  EXPECT_EQ(job(second).reason_text, "qos short: grp_wall 30");
  EXPECT_EQ(job(wide).reason, Reason::qos_max_cpu_minutes_per_job);
  EXPECT_EQ(job(wide).reason_text,
            "qos short: a job may use cpu=60 minutes by its time limit, 64 asked");
  EXPECT_EQ(used("short", "wall mins"), 20U);
  run_for(first, 10min);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(used("short", "wall mins"), 30U);
}

TEST_F(MinutesTest, TheCalendarSetsAllUsageBack) {
  ClusterConfig fresh = *config;
  fresh.usage_reset_period = UsageResetPeriod::daily;
  use(fresh);
  add_node("n1", 8);
  must(Tick{});  // the first day begins
  const TimePoint midnight = next_usage_reset(UsageResetPeriod::daily, now);
  ASSERT_LE(*next_timer(*cluster, now), midnight);
  run_for(running(spec_of(2, 40min)), 40min);
  EXPECT_EQ(used("art", "cpu mins"), 80U);
  now = midnight - 1s;
  must(Tick{});
  EXPECT_EQ(used("art", "cpu mins"), 80U);
  now = midnight;
  must(Tick{});
  EXPECT_EQ(used("art", "cpu mins"), 0U);
  EXPECT_EQ(cluster->counters().usage_reset, midnight);
}

}  // namespace
}  // namespace gd::core
