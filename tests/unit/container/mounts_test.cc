// The mount tree as data: what is on the list, in which order, and what is refused.
#include "server/container/mounts.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>

namespace gd::container {
namespace {

LaunchPlan plan_with_home() {
  LaunchPlan plan;
  plan.identity = {.uid = 1001,
                   .gid = 1001,
                   .groups = {},
                   .user = "ann",
                   .group = "ann",
                   .home = "/home/ann",
                   .shell = ""};
  plan.subordinate = {1'000'000, kMinSubordinateIds};
  MountSpec home;
  home.source_fd = 7;
  home.target = "/home/ann";
  plan.mounts = {home};
  return plan;
}

MountTree tree_of(const LaunchPlan& plan, const std::vector<HostMount>& host) {
  return build_mounts(plan, *compute_maps(plan.identity, plan.subordinate, plan.root_mode), host,
                      {});
}

std::ptrdiff_t place(const MountTree& tree, OpKind kind, const std::string& target) {
  const auto found = std::find_if(tree.ops.begin(), tree.ops.end(), [&](const MountOp& op) {
    return op.kind == kind && op.target == target;
  });
  return found == tree.ops.end() ? -1 : found - tree.ops.begin();
}

constexpr char kMountinfo[] =
    "22 27 0:21 / /proc rw - proc proc rw\n"
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    "28 27 0:9 / /data rw shared:3 - nfs4 srv:/data rw\n"
    "29 27 0:9 / /my\\040data rw shared:3 master:4 - xfs /dev/b rw\n"
    "30 27 0:9 / /tmp/x rw - ext4 /dev/c rw\n"
    "31 27 0:9 / /mnt/scratch rw - tmpfs t rw\n"
    "32 27 0:9 / /home/ann rw - ext4 /dev/d rw\n"
    "33 28 0:9 / /data rw - ext4 /dev/e rw\n"
    "34 27 0:9 / /var/lib/docker/overlay2/x/merged rw - overlay o rw\n"
    "malformed\n";

TEST(HostMounts, AreTheRealOnesInOrder) {
  const std::vector<HostMount> expected = {
      {"/data", "nfs4"}, {"/my data", "xfs"}, {"/home/ann", "ext4"}};
  EXPECT_EQ(parse_host_mounts(kMountinfo), expected);
}

TEST(HostMounts, StopAtKMaxHostMounts) {
  std::string text;
  for (size_t i = 0; i <= kMaxHostMounts; ++i) {
    text += "1 1 0:1 / /m" + std::to_string(i) + " rw - ext4 /dev/a rw\n";
  }
  EXPECT_EQ(parse_host_mounts(text).size(), kMaxHostMounts);
}

TEST(MountTree, HostFileSystemsAreReadOnlyAndIdMapped) {
  const MountTree tree = tree_of(plan_with_home(), parse_host_mounts(kMountinfo));
  const std::ptrdiff_t data = place(tree, OpKind::bind, "/data");
  ASSERT_GE(data, 0);
  const MountOp& op = tree.ops[static_cast<size_t>(data)];
  EXPECT_EQ(op.access, Access::read_only);
  EXPECT_TRUE(op.id_mapped);
}

TEST(MountTree, TheHomeIsBoundOnceAndIsHers) {
  const MountTree tree = tree_of(plan_with_home(), parse_host_mounts(kMountinfo));
  const auto homes = std::count_if(tree.ops.begin(), tree.ops.end(),
                                   [](const MountOp& op) { return op.target == "/home/ann"; });
  EXPECT_EQ(homes, 1);
  const MountOp& op = tree.ops[static_cast<size_t>(place(tree, OpKind::bind, "/home/ann"))];
  EXPECT_EQ(op.source_fd, 7);
  EXPECT_EQ(op.access, Access::read_write);
  EXPECT_FALSE(op.id_mapped);
}

TEST(MountTree, MasksComeAfterEverythingElse) {
  const MountTree tree = tree_of(plan_with_home(), {});
  const std::ptrdiff_t kcore = place(tree, OpKind::mask, "/proc/kcore");
  EXPECT_GT(kcore, place(tree, OpKind::bind, "/home/ann"));
  EXPECT_GT(place(tree, OpKind::read_only, "/proc/sys"), place(tree, OpKind::proc, "/proc"));
  EXPECT_GE(place(tree, OpKind::read_only, "/proc/sysrq-trigger"), 0);
  EXPECT_GE(place(tree, OpKind::mask, "/sys/firmware"), 0);
}

TEST(MountTree, EverythingIsNosuidAndNodevButDev) {
  const MountTree tree = tree_of(plan_with_home(), {});
  ASSERT_TRUE(check(tree).ok());
  for (const char* bad : {"/tmp", "/run"}) {
    MountTree spoiled = tree;
    spoiled.ops[static_cast<size_t>(place(tree, OpKind::tmpfs, bad))].flags = MS_NOSUID;
    EXPECT_FALSE(check(spoiled).ok()) << bad;
  }
  MountTree spoiled = tree;
  spoiled.ops[static_cast<size_t>(place(tree, OpKind::tmpfs, "/dev"))].flags = 0;
  EXPECT_FALSE(check(spoiled).ok());
}

TEST(MountTree, BadTargetsAndTooManyAreRefused) {
  MountTree tree = tree_of(plan_with_home(), {});
  MountOp op;
  for (const char* bad : {"relative", "/", "/a/../b", "/a//b", ""}) {
    MountTree spoiled = tree;
    op.target = bad;
    spoiled.ops.push_back(op);
    EXPECT_FALSE(check(spoiled).ok()) << bad;
  }
  op.target = "/ok";
  while (tree.ops.size() < kMaxOperations) tree.ops.push_back(op);
  EXPECT_TRUE(check(tree).ok());
  tree.ops.push_back(op);
  EXPECT_FALSE(check(tree).ok());
}

TEST(MountTree, CgroupViewOnlyWhereTheTreeLimits) {
  LaunchPlan plan = plan_with_home();
  plan.cgroup.unified_fd = 5;
  EXPECT_GE(place(tree_of(plan, {}), OpKind::cgroup2, "/sys/fs/cgroup"), 0);
  plan.cgroup.procs_fds = {6};
  EXPECT_EQ(place(tree_of(plan, {}), OpKind::cgroup2, "/sys/fs/cgroup"), -1);
}

TEST(MountTree, RootOfTheImageIsTheMappedOne) {
  LaunchPlan plan = plan_with_home();
  EXPECT_EQ(tree_of(plan, {}).root_uid, 1'000'000U);
  plan.root_mode = RootMode::root_inside;
  EXPECT_EQ(tree_of(plan, {}).root_uid, 1001U);
}

}  // namespace
}  // namespace gd::container
