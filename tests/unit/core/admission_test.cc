// Admission: what is refused and with which words, what is accepted and waits.
#include "server/core/admission.h"

#include <functional>

#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class AdmissionTest : public CoreTest {
 protected:
  AdmissionTest() {
    PartitionConfig main;
    main.name = "main";
    main.is_default = true;
    main.max_time = 1h;
    main.default_time = 10min;
    PartitionConfig large = main;
    large.name = "large";
    large.is_default = false;
    large.allow_groups = {"chiefs"};
    large.max_nodes = 2;
    PartitionConfig strict = main;
    strict.name = "strict";
    strict.is_default = false;
    strict.default_image = "reg.lab/base:1";
    strict.allow_images = {"reg.lab/*"};
    strict.root_inside = false;
    config->partitions = {main, large, strict};
    restart();
    add_node("n1", 4);
  }
};

struct Refusal {
  const char* name;
  std::function<void(JobSpec&)> spoil;
  const char* text;
};

const Refusal kRefusals[] = {
    {"UnknownPartition", [](JobSpec& s) { s.partition = "mian"; },
     "invalid partition specified: mian; known are: main,large,strict; did you mean 'main'?"},
    {"NoNodes", [](JobSpec& s) { s.nodes_min = 0; }, "nodes 0 is not between 1 and 65536"},
    {"NoTasks", [](JobSpec& s) { s.tasks = 0; }, "tasks 0 is not between 1 and 1000000"},
    {"TooManyTasks", [](JobSpec& s) { s.tasks = kMaxTasks + 1; },
     "tasks 1000001 is not between 1 and 1000000"},
    {"TooManyTasksInAll",
     [](JobSpec& s) {
       s.nodes_min = 1001;
       s.tasks_per_node = 1000;
     },
     "tasks on all nodes 1001000 is not between 1 and 1000000"},
    {"NodesUpsideDown",
     [](JobSpec& s) {
       s.nodes_min = 3;
       s.nodes_max = 2;
     },
     "nodes 3-2: the maximum is below the minimum"},
    {"TooManyCpus", [](JobSpec& s) { s.cpus_per_task = kMaxCpusPerTask + 1; },
     "cpus per task 65537 is not between 1 and 65536"},
    {"MemoryTwice", [](JobSpec& s) { s.memory_per_cpu_mib = 1; },
     "memory per node and memory per cpu are both given; use one of them"},
    {"TooMuchMemory", [](JobSpec& s) { s.memory_per_node_mib = kMaxMemoryMib + 1; },
     "memory per node in MiB 1099511627777 is not between 0 and 1099511627776"},
    {"NoTime", [](JobSpec& s) { s.time_limit = 0s; },
     "time limit of 0 s is not between 1 and 315360000 s"},
    {"TooMuchTime", [](JobSpec& s) { s.time_limit = kMaxTimeLimit + 1s; },
     "time limit of 315360001 s is not between 1 and 315360000 s"},
    {"NoSuchSignal", [](JobSpec& s) { s.warn_signal = 65; }, "signal 65 is not between 1 and 64"},
    {"SignalTooEarly", [](JobSpec& s) { s.warn_before = kMaxWarnBefore + 1s; },
     "a signal 65536 s before the end: not between 0 and 65535"},
    {"NegativeNice", [](JobSpec& s) { s.nice = -1; },
     "nice -1 is below 0: only an administrator may ask for that"},
    {"TooNice", [](JobSpec& s) { s.nice = kMaxNice + 1; },
     "nice 2147483646 is not between -2147483645 and 2147483645"},
    {"OwnPriority", [](JobSpec& s) { s.priority = 5; }, "only an administrator may set a priority"},
    {"BadConstraint", [](JobSpec& s) { s.constraint = "a&b|c"; },
     "constraint 'a&b|c' mixes & and |; use one of them"},
    {"LineBreakInName", [](JobSpec& s) { s.name = "a\nb"; },
     "job name 'a\\nb' contains a line break"},
    {"NulInOutput", [](JobSpec& s) { s.output = std::string("a\0b", 3); },
     "output contains a NUL byte"},
    {"LongName", [](JobSpec& s) { s.name = std::string(kMaxNameBytes + 1, 'x'); },
     "job name has 1025 bytes, at most 1024 are allowed"},
    {"ManyArguments", [](JobSpec& s) { s.argv.resize(kMaxArguments + 1); },
     "4097 arguments, at most 4096 are allowed"},
    {"ManyMounts", [](JobSpec& s) { s.mounts.assign(kMaxMounts + 1, "/a:/b"); },
     "257 mounts, at most 256 are allowed"},
    {"Dependency", [](JobSpec& s) { s.dependency = "afterok:x"; },
     "dependency: 'x' is not a whole number"},
    {"ClosedPartition", [](JobSpec& s) { s.partition = "large"; },
     "user alice is not allowed in partition large"},
};

TEST_F(AdmissionTest, RefusesWithTheThingTheValueAndTheLimit) {
  for (const Refusal& one : kRefusals) {
    SCOPED_TRACE(one.name);
    JobSpec spec = batch_spec();
    one.spoil(spec);
    const auto reply = submit(spec);
    ASSERT_FALSE(reply.ok());
    EXPECT_EQ(reply.error().text, one.text);
  }
  EXPECT_TRUE(cluster->jobs().empty());
}

TEST_F(AdmissionTest, AcceptsWhatIsAtTheLimit) {
  const std::function<void(JobSpec&)> at_limit[] = {
      [](JobSpec& s) { s.tasks = kMaxTasks; },
      [](JobSpec& s) { s.cpus_per_task = kMaxCpusPerTask; },
      [](JobSpec& s) { s.nodes_min = kMaxNodes; },
      [](JobSpec& s) { s.memory_per_node_mib = kMaxMemoryMib; },
      [](JobSpec& s) { s.time_limit = kMaxTimeLimit; },
      [](JobSpec& s) { s.warn_before = kMaxWarnBefore; },
      [](JobSpec& s) { s.warn_signal = kMaxSignal; },
      [](JobSpec& s) { s.nice = kMaxNice; },
      [](JobSpec& s) { s.name = std::string(kMaxNameBytes, 'x'); },
      [](JobSpec& s) { s.argv.resize(kMaxArguments); },
      [](JobSpec& s) { s.mounts.assign(kMaxMounts, "/a:/b"); },
  };
  for (const auto& stretch : at_limit) {
    JobSpec spec = batch_spec();
    stretch(spec);
    const auto reply = submit(spec);
    EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().text);
  }
}

TEST_F(AdmissionTest, WhatOnlyCannotRunTodayIsAcceptedAndWaits) {
  JobSpec spec = batch_spec();
  spec.time_limit = 2h;
  const JobId slow = submitted(spec);
  EXPECT_EQ(job(slow).reason, Reason::partition_time_limit);
  EXPECT_EQ(job(slow).reason_text, "time limit of 7200 s is over the 3600 s of partition main");
  spec = batch_spec();
  spec.cpus_per_task = 5;
  const JobId wide = submitted(spec);
  EXPECT_EQ(job(wide).reason, Reason::partition_config);
  EXPECT_EQ(job(wide).reason_text,
            "5 cpus a task asked, 4 are on the largest node of partition main");
  EXPECT_EQ(pass(), 0u);
  EXPECT_EQ(job(wide).reason, Reason::partition_config);
  add_node("n2", 8);
  EXPECT_EQ(pass(), 1u);
  auto changed = std::make_shared<ClusterConfig>(*config);
  changed->partitions[0].max_time = 3h;
  EXPECT_TRUE(run(Reconfigure{admin(), changed}).ok());
  pass();
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(state(slow), JobState::starting);
}

TEST_F(AdmissionTest, EnforcedLimitsRefuseInstead) {
  config->enforce_part_limits = true;
  JobSpec spec = batch_spec();
  spec.time_limit = 2h;
  EXPECT_EQ(submit(spec).error().code, ErrorCode::invalid);
  spec = batch_spec();
  spec.cpus_per_task = 5;
  EXPECT_EQ(submit(spec).error().text,
            "5 cpus a task asked, 4 are on the largest node of partition main");
}

TEST_F(AdmissionTest, DefaultsAreFilledIn) {
  const JobId id = submitted(batch_spec());
  EXPECT_EQ(job(id).time_limit, Seconds{600});
  EXPECT_EQ(job(id).spec->partition, "main");
  EXPECT_EQ(job(id).spec->image.name, "host");
}

TEST_F(AdmissionTest, APartitionSaysWhichImagesAndWhetherRoot) {
  JobSpec spec = batch_spec();
  spec.partition = "strict";
  EXPECT_EQ(job(submitted(spec)).spec->image.name, "reg.lab/base:1");
  spec.image.name = "reg.lab#tools";
  EXPECT_TRUE(submit(spec).ok());
  spec.image.name = "debian:12";
  EXPECT_EQ(submit(spec).error().text,
            "image docker.io/library/debian:12 is not allowed in partition strict, which takes "
            "reg.lab/*");
  spec.image.name = "host";
  EXPECT_EQ(submit(spec, admin()).error().code, ErrorCode::denied);
  spec.image.name.clear();
  spec.image.root_inside = true;
  EXPECT_EQ(submit(spec).error().text,
            "partition strict lets no job be root inside; leave out --root");
  spec.partition = "main";
  EXPECT_TRUE(submit(spec).ok());
}

TEST_F(AdmissionTest, RootAndLimitsOfTheCluster) {
  EXPECT_EQ(submit(batch_spec(), user("root", 0)).error().code, ErrorCode::denied);
  config->max_jobs = 2;
  submitted(batch_spec());
  submitted(batch_spec());
  const auto third = submit(batch_spec());
  EXPECT_EQ(third.error().code, ErrorCode::exhausted);
  EXPECT_EQ(third.error().text, "2 jobs are known, max_jobs is 2");
}

TEST_F(AdmissionTest, TestOnlyTellsWhenAndWhereAndChangesNothing) {
  JobSpec spec = batch_spec();
  spec.cpus_per_task = 4;
  const JobId first = running(spec);
  const auto reply = run(Submit{user("alice", 1001), {}, spec, digest_of("s"), {}, true});
  const auto told = std::get<Submitted>(reply.value());
  EXPECT_EQ(told.job, JobId{});
  EXPECT_EQ(told.expected_start, job(first).start_time + 600s);
  EXPECT_EQ(told.expected_nodes, std::vector<std::string>{"n1"});
  EXPECT_EQ(cluster->jobs().size(), 1u);
}

TEST_F(AdmissionTest, GroupsOpenPartitionsAndNodeLimitsHoldThere) {
  Actor chief = user("carol", 1003);
  chief.groups = {"chiefs"};
  JobSpec spec = batch_spec();
  spec.partition = "large";
  spec.nodes_min = 3;
  const auto reply = submit(spec, chief);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(job(std::get<Submitted>(*reply).job).reason_text,
            "3 nodes asked, a job of partition large may have 2");
}

}  // namespace
}  // namespace gd::core
