// Why a job waits: each kind of waiting by its sentences, and each suggestion followed.
#include "server/core/why.h"

#include "base/duration.h"
#include "base/text.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class WhyTest : public CoreTest {
 protected:
  void SetUp() override {
    ClusterConfig fresh = *config;
    fresh.partitions = {{.name = "batch", .nodes = {"n1", "n2"}, .is_default = true},
                        {.name = "other", .nodes = {"n3"}},
                        {.name = "closed", .nodes = {"n1"}, .up = false}};
    fresh.policy.weights = sched::kInOrder;
    fresh.limits.qos = {{.name = "short"}, {.name = "tiny"}};
    fresh.limits.qos[0].per_user.jobs = 1;
    fresh.limits.qos[1].each.tres = parse_tres_limits("cpu=1").value();
    fresh.limits.licences = {{"matlab", 2}};
    config = std::make_shared<ClusterConfig>(fresh);
    restart();
    add_node("n1", 4);
    add_node("n2", 4);
  }

  JobSpec spec_of(uint32_t cpus, Seconds limit = 1h) {
    JobSpec spec = batch_spec();
    spec.cpus_per_task = cpus;
    spec.time_limit = limit;
    spec.partition = "batch";
    return spec;
  }
  WhyReply why_of(JobId id) { return why(*cluster, job(id), now); }
  std::string text(JobId id) {
    std::string all;
    for (const std::string& each : why_of(id).sentences) all += each + ".\n";
    return all;
  }
  void expect(JobId id, const std::string& kind, const std::string& part) {
    EXPECT_EQ(why_of(id).kind, kind) << text(id);
    EXPECT_NE(text(id).find(part), std::string::npos) << text(id);
  }

  // "gdctl update 7 CPUs/Task=2": as the command would ask.
  void follow(const std::string& suggestion) {
    const std::vector<std::string_view> words = split_words(suggestion);
    const JobId id{parse_number<uint32_t>(words[2]).value()};
    if (words[1] == "release") {
      EXPECT_EQ(control(JobAction::release, id).done, 1U);
      return;
    }
    const std::string_view word = words[3];
    const std::string_view key = word.substr(0, word.find('='));
    const std::string_view value = word.substr(word.find('=') + 1);
    JobUpdateRequest request{.request = {}, .jobs = {id}};
    if (key == "CPUs/Task") request.cpus_per_task = parse_number<uint32_t>(value).value();
    if (key == "NumTasks") request.tasks = parse_number<uint32_t>(value).value();
    if (key == "MinMemoryNode") request.memory_per_node_mib = parse_mib(value).value();
    if (key == "TimeLimit") request.time_limit = *parse_time_limit(value).value();
    if (key == "QOS") request.qos = value;
    if (key == "Partition") request.partition = value;
    if (key == "Dependency") request.dependency = value;
    const auto reply = run(UpdateJobs{user("alice", 1001), request});
    ASSERT_TRUE(reply.ok()) << suggestion;
    EXPECT_EQ(std::get<JobsReply>(*reply).done, 1U) << suggestion;
  }

  // Each by itself, on a cluster as it is now.
  void expect_each_starts(JobId id, const std::vector<std::string>& suggestions) {
    EXPECT_EQ(why_of(id).suggestions, suggestions);
    for (const std::string& each : suggestions) {
      const Cluster kept = *cluster;
      follow(each);
      pass();
      EXPECT_EQ(state(id), JobState::starting) << each << "\n" << text(id);
      *cluster = kept;
    }
  }
};

TEST_F(WhyTest, WhoHoldsWhatItNeedsUntilWhen) {
  running(spec_of(4, 2h));
  running(spec_of(3));
  const JobId id = submitted(spec_of(2));
  pass();
  EXPECT_EQ(text(id),
            "Job 3 of alice asks for 2 cpus on a node of partition batch, for at most 1:00:00.\n"
            "Of 2 nodes of partition batch that it could have by name and feature, 2 are in use "
            "by others; the first to give something back is job 2 of alice, at its limit in "
            "1:00:00.\n"
            "It is the first in line.\n"
            "It is promised a start in 1:00:00 at the latest, on n2.\n");
  EXPECT_EQ(why_of(id).kind, "resources");
  EXPECT_EQ(why_of(id).expected_start, now + 1h);
  expect_each_starts(id, {"gdctl update 3 CPUs/Task=1"});
}

TEST_F(WhyTest, ShorterThanThePromiseOfAnother) {
  running(spec_of(3, 1h));
  JobSpec both = spec_of(4);
  both.nodes_min = 2;
  const JobId first = submitted(both);
  const JobId second = submitted(spec_of(4, 2h));
  pass();
  expect(second, "priority", "What is free is kept for job 2 of alice, which is promised 2 nodes");
  expect(second, "priority", "1 job is before it in line, the first of them job 2 of alice");
  expect_each_starts(second, {"gdctl update 3 TimeLimit=01:00:00"});
  expect(first, "resources", "It is the first in line");
}

TEST_F(WhyTest, NodesThatAreDownDrainedOrTooSmall) {
  add_node("n3", 2);
  NodeUpdateRequest drain{{}, {"n1"}, NodeAction::drain, "broken fan"};
  must(UpdateNodes{admin(), drain});
  NodeUpdateRequest down{{}, {"n2"}, NodeAction::down, "smoke"};
  must(UpdateNodes{admin(), down});
  const JobId id = submitted(spec_of(2));
  pass();
  expect(id, "nodes-down", "1 is down (n2), 1 is drained (n1)");
  expect(id, "nodes-down", "It cannot start until nodes come back");
  expect_each_starts(id, {"gdctl update 1 Partition=other"});
}

TEST_F(WhyTest, MoreThanAnyNodeHas) {
  const JobId id = submitted(spec_of(5));
  pass();
  expect(id, "too-large",
         "As it is it can never start: 5 cpus a task asked, 4 are on the largest node of "
         "partition batch");
  expect_each_starts(id, {"gdctl update 1 CPUs/Task=4"});
}

TEST_F(WhyTest, ALimitWithItsUse) {
  JobSpec spec = spec_of(1);
  spec.qos = "short";
  running(spec);
  const JobId id = submitted(spec);
  pass();
  expect(id, "limit",
         "A limit stands against it, user alice in qos short: max_jobs_per_user 1: jobs 1 in "
         "use, 1 asked; in use by job 1 of alice (1, at its limit in 1:00:00). Enough is back in "
         "1:00:00 at the latest");
  expect_each_starts(id, {"gdctl update 2 QOS=normal"});
}

TEST_F(WhyTest, WhatOneJobMayNotHave) {
  JobSpec spec = spec_of(3);
  spec.qos = "tiny";
  const JobId id = submitted(spec);
  expect(id, "job-limit", "qos tiny: a job may have cpu=1, 3 asked");
  expect_each_starts(id, {"gdctl update 1 CPUs/Task=1", "gdctl update 1 QOS=normal"});
}

TEST_F(WhyTest, ALicence) {
  JobSpec spec = spec_of(1);
  spec.licences = {{"matlab", "", 2}};
  running(spec);
  const JobId id = submitted(spec);
  pass();
  expect(id, "licence",
         "licence matlab: 2 asked, 0 of 2 free, in use by job 1 of alice (2, at its limit in "
         "1:00:00)");
  EXPECT_EQ(why_of(id).expected_start, now + 1h);
}

TEST_F(WhyTest, OtherJobs) {
  const JobId first = running(spec_of(1));
  JobSpec spec = spec_of(1);
  spec.dependency = "afterok:" + std::to_string(first.value);
  const JobId id = submitted(spec);
  expect(id, "dependency",
         "It waits for job 1 of alice, which is RUNNING and at its limit in 1:00:00, to complete");
  report("n1", {status(first, StepPhase::ended, EndCause::exited, {1, 0})});
  expect(id, "never", "that can no longer happen");
  expect_each_starts(id, {"gdctl update 2 Dependency="});
}

TEST_F(WhyTest, WhereDataArePrivateOthersHaveNoNames) {
  running(spec_of(4, 2h));
  running(spec_of(3));
  const auto reply = submit(spec_of(2), user("bob", 1002));
  const JobId id = std::get<Submitted>(reply.value()).job;
  pass();
  std::string all;
  for (const std::string& each : why(*cluster, job(id), now, Others::hidden).sentences) all += each;
  EXPECT_EQ(all.find("alice"), std::string::npos) << all;
  EXPECT_NE(all.find("a job of another user"), std::string::npos) << all;
}

TEST_F(WhyTest, HeldOrLater) {
  JobSpec spec = spec_of(1);
  spec.hold = true;
  const JobId held = submitted(spec);
  expect(held, "held", "Its user holds it");
  expect_each_starts(held, {"gdctl release 1"});
  spec.hold = false;
  spec.begin = now + 2h;
  const JobId later = submitted(spec);
  expect(later, "begin", "It was asked to begin in 2:00:00, not earlier");
  EXPECT_EQ(why_of(later).expected_start, now + 2h);
}

TEST_F(WhyTest, APartitionThatIsDown) {
  JobSpec spec = spec_of(1);
  spec.partition = "closed";
  const JobId id = submitted(spec);
  pass();
  expect(id, "partition-down", "Partition closed is down: it starts no jobs");
  expect_each_starts(id, {"gdctl update 1 Partition=batch"});
}

TEST_F(WhyTest, AnArrayThatIsAtItsOwnLimit) {
  JobSpec spec = spec_of(1);
  spec.array = "1-3%1";
  const JobId id = submitted(spec);
  pass();
  expect(id, "array", "1 element of its array may run at once, and as many do");
  EXPECT_TRUE(record_of(*cluster, {id, 1}) != nullptr);
  EXPECT_NE(record_of(*cluster, {id, 1}), record_of(*cluster, {id, 2}));
  EXPECT_EQ(record_of(*cluster, {id, 9}), nullptr);
}

TEST_F(WhyTest, AnImageThatIsFetched) {
  const JobId id = submitted(spec_of(1));
  pass();
  StepStatus fetching = status(id, StepPhase::accepted);
  fetching.waits = "fetching layer 3 of 7";
  report("n1", {fetching});
  expect(id, "image", "waits for its image host to be fetched: fetching layer 3 of 7");
  report("n1", {status(id, StepPhase::running)});
  expect(id, "running", "does not wait: it is RUNNING on n1");
}

}  // namespace
}  // namespace gd::core
