// What a job finds in its environment: Slurm's words, and nothing that was not asked for.
#include "server/agent/step_environment.h"

#include <gtest/gtest.h>

#include "proto/task_layout.h"

namespace gd::agent {
namespace {

StepLaunch launch_on(std::vector<std::string> nodes, std::vector<uint32_t> cpus) {
  StepLaunch launch;
  launch.job = JobId{42};
  launch.step = kBatchStep;
  launch.uid = 1001;
  launch.gid = 100;
  launch.user = "ada";
  launch.cluster = "lab";
  launch.partition = "short";
  launch.spec.name = "fit";
  launch.spec.submit_dir = "/home/ada/work";
  launch.nodes = std::move(nodes);
  launch.cpus_per_node = std::move(cpus);
  return launch;
}

const StepUser kAda{.name = "ada", .home = "/home/ada", .shell = "/bin/bash", .group = "users"};

Environment of(const StepLaunch& launch, Environment exported = {}) {
  return step_environment(launch, std::move(exported), kAda, "n1");
}

TEST(StepEnvironmentTest, TellsTheJobItsPlace) {
  const Environment env = of(launch_on({"n1", "n2", "n3"}, {4, 4, 2}));
  EXPECT_EQ(env.at("SLURM_JOB_ID"), "42");
  EXPECT_EQ(env.at("SLURM_JOBID"), "42");
  EXPECT_EQ(env.at("SLURM_JOB_NODELIST"), "n[1-3]");
  EXPECT_EQ(env.at("SLURM_NNODES"), "3");
  EXPECT_EQ(env.at("SLURM_JOB_CPUS_PER_NODE"), "4(x2),2");
  EXPECT_EQ(env.at("SLURM_CPUS_ON_NODE"), "4");
  EXPECT_EQ(env.at("SLURM_SUBMIT_DIR"), "/home/ada/work");
  EXPECT_EQ(env.at("SLURM_PROCID"), "0");
  EXPECT_EQ(env.at("ENVIRONMENT"), "BATCH");
  EXPECT_EQ(env.at("GD_IMAGE"), "host");
}

TEST(StepEnvironmentTest, SaysNothingOfWhatWasNotAsked) {
  const Environment env = of(launch_on({"n1"}, {1}));
  for (const char* key :
       {"SLURM_NTASKS", "SLURM_NPROCS", "SLURM_CPUS_PER_TASK", "SLURM_NTASKS_PER_NODE",
        "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_RESTART_COUNT", "SLURM_STEP_ID"}) {
    EXPECT_FALSE(env.contains(key)) << key;
  }
}

TEST(StepEnvironmentTest, SaysWhatWasAsked) {
  StepLaunch launch = launch_on({"n1", "n2"}, {4, 2});
  launch.spec.tasks = 3;
  launch.spec.cpus_per_task = 2;
  launch.spec.memory_per_node_mib = 512;
  launch.restarts = 2;
  const Environment env = of(launch);
  EXPECT_EQ(env.at("SLURM_NTASKS"), "3");
  EXPECT_EQ(env.at("SLURM_CPUS_PER_TASK"), "2");
  EXPECT_EQ(env.at("SLURM_MEM_PER_NODE"), "512");
  EXPECT_EQ(env.at("SLURM_TASKS_PER_NODE"), "2,1");
  EXPECT_EQ(env.at("SLURM_RESTART_COUNT"), "2");
}

TEST(StepEnvironmentTest, AnOuterJobsNumbersDoNotComeAlong) {
  const Environment env =
      of(launch_on({"n1"}, {1}), {{"SLURM_NTASKS", "64"}, {"SLURM_JOB_ID", "7"}, {"MINE", "1"}});
  EXPECT_FALSE(env.contains("SLURM_NTASKS"));
  EXPECT_EQ(env.at("SLURM_JOB_ID"), "42");
  EXPECT_EQ(env.at("MINE"), "1");
}

TEST(StepEnvironmentTest, IdentityIsTheNodesAndTemporaryFilesTheJobs) {
  const Environment env =
      of(launch_on({"n1"}, {1}),
         {{"HOME", "/root"}, {"USER", "root"}, {"TMPDIR", "/tmp/login-17"}, {"SHELL", "/bin/zsh"}});
  EXPECT_EQ(env.at("HOME"), "/home/ada");
  EXPECT_EQ(env.at("USER"), "ada");
  EXPECT_EQ(env.at("TMPDIR"), "/tmp");
  EXPECT_EQ(env.at("SHELL"), "/bin/zsh");
  EXPECT_EQ(of(launch_on({"n1"}, {1}), {{"TMPDIR", "/home/ada/t"}}).at("TMPDIR"), "/home/ada/t");
}

TEST(StepEnvironmentTest, ParsesWhatTravelled) {
  const Result<Environment> env = parse_environment(std::string("A=1\0B=x=y\0\0C=\0", 14));
  ASSERT_TRUE(env.ok()) << env.error().text;
  EXPECT_EQ(*env, (Environment{{"A", "1"}, {"B", "x=y"}, {"C", ""}}));
  EXPECT_FALSE(parse_environment("nothing").ok());
  EXPECT_EQ(render_environment({{"B", "2"}, {"A", "1"}}), (std::vector<std::string>{"A=1", "B=2"}));
}

TEST(RunLengthsTest, EqualNeighboursAreCounted) {
  EXPECT_EQ(run_lengths({}), "");
  EXPECT_EQ(run_lengths({2, 2, 2, 1}), "2(x3),1");
  EXPECT_EQ(run_lengths({1, 2, 1}), "1,2,1");
}

TEST(TasksPerNodeTest, EveryNodeHasOneBeforeAnyHasTwo) {
  StepLaunch launch = launch_on({"a", "b", "c"}, {4, 4, 4});
  launch.spec.tasks = 5;
  EXPECT_EQ(tasks_per_node(launch.spec, launch.cpus_per_node), (std::vector<uint32_t>{3, 1, 1}));
  launch.spec.tasks = 2;
  EXPECT_EQ(tasks_per_node(launch.spec, launch.cpus_per_node), (std::vector<uint32_t>{1, 1, 0}));
  launch.spec.tasks_per_node = 2;
  launch.spec.tasks = 5;
  EXPECT_EQ(tasks_per_node(launch.spec, launch.cpus_per_node), (std::vector<uint32_t>{2, 2, 1}));
}

}  // namespace
}  // namespace gd::agent
