// Fair share in the cluster: who is first in line, what a restart keeps, who may charge what.
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class FairShareTest : public CoreTest {
 protected:
  // One job a node at a time: the order of the queue can be seen.
  void SetUp() override {
    ClusterConfig fresh = *config;
    fresh.policy.weights = {.age = 0, .fair_share = 1000, .stretch = 0, .partition = 0};
    fresh.accounts = {{"physics", "", 1, {{"alice", 1}, {"bob", 1}}},
                      {"art", "", 3, {{"*", 1}}},
                      {"optics", "physics", 1, {{"alice", 2}}}};
    use(fresh);
    add_node("n1", 4);
  }

  void use(const ClusterConfig& fresh) {
    config = std::make_shared<ClusterConfig>(fresh);
    restart();
  }

  JobId submitted_by(const std::string& name, const std::string& account) {
    JobSpec spec = batch_spec();
    spec.cpus_per_task = 4;
    spec.account = account;
    const auto reply = submit(spec, user(name, name == "alice" ? 1001 : 1002));
    EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().text);
    return reply.ok() ? std::get<Submitted>(*reply).job : JobId{};
  }
  void run_for(JobId id, Seconds time) {
    EXPECT_EQ(pass(), 1U);
    EXPECT_EQ(job(id).state, JobState::starting);
    now += time;
    report("n1", {status(id, StepPhase::ended)});
    EXPECT_TRUE(ended(job(id).state));
  }
  double usage(const std::string& account, const std::string& name) {
    return cluster->usage_of({{account, name}, ""}).cpu_seconds;
  }
};

TEST_F(FairShareTest, WhoHasHadLeastGoesFirst) {
  run_for(submitted_by("alice", "physics"), 1000s);
  now += 10min;
  const JobId again = submitted_by("alice", "physics");
  const JobId bob = submitted_by("bob", "physics");
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(job(again).state, JobState::pending);
  EXPECT_EQ(job(bob).state, JobState::starting) << "who came later has used nothing";
}

TEST_F(FairShareTest, ALifeIsChargedToItsAccountWhenItEnds) {
  const JobId id = submitted_by("alice", "optics");
  run_for(id, 1000s);
  EXPECT_NEAR(usage("optics", "alice"), 4000, 10);
  EXPECT_EQ(cluster->fair_share().names().contains({"physics", "alice"}), true);
  EXPECT_EQ(usage("physics", "alice"), 0);
}

TEST_F(FairShareTest, WhatRunsCountsBeforeItEnds) {
  const JobId id = submitted_by("alice", "optics");
  EXPECT_EQ(pass(), 1U);
  now += 500s;
  double used = 0;
  for (const sched::ShareRow& row : cluster->fair_share().rows(cluster->limits().ledger(), now)) {
    if (row.account == "physics" && row.user.empty()) used = row.rank.usage;
  }
  EXPECT_NEAR(used, 2000, 5) << "of the account above it, too";
  EXPECT_EQ(job(id).state, JobState::starting);
}

TEST_F(FairShareTest, UsageComesBackAfterARestart) {
  run_for(submitted_by("alice", "physics"), 1000s);
  const UsageRecord record = cluster->usage_of({{"physics", "alice"}, ""});
  EXPECT_TRUE(cluster->changes().usage.contains({{"physics", "alice"}, ""}));
  restart();
  cluster->restore(record);
  EXPECT_EQ(cluster->usage_of({{"physics", "alice"}, ""}), record);
}

TEST_F(FairShareTest, RankedEveryFiveMinutesOnly) {
  (void)pass();
  const TimePoint first = *cluster->ranked_at();
  now += sched::kRankEvery - 1s;
  (void)pass();
  EXPECT_EQ(*cluster->ranked_at(), first);
  now += 1s;
  (void)pass();
  EXPECT_EQ(*cluster->ranked_at(), now);
}

TEST_F(FairShareTest, AJobIsChargedToAnAccountThatIsOpenToItsUser) {
  EXPECT_EQ(job(submitted_by("alice", "")).spec->account, "physics") << "her first";
  EXPECT_EQ(job(submitted_by("carol", "")).spec->account, "art") << "open to everybody";
  JobSpec spec = batch_spec();
  spec.account = "optics";
  EXPECT_EQ(submit(spec, user("bob", 1002)).error().text,
            "account optics is not open to user bob; open are physics, art");
  spec.account = "nope";
  EXPECT_EQ(submit(spec).error().text,
            "account nope is not open to user alice; open are physics, art, optics");
  ClusterConfig closed = *config;
  closed.accounts = {{"physics", "", 1, {{"bob", 1}}}};
  use(closed);
  EXPECT_EQ(submit(spec).error().text, "user alice has no account on this cluster");
}

TEST_F(FairShareTest, WithoutAccountsANameIsALabel) {
  ClusterConfig open = *config;
  open.accounts.clear();
  use(open);
  const JobId id = submitted_by("alice", "whatever");
  EXPECT_EQ(job(id).spec->account, "whatever");
  EXPECT_EQ(share_name_of(*config, job(id)), (sched::ShareName{"", "alice"}));
}

TEST_F(FairShareTest, RowsAreParentsFirstWithTheirParts) {
  std::string text;
  for (const sched::ShareRow& row : cluster->fair_share().rows(cluster->limits().ledger(), now)) {
    text += std::string(row.depth, ' ') + row.account + " " + row.user + " " +
            std::to_string(row.part_of_shares).substr(0, 4) + "\n";
  }
  EXPECT_EQ(text,
            "root  0.00\n"
            " physics  0.25\n"
            "  physics alice 0.33\n"
            "  physics bob 0.33\n"
            "  optics  0.33\n"
            "   optics alice 1.00\n"
            " art  0.75\n");
}

}  // namespace
}  // namespace gd::core
