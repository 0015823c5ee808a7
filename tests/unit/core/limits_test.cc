// Limits in the cluster: what is refused, what waits with which words, and that counters follow
// the jobs through their lives, restarts and changes of the configuration.
#include "server/core/account_edits.h"
#include "server/core/query.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class ClusterLimitsTest : public CoreTest {
 protected:
  void SetUp() override {
    ClusterConfig fresh = *config;
    fresh.accounts = {
        {"art", "", 1, {}}, {"oil", "art", 1, {{"*", 1}}}, {"ink", "art", 1, {{"*", 1}}}};
    fresh.limits.accounts = {{"art", "", {}}, {"oil", "art", {}}, {"ink", "art", {}}};
    fresh.limits.accounts[0].limits.group.tres = parse_tres_limits("cpu=4").value();
    fresh.limits.accounts[1].limits.group.submitted = 3;
    fresh.limits.accounts[1].limits.qos = {"normal", "short"};
    fresh.limits.qos = {{.name = "short", .priority = 10}, {.name = "closed"}};
    fresh.limits.qos[0].each.wall = 1h;
    fresh.limits.qos[0].per_user.jobs = 1;
    fresh.limits.qos[1].allow_users = {"carol"};
    fresh.limits.licences = {{"matlab", 2}};
    use(fresh);
    add_node("n1", 8);
  }

  void use(const ClusterConfig& fresh) {
    config = std::make_shared<ClusterConfig>(fresh);
    restart();
  }

  JobSpec spec_of(const std::string& account, uint32_t cpus = 1, const std::string& qos = {}) {
    JobSpec spec = batch_spec();
    spec.account = account;
    spec.cpus_per_task = cpus;
    spec.qos = qos;
    spec.time_limit = 10min;
    return spec;
  }
  std::string refusal(const JobSpec& spec) {
    const auto reply = submit(spec);
    EXPECT_FALSE(reply.ok());
    return reply.ok() ? "" : reply.error().text;
  }
  void finish(JobId id) {
    report("n1", {status(id, StepPhase::ended)});
    EXPECT_TRUE(ended(state(id)));
  }
};

// What is said of a user in an account stands in place of what the account says of each user,
// and holds there alone.
TEST_F(ClusterLimitsTest, AUserInAnAccountHasLimitsOfHerOwn) {
  ClusterConfig fresh = *config;
  fresh.limits.accounts[2].limits.each.wall = 5min;
  fresh.limits.accounts[2].limits.per_user.jobs = 1;
  UserLimits own{.name = "ink/alice", .limits = {}, .default_account = ""};
  own.limits.each.wall = 1h;
  own.limits.per_user.jobs = 2;
  own.limits.group.tres = parse_tres_limits("cpu=3").value();
  fresh.limits.users = {own, {.name = "alice", .limits = {}, .default_account = "ink"}};
  use(fresh);
  add_node("n1", 8);
  JobSpec spec = batch_spec();  // of no account: her default
  spec.time_limit = 10min;
  std::vector<JobId> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(submitted(spec));
  EXPECT_EQ(job(jobs[0]).spec->account, "ink");
  EXPECT_EQ(pass(), 2U);
  EXPECT_EQ(job(jobs[2]).reason, Reason::assoc_max_jobs);
  EXPECT_EQ(job(jobs[2]).reason_text, "user alice of account ink: max_jobs 2");
  const JobId wide = submitted(spec_of("ink", 2));
  const JobId other = submitted(spec_of("oil", 1));
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(other), JobState::starting);
  EXPECT_EQ(state(wide), JobState::pending);
}

TEST_F(ClusterLimitsTest, JobsThatAChangeWouldLeaveBehindAreNamedUpToALimit) {
  ClusterConfig fresh = *config;
  fresh.accounts[2].users = {{"bob", 1}};
  const JobId first = submitted(spec_of("ink"));
  (void)submitted(spec_of("oil"));
  EXPECT_EQ(jobs_left_behind(*cluster, fresh), (std::vector<ActiveJob>{{first, "ink", "alice"}}));
  EXPECT_TRUE(jobs_left_behind(*cluster, *config).empty());
  for (size_t i = 0; i < kMaxActiveShown; ++i) (void)submitted(spec_of("ink"));
  EXPECT_EQ(jobs_left_behind(*cluster, fresh).size(), kMaxActiveShown);
}

TEST_F(ClusterLimitsTest, WhatIsInUseBelowAnAccountIsAddedUp) {
  const JobId first = submitted(spec_of("oil", 3));
  const JobId second = submitted(spec_of("ink", 2));
  const JobId third = submitted(spec_of("ink", 1));
  EXPECT_EQ(pass(), 2U);
  EXPECT_EQ(state(first), JobState::starting);
  EXPECT_EQ(state(third), JobState::starting);
  EXPECT_EQ(job(second).reason, Reason::assoc_grp_cpu);
  EXPECT_EQ(job(second).reason_text, "account art: grp_tres cpu=4");
  finish(first);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(second), JobState::starting);
}

TEST_F(ClusterLimitsTest, OneMoreThanMayWaitIsRefused) {
  for (int i = 0; i < 2; ++i) submitted(spec_of("oil"));
  JobSpec array = spec_of("oil");
  array.array = "1-2";
  EXPECT_EQ(refusal(array),
            "job violates accounting/QOS policy: account oil: grp_submit 3, 2 wait or run and 2 "
            "asked");
  const JobId third = submitted(spec_of("oil"));
  EXPECT_FALSE(refusal(spec_of("oil")).empty());
  cancel(third);
  submitted(spec_of("oil"));
}

TEST_F(ClusterLimitsTest, ElementsOfAnArrayCountEach) {
  JobSpec array = spec_of("ink", 1);
  array.array = "1-9";
  const JobId id = submitted(array);
  EXPECT_EQ(pass(), 4U) << "cpu=4 of account art";
  EXPECT_EQ(job(id).reason, Reason::assoc_grp_cpu);
  EXPECT_EQ(cluster->find_array(id)->running, 4U);
}

TEST_F(ClusterLimitsTest, AQosMustBeKnownAndOpen) {
  EXPECT_EQ(refusal(spec_of("oil", 1, "shrot")),
            "invalid qos specification: shrot; known are: normal,short,closed; did you mean "
            "'short'?");
  EXPECT_EQ(refusal(spec_of("oil", 1, "closed")),
            "qos closed is not open to user alice of account oil; open are normal, short");
  EXPECT_EQ(refusal(spec_of("ink", 1, "closed")), "qos closed is not open to user alice");
  EXPECT_TRUE(submit(spec_of("ink", 1, "closed"), user("carol", 1003)).ok());
  EXPECT_EQ(job(submitted(spec_of("oil", 1, "normal"))).spec->qos, "") << "as if none was named";
}

TEST_F(ClusterLimitsTest, WhatOneJobMayNotHaveWaitsOrIsRefused) {
  JobSpec spec = spec_of("oil", 1, "short");
  spec.time_limit = 2h;
  const JobId id = submitted(spec);
  EXPECT_EQ(job(id).reason, Reason::qos_max_wall);
  EXPECT_EQ(job(id).reason_text, "qos short: a time limit may be 01:00:00, 02:00:00 asked");
  EXPECT_EQ(pass(), 0U);

  JobUpdateRequest request{.request = {}, .jobs = {id}};
  request.time_limit = 30min;
  must(UpdateJobs{user("alice", 1001), request});
  EXPECT_EQ(pass(), 1U) << "what stood against it is gone";

  ClusterConfig strict = *config;
  strict.limits.qos[0].deny_on_limit = true;
  must(Reconfigure{admin(), std::make_shared<ClusterConfig>(strict)});
  EXPECT_EQ(refusal(spec), "qos short: a time limit may be 01:00:00, 02:00:00 asked");
}

TEST_F(ClusterLimitsTest, AJobThatNamesNoTimeGetsTheLongestThatItMayHave) {
  JobSpec spec = spec_of("oil", 1, "short");
  spec.time_limit.reset();
  EXPECT_EQ(job(submitted(spec)).time_limit, 1h);
}

TEST_F(ClusterLimitsTest, LicencesAreCountedThroughALife) {
  JobSpec spec = spec_of("ink");
  spec.licences = {{"matlab", "", 2}};
  const JobId first = submitted(spec);
  const JobId second = submitted(spec);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(cluster->licences().all()[0].used, 2U);
  EXPECT_EQ(job(second).reason, Reason::licenses);
  finish(first);
  EXPECT_EQ(cluster->licences().all()[0].used, 0U);
  EXPECT_EQ(pass(), 1U);

  spec.licences = {{"matlab", "", 3}};
  EXPECT_EQ(refusal(spec), "licence matlab: 3 asked, the cluster has 2");
  spec.licences = {{"matlap", "", 1}};
  EXPECT_EQ(refusal(spec),
            "invalid license specification: matlap; known are: matlab; did you mean 'matlab'?");
}

TEST_F(ClusterLimitsTest, ANewConfigurationCountsAnew) {
  submitted(spec_of("oil", 3));
  const JobId second = submitted(spec_of("ink", 2, "short"));
  const JobId third = submitted(spec_of("ink", 2, "short"));
  EXPECT_EQ(pass(), 1U);
  ClusterConfig wider = *config;
  wider.limits.accounts[0].limits.group.tres.cpus = 8;
  must(Reconfigure{admin(), std::make_shared<ClusterConfig>(wider)});
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(state(second), JobState::starting);
  EXPECT_EQ(job(third).reason, Reason::qos_max_jobs_per_user);

  ClusterConfig without = wider;
  without.limits.qos.erase(without.limits.qos.begin());
  must(Reconfigure{admin(), std::make_shared<ClusterConfig>(without)});
  EXPECT_EQ(pass(), 0U) << "its QOS is gone: it must not start without limits";
  EXPECT_EQ(job(third).reason, Reason::invalid_qos);
  EXPECT_EQ(job(third).reason_text, "qos short is no longer there");
  must(Reconfigure{admin(), std::make_shared<ClusterConfig>(wider)});
  pass();
  EXPECT_EQ(job(third).reason, Reason::priority) << "it is looked at again";
}

TEST_F(ClusterLimitsTest, APartitionTakesSomeAccountsAndQualities) {
  ClusterConfig fresh = *config;
  fresh.partitions = {{.name = "batch", .is_default = true}};
  fresh.partitions[0].allow_accounts = {"oil"};
  fresh.partitions[0].allow_qos = {"normal"};
  use(fresh);
  add_node("n1", 8);
  EXPECT_EQ(refusal(spec_of("ink")),
            "partition batch does not take jobs of account ink; it takes oil");
  EXPECT_EQ(refusal(spec_of("oil", 1, "short")),
            "partition batch does not take jobs of qos short; it takes normal");
  submitted(spec_of("oil"));
}

TEST_F(ClusterLimitsTest, LimitsAreShownWithTheirUse) {
  submitted(spec_of("oil", 3));
  pass();
  const LimitQueryReply reply = limit_views(*cluster, now);
  const auto found = std::find_if(reply.limits.begin(), reply.limits.end(), [](const LimitView& v) {
    return v.kind == "account" && v.name == "art" && v.what == "cpu";
  });
  ASSERT_NE(found, reply.limits.end());
  EXPECT_EQ(found->used, 3U);
  EXPECT_EQ(found->limit, 4U);
  EXPECT_EQ(reply.licences, (std::vector<LicenceView>{{"matlab", 2, 0}}));
}

}  // namespace
}  // namespace gd::core
