// What the mount table says about control groups, and the names of ours.
#include <gtest/gtest.h>

#include "server/container/cgroup.h"
#include "server/container/cgroup_backend.h"

namespace gd::container {
namespace {

TEST(CgroupMounts, Hybrid) {
  const CgroupMounts mounts = parse_cgroup_mounts(
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n");
  EXPECT_EQ(mounts.unified, "/sys/fs/cgroup/unified");
  const std::map<std::string, std::string> expected = {{"cpu", "/sys/fs/cgroup/cpu,cpuacct"},
                                                       {"cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
                                                       {"memory", "/sys/fs/cgroup/memory"}};
  EXPECT_EQ(mounts.v1, expected);
}

TEST(CgroupMounts, Unified) {
  const CgroupMounts mounts =
      parse_cgroup_mounts("30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n\nx\n");
  EXPECT_EQ(mounts.unified, "/sys/fs/cgroup");
  EXPECT_TRUE(mounts.v1.empty());
}

TEST(CgroupMounts, OwnGroupIsTheLineOfV2) {
  EXPECT_EQ(parse_own_group("4:memory:/a\n0::/user.slice/x\n"), "/user.slice/x");
  EXPECT_EQ(parse_own_group("4:memory:/a\n"), "");
}

TEST(GroupNames, GoBothWays) {
  EXPECT_EQ(group_name(42, 7), "job_42.7");
  const std::optional<GroupNumbers> numbers = parse_group_name("job_42.7");
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->job, 42U);
  EXPECT_EQ(numbers->launch, 7U);
  for (const char* other : {"job_", "job_1", "job_1.", "job_.1", "job_1.2.3", "job_01.2", "job_1.x",
                            "step_1.2", "", "job_99999999999999999999.1"}) {
    EXPECT_FALSE(parse_group_name(other)) << other;
  }
}

TEST(ControlFiles, ValuesAreSummedOverLines) {
  EXPECT_EQ(value_of("populated 1\nfrozen 0\n", "populated"), 1U);
  EXPECT_EQ(value_of("oom 5\noom_kill 3\noom_kill 2\n", "oom_kill"), 5U);
  EXPECT_EQ(value_of("oom_kill_disable 1\n", "oom_kill"), 0U);
  EXPECT_EQ(value_of("", "x"), 0U);
}

TEST(ControlFiles, QuotaIsTimeOfAPeriod) {
  EXPECT_EQ(quota_us(1500), 150'000U);
  EXPECT_EQ(quota_us(1), 1000U);  // the least that the kernel takes
}

}  // namespace
}  // namespace gd::container
