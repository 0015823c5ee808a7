// Real groups: limits that hold, deaths that are told apart, and nothing left behind.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "server/container/sweep.h"
#include "server/container/syscalls.h"
#include "tests/container/fixture.h"

namespace gd::container {
namespace {

class CgroupTest : public ContainerTest {
 protected:
  Cgroup make_group(const std::string& name, const CgroupLimits& limits) {
    Result<Cgroup> group = tree_->create(name);
    EXPECT_TRUE(group.ok()) << group.error().text;
    const Result<std::vector<std::string>> warnings = group->set_limits(limits);
    EXPECT_TRUE(warnings.ok()) << warnings.error().text;
    return std::move(group).take();
  }

  Outcome run_in(Cgroup& group, LaunchPlan plan) {
    const Result<CgroupAttach> attach = group.attach_points();
    EXPECT_TRUE(attach.ok()) << attach.error().text;
    plan.cgroup = *attach;
    return run(std::move(plan));
  }

  Tree& tree() { return *tree_; }

 private:
  TestTree tree_;
};

TEST_F(CgroupTest, AForkBombStopsAtThePidLimit) {
  Cgroup group = make_group("bomb", {.pids = 20});
  const Outcome outcome = run_in(group, helper_plan({"fork-bomb"}));
  // 20 with the monitor and the bomb itself.
  EXPECT_EQ(outcome.output, "got 18: Resource temporarily unavailable\n") << outcome.error;
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, AMemoryBombIsToldApartFromOtherDeaths) {
  Cgroup group = make_group("eater", {.memory_bytes = uint64_t{64} << 20});
  EXPECT_EQ(run_in(group, helper_plan({"eat", "32"})).output, "ate 32\n");
  EXPECT_EQ(group.usage()->oom_kills, 0U);
  EXPECT_TRUE(run_in(group, helper_plan({"raise", "9"})).killed_by(SIGKILL));
  EXPECT_EQ(group.usage()->oom_kills, 0U);
  EXPECT_TRUE(run_in(group, helper_plan({"eat", "128"})).killed_by(SIGKILL));
  const Result<CgroupUsage> usage = group.usage();
  EXPECT_EQ(usage->oom_kills, 1U);
  EXPECT_GT(usage->memory_peak_bytes, uint64_t{32} << 20);
  EXPECT_GT(usage->cpu_ns, 0U);
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, AStepsDeathByMemoryCountsForTheJob) {
  Cgroup group = make_group("job_1.1", {.memory_bytes = uint64_t{64} << 20});
  Result<Cgroup> step = group.make_step("0");
  ASSERT_TRUE(step.ok()) << step.error().text;
  EXPECT_TRUE(run_in(*step, helper_plan({"eat", "128"})).killed_by(SIGKILL));
  EXPECT_EQ(group.usage()->oom_kills, 1U);
  EXPECT_TRUE(step->destroy(kWaitMs).ok());
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, TheWritableLayerCountsAsTheJobsMemory) {
  Cgroup group = make_group("writer", {.memory_bytes = uint64_t{64} << 20});
  const Outcome outcome =
      run_in(group, shell_plan("dd if=/dev/zero of=/tmp/big bs=1M count=200 2>/dev/null; echo $?"));
  EXPECT_NE(outcome.output, "0\n");
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, OnlyStandardDevicesOpen) {
  Cgroup group = make_group("devices", {.devices = std::vector<DeviceRule>{}});
  // The node's own root, who could open everything, enters the group.
  const CgroupAttach attach = *group.attach_points();
  const auto open_in_group = [&attach](const char* path, int expected) {
    clone_args args{};
    args.exit_signal = SIGCHLD;
    if (attach.unified_fd >= 0) {
      args.flags = CLONE_INTO_CGROUP;
      args.cgroup = static_cast<uint64_t>(attach.unified_fd);
    }
    const pid_t child = sys_clone3(&args);
    if (child == 0) {
      for (const int fd : attach.procs_fds) (void)!::write(fd, "0", 1);
      const int fd = ::open(path, O_RDONLY);
      ::_exit((fd >= 0 ? 0 : errno) == expected ? 0 : 1);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && status == 0;
  };
  EXPECT_TRUE(open_in_group("/dev/zero", 0));
  EXPECT_TRUE(open_in_group("/dev/kmsg", EPERM));
  EXPECT_EQ(run_in(group, shell_plan("head -c 1 /dev/zero | wc -c")).output, "1\n");
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, DestroyKillsWhatForksAndLeavesNothing) {
  Cgroup group = make_group("forks", {.pids = 50});
  const Result<CgroupAttach> attach = group.attach_points();
  LaunchPlan plan = shell_plan("while :; do (sleep 1000 &); done");
  plan.cgroup = *attach;
  Result<Process> process = engine().launch(plan);
  ASSERT_TRUE(process.ok()) << process.error().text;
  EXPECT_TRUE(*group.populated());
  const Result<void> done = group.destroy(kWaitMs);
  EXPECT_TRUE(done.ok()) << done.error().text;
  EXPECT_TRUE(process->wait(kWaitMs).ok());
  EXPECT_TRUE(tree().list()->empty());
  EXPECT_FALSE(group.usage().ok());
  EXPECT_TRUE(group.destroy(kWaitMs).ok()) << "a group that is gone is no fault";
}

std::set<std::string> mounts_of_node() {
  const Result<Bytes> text = read_file("/proc/self/mountinfo");
  std::set<std::string> lines;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    lines.insert(text->substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST_F(CgroupTest, NothingIsLeftAfterAKill) {
  const std::set<std::string> before = mounts_of_node();
  {
    Cgroup group = make_group("killed", {});
    LaunchPlan plan = shell_plan("sleep 1000 & sleep 1000");
    plan.cgroup = *group.attach_points();
    Result<Process> process = engine().launch(plan);
    ASSERT_TRUE(process.ok()) << process.error().text;
    EXPECT_EQ(mounts_of_node(), before) << "a mount of the container shows on the node";
    ASSERT_TRUE(process->kill().ok());
    const Result<ExitReport> report = process->wait(kWaitMs);
    EXPECT_EQ(report->kind, ExitReport::Kind::lost);
    EXPECT_EQ(report->wait_status, SIGKILL);
    EXPECT_TRUE(group.wait_empty(kWaitMs).ok());
    EXPECT_TRUE(group.processes()->empty());
    EXPECT_TRUE(group.destroy(kWaitMs).ok());
  }
  EXPECT_EQ(mounts_of_node(), before);
  EXPECT_TRUE(tree().list()->empty());
}

TEST_F(CgroupTest, ASweepEndsWhatNobodyOwns) {
  Cgroup owned = make_group("job_1.1", {});
  Cgroup lost = make_group("job_2.1", {});
  LaunchPlan plan = helper_plan({"sleep"});
  plan.cgroup = *lost.attach_points();
  Result<Process> process = engine().launch(plan);
  ASSERT_TRUE(process.ok()) << process.error().text;
  const Result<std::vector<Leftover>> found =
      leftovers(tree(), [](const std::string& name) { return name == "job_1.1"; });
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ((*found)[0].group, "job_2.1");
  EXPECT_EQ((*found)[0].processes.size(), 2U);  // the monitor and the program
  EXPECT_TRUE(sweep(tree(), *found, kWaitMs).ok());
  EXPECT_TRUE(process->wait(kWaitMs).ok());
  EXPECT_EQ(*tree().list(), std::vector<std::string>{"job_1.1"});
  EXPECT_TRUE(owned.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, NamesAreCheckedAndTakenOnce) {
  for (const char* bad : {"", ".", "..", "a/b", "daemon"}) EXPECT_FALSE(tree().create(bad).ok());
  Cgroup group = make_group("once", {});
  EXPECT_EQ(tree().create("once").error().code, ErrorCode::exists);
  EXPECT_EQ(tree().open("none").error().code, ErrorCode::not_found);
  EXPECT_FALSE(group.make_step("../x").ok());
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

TEST_F(CgroupTest, CpusAreLimitedByQuotaAndSet) {
  Cgroup group = make_group("cpus", {.cpu_milli = 500, .cpuset = "0"});
  const Outcome outcome =
      run_in(group, shell_plan("grep Cpus_allowed_list /proc/self/status | tr -d '\\t'"));
  EXPECT_EQ(outcome.output, "Cpus_allowed_list:0\n");
  EXPECT_TRUE(group.destroy(kWaitMs).ok());
}

}  // namespace
}  // namespace gd::container
