// Filters, views, the pool of specs, and what a waiting job costs in memory.
#include "server/core/query.h"

#include <malloc.h>

#include "server/core/spec_hash.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class QueryTest : public CoreTest {};

TEST_F(QueryTest, EveryConditionOfAFilterMustHold) {
  add_node("n1", 4);
  const JobId id = running(batch_spec());
  const JobRecord& record = job(id);
  EXPECT_TRUE(matches({}, record));
  EXPECT_TRUE(is_empty({}));
  JobFilter filter;
  filter.users = {"bob", "alice"};
  filter.names = {"job"};
  filter.nodes = {"n1"};
  filter.states = {JobState::running};
  filter.partitions = {"batch"};
  EXPECT_TRUE(matches(filter, record));
  EXPECT_FALSE(is_empty(filter));
  const JobFilter all = filter;
  filter.nodes = {"n2"};
  EXPECT_FALSE(matches(filter, record));
  filter = all;
  filter.users = {"bob"};
  EXPECT_FALSE(matches(filter, record));
  filter = all;
  filter.partitions = {"other"};
  EXPECT_FALSE(matches(filter, record));
}

StepSample sample_of(const JobRecord& job, uint64_t cpu_milli) {
  StepSample sample{.job = job.id, .launch = job.launch, .step = kBatchStep, .node = "liar"};
  sample.cpu_milli = cpu_milli;
  return sample;
}

TEST_F(QueryTest, SamplesAreOfTheLastFullReportAndOfStepsThatRun) {
  add_node("n1", 4);
  add_node("n2", 4);
  const JobId id = running(batch_spec());
  const StepStatus runs = status(id, StepPhase::running);
  report("n1", {runs}, true, {sample_of(job(id), 7), sample_of(job(id), 8)});
  report("n2", {}, true, {sample_of(job(id), 9)});  // not this node's step
  const auto live = samples_of(all_samples(*cluster), job(id));
  ASSERT_EQ(live.size(), 1u);
  EXPECT_EQ(live[0].cpu_milli, 7u);
  EXPECT_EQ(live[0].node, "n1");
  report("n1", {runs});  // of news: the samples stay
  EXPECT_EQ(samples_of(all_samples(*cluster), job(id)).size(), 1u);
  StepStatus done = status(id, StepPhase::ended);
  done.usage = {.cpu_user_ms = 5, .memory_peak_mib = 6, .pids_peak = 2, .read_bytes = 1};
  done.series = {.spacing = 5s, .cpu_milli = {1, 2}, .memory_mib = {3, 4}};
  report("n1", {done});
  EXPECT_TRUE(samples_of(all_samples(*cluster), job(id)).empty());
  EXPECT_EQ(usage_of(job(id)), done.usage);
  EXPECT_EQ(job(id).steps[0].series, done.series);
  report("n1", {}, true);
  EXPECT_TRUE(all_samples(*cluster).empty());
}

TEST_F(QueryTest, ViewsTellWhatIsHeld) {
  add_node("n1", 4);
  running(batch_spec());
  const std::vector<NodeView> nodes = node_views(*cluster);
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].allocated.cpus, 1u);
  EXPECT_EQ(nodes[0].jobs, 1u);
  EXPECT_EQ(nodes[0].partitions, std::vector<std::string>{"batch"});
  const std::vector<PartitionView> partitions = partition_views(*cluster);
  ASSERT_EQ(partitions.size(), 1u);
  EXPECT_EQ(partitions[0].total_cpus, 4u);
  EXPECT_EQ(partitions[0].nodes, "n1");
}

TEST_F(QueryTest, TheJobInFrontIsPromisedAStart) {
  add_node("n1", 1);
  JobSpec spec = batch_spec();
  spec.time_limit = 100s;
  const JobId first = running(spec);
  const JobId second = submitted(spec);
  pass();
  EXPECT_EQ(job(second).reason, Reason::resources);
  EXPECT_EQ(expected_start(*cluster, second), job(first).start_time + 100s);
  const PriorityView view{config, cluster->total_cpus(), cluster->fair_factors()};
  EXPECT_TRUE(priority_of(view, job(second), now).has_value());
  EXPECT_FALSE(priority_of(view, job(first), now).has_value());
}

TEST_F(QueryTest, EqualSpecsAreSharedAndHashAlike) {
  const JobId a = submitted(batch_spec());
  const JobId b = submitted(batch_spec());
  EXPECT_EQ(job(a).spec, job(b).spec);
  JobSpec other = batch_spec();
  other.comment = "x";
  const JobId c = submitted(other);
  EXPECT_NE(job(a).spec, job(c).spec);
  EXPECT_NE(hash_of(*job(a).spec), hash_of(*job(c).spec));
}

// DESIGN section 11: 50,000 separate waiting jobs, at most 1 KB each.
TEST(Memory, AWaitingJobCostsLessThanAKilobyte) {
  const auto config = std::make_shared<const ClusterConfig>();
  Cluster cluster(config, TimePoint{});
  constexpr size_t kJobs = 50'000;
  const size_t before = mallinfo2().uordblks;
  for (size_t i = 1; i <= kJobs; ++i) {
    const Submit command{user("alice", 1001), {i, i},         batch_spec(),
                         digest_of("s"),      digest_of("e"), false};
    const auto decision = decide(cluster, command, TimePoint{Seconds{1'700'000'000}});
    ASSERT_TRUE(decision.ok());
    for (const Event& event : decision->events) apply(cluster, event);
    (void)cluster.take_changes();
  }
  const size_t each = (mallinfo2().uordblks - before) / kJobs;
  RecordProperty("bytes_per_job", std::to_string(each));
  if (each == 0) GTEST_SKIP() << "the sanitizer's allocator does not tell";
  EXPECT_LE(each, 1024u);
}

}  // namespace
}  // namespace gd::core
