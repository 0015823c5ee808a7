// slurm.conf to gd.conf: what is carried over, and what is named because it is not.
#include "cmd/import_slurm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/settings.h"

namespace gd::cmd {
namespace {

constexpr char kSite[] = R"(# a site
ClusterName=lab
SlurmctldHost=head(10.0.0.1)
SlurmctldHost=spare
SelectType=select/cons_tres
MinJobAge=600
KillWait=20   # between the signals
SlurmdTimeout=120
MaxArraySize=5000
EnforcePartLimits=ALL
SchedulerType=sched/builtin
PriorityMaxAge=7-0
PrivateData=jobs,usage
PreemptMode=REQUEUE
PreemptType=preempt/partition_prio
PreemptExemptTime=00:10:00
NodeName=DEFAULT Sockets=2 CoresPerSocket=8 \
  ThreadsPerCore=2
NodeName=n[1-4] RealMemory=64000 Feature=avx,ib Gres=gpu:2
PartitionName=DEFAULT MaxTime=1-0 State=UP
PartitionName=short Nodes=n[1-2] Default=YES DefaultTime=30 PriorityTier=10 PreemptMode=OFF \
  GraceTime=30
PartitionName=long Nodes=ALL MaxTime=INFINITE AllowGroups=staff AllowAccounts=a
)";

TEST(ImportSlurm, CarriesASiteOver) {
  const auto made = import_slurm(kSite, "slurm.conf");
  ASSERT_TRUE(made.ok()) << made.error().text;
  EXPECT_EQ(made->config,
            "# Made from slurm.conf by gdctl import.\n"
            "cluster = lab\ncontroller = 10.0.0.1:6820\nlisten = *:6820\n"
            "min_job_age = 600s\nkill_wait = 20s\nnode_timeout = 120s\nmax_array_size = 5000\n"
            "enforce_part_limits = yes\npolicy = fifo\npriority_age_max = 604800s\n"
            "private_data = yes\npreempt_mode = requeue\npreempt_type = partition_prio\n"
            "preempt_exempt_time = 600s\n"
            "\n[node n[1-4]]\ncpus = 32\nmemory = 64000M\nfeatures = avx,ib\n"
            "\n[partition short]\ndefault = yes\ndefault_time = 30\ngrace_time = 30s\n"
            "max_time = 1-0\nnodes = n[1-2]\npreempt_mode = off\npriority_tier = 10\n"
            "\n[partition long]\nallow_groups = staff\nmax_time = UNLIMITED\nnodes = ALL\n");
  const std::vector<std::string> expected = {
      "slurm.conf:4: SlurmctldHost=spare was not carried over: there is one controller",
      "slurm.conf:5: SelectType=select/cons_tres is not needed",
      "slurm.conf:19: Gres=gpu:2 was not carried over",
      "slurm.conf:23: AllowAccounts=a was not carried over"};
  EXPECT_EQ(made->notes, expected);
  const auto settings = parse_settings(made->config, "gd.conf");
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->partitions.size(), 2U);
  EXPECT_EQ(settings->controller.kill_wait, Seconds{20});
  EXPECT_EQ(settings->controller.preempt_mode, PreemptMode::requeue);
  const auto suspending = import_slurm("PreemptMode=SUSPEND,GANG\n", "slurm.conf");
  ASSERT_TRUE(suspending.ok());
  EXPECT_EQ(suspending->notes.front(),
            "slurm.conf:1: PreemptMode=SUSPEND,GANG was not carried over");
}

TEST(ImportSlurm, NamesTheLineThatItCannotRead) {
  EXPECT_EQ(import_slurm("ClusterName=a\n\nnonsense\n", "x.conf").error().text,
            "x.conf:3: 'nonsense' is not KEY=VALUE");
  EXPECT_EQ(import_slurm("A=\"b\n", "x").error().code, ErrorCode::invalid);
  EXPECT_EQ(import_slurm("ClusterName=two words\n", "x").error().code, ErrorCode::invalid);
}

TEST(ImportSlurm, ReadsUpToKMaxSlurmConfBytes) {
  EXPECT_TRUE(import_slurm(std::string(kMaxSlurmConfBytes, '\n'), "x").ok());
  EXPECT_FALSE(import_slurm(std::string(kMaxSlurmConfBytes + 1, '\n'), "x").ok());
}

TEST(ImportSlurm, AValueThatItDoesNotUnderstandIsNamed) {
  const auto made = import_slurm("MinJobAge=soon\nPartitionName=a Nodes=ALL MaxTime=later\n", "x");
  ASSERT_TRUE(made.ok()) << made.error().text;
  EXPECT_EQ(made->notes,
            (std::vector<std::string>{"x:1: MinJobAge=soon has a value that was not understood",
                                      "x:2: MaxTime=later was not carried over"}));
}

}  // namespace
}  // namespace gd::cmd
