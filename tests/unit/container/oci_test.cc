// What a runtime is told: the bundle's description, and pid 1's task.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/container/engine.h"
#include "server/container/init_task.h"
#include "server/container/oci_config.h"

namespace gd::container {
namespace {

using nlohmann::json;

LaunchPlan plan_of_alice() {
  LaunchPlan plan;
  plan.identity = {.uid = 1000,
                   .gid = 100,
                   .groups = {{50, "lab"}, {70'000, "far"}},
                   .user = "alice",
                   .group = "users",
                   .home = "/home/alice",
                   .shell = "/bin/sh"};
  plan.subordinate = {2'000'000, kMinSubordinateIds};
  plan.hostname = "n1";
  plan.image = {ImageKind::directory, "/images/debian"};
  plan.process.keep_capabilities = {"cap_chown"};
  return plan;
}

json config_of(const LaunchPlan& plan) {
  const Result<IdMaps> maps = compute_maps(plan.identity, plan.subordinate, plan.root_mode);
  MountTree tree = build_mounts(plan, *maps, {}, {});
  hand_to_runtime(tree, plan.network);
  return json::parse(oci_config(plan, tree, *maps, "/stage/root"));
}

std::set<std::string> all(const json& list, const char* key) {
  std::set<std::string> values;
  for (const json& each : list) values.insert(each[key].get<std::string>());
  return values;
}

TEST(OciConfigTest, TheProcessIsTheUserWithNothingButWhatIsKept) {
  const json process = config_of(plan_of_alice())["process"];
  EXPECT_EQ(process["user"]["uid"], 1000);
  EXPECT_EQ(process["user"]["gid"], 100);
  EXPECT_EQ(process["user"]["additionalGids"], json({50, 70'000}));
  EXPECT_EQ(process["args"], json({kInitPath}));
  EXPECT_EQ(process["noNewPrivileges"], true);
  EXPECT_EQ(process["capabilities"]["bounding"], json({"CAP_CHOWN"}));
  EXPECT_FALSE(process["capabilities"].contains("ambient"));
}

TEST(OciConfigTest, RootInsideIsTheUserOutside) {
  LaunchPlan plan = plan_of_alice();
  plan.root_mode = RootMode::root_inside;
  const json config = config_of(plan);
  EXPECT_EQ(config["process"]["user"]["uid"], 0);
  bool she = false;
  for (const json& extent : config["linux"]["uidMappings"]) {
    if (extent["containerID"] == 0) she = extent["hostID"] == 1000 && extent["size"] == 1;
  }
  EXPECT_TRUE(she);
}

TEST(OciConfigTest, TheRuntimeMountsWhatOnlyItCan) {
  LaunchPlan plan = plan_of_alice();
  json config = config_of(plan);
  EXPECT_EQ(all(config["mounts"], "destination"),
            (std::set<std::string>{"/proc", "/dev/pts", "/dev/mqueue"}));
  EXPECT_EQ(all(config["linux"]["namespaces"], "type"),
            (std::set<std::string>{"user", "mount", "pid", "ipc", "uts", "cgroup"}));
  plan.network = Network::none;
  config = config_of(plan);
  EXPECT_TRUE(all(config["mounts"], "destination").contains("/sys"));
  EXPECT_TRUE(all(config["linux"]["namespaces"], "type").contains("network"));
  for (const json& mount : config["mounts"]) {
    const auto options = mount["options"].get<std::set<std::string>>();
    EXPECT_TRUE(options.contains("nosuid")) << mount;
    EXPECT_TRUE(options.contains("nodev") || mount["destination"] == "/dev/pts") << mount;
  }
}

TEST(OciConfigTest, TheSamePathsAreHiddenAsInOurOwnContainers) {
  const json linux_part = config_of(plan_of_alice())["linux"];
  EXPECT_NE(std::ranges::find(linux_part["maskedPaths"], "/proc/kcore"),
            linux_part["maskedPaths"].end());
  EXPECT_NE(std::ranges::find(linux_part["readonlyPaths"], "/proc/sys"),
            linux_part["readonlyPaths"].end());
}

// With one of these inside, the container would be its own master.
TEST(OciEngineTest, CapabilitiesOverItsOwnNamespacesAreRefused) {
  LaunchPlan plan = plan_of_alice();
  plan.root_mode = RootMode::root_inside;
  plan.process.argv = {"true"};
  plan.process.keep_capabilities = {"cap_sys_admin"};
  const OciEngine engine({.runtime = "/usr/bin/crun", .init = "/gdinit"});
  const Result<Process> refused = engine.launch(plan);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().text,
            "cap_sys_admin cannot be kept in a container by /usr/bin/crun, which would be its "
            "own master with it");
}

InitTask task_of_all_fields() {
  InitTask task;
  task.first_step = 9;
  task.lifetime = Lifetime::until_closed;
  ProcessPlan& process = task.process;
  process.argv = {"sh", "-c", std::string("a\0b", 3)};
  process.env = {"A=1", "B="};
  process.cwd = "/work";
  process.cwd_fallback = "/tmp";
  process.umask = 027;
  process.rlimits = {{1, 2, kUnlimited}};
  process.seccomp = std::string(16, '\1');
  process.stdio.terminal = TerminalSize{50, 132};
  return task;
}

TEST(InitTaskTest, ComesThroughWhole) {
  const Result<InitTask> got = parse_init_task(render_init_task(task_of_all_fields()));
  ASSERT_TRUE(got.ok()) << got.error().text;
  const ProcessPlan& process = got->process;
  EXPECT_EQ(got->first_step, 9);
  EXPECT_EQ(got->lifetime, Lifetime::until_closed);
  EXPECT_EQ(process.argv, task_of_all_fields().process.argv);
  EXPECT_EQ(process.env, (std::vector<std::string>{"A=1", "B="}));
  EXPECT_EQ(process.cwd, "/work");
  EXPECT_EQ(process.cwd_fallback, "/tmp");
  EXPECT_EQ(process.umask, 027U);
  EXPECT_EQ(process.rlimits, (std::vector<ResourceLimit>{{1, 2, kUnlimited}}));
  EXPECT_EQ(process.seccomp, std::string(16, '\1'));
  ASSERT_TRUE(process.stdio.terminal);
  EXPECT_EQ(process.stdio.terminal->columns, 132);
}

TEST(InitTaskTest, TornAtAnyPlaceItIsRefused) {
  const std::string whole = render_init_task(task_of_all_fields());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_init_task(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(parse_init_task(whole + "x").ok());
}

TEST(InitTaskTest, ListsHaveTheirLimits) {
  InitTask task;
  task.process.rlimits.assign(kMaxTaskLimits, {1, 2, 3});
  EXPECT_TRUE(parse_init_task(render_init_task(task)).ok());
  task.process.rlimits.push_back({1, 2, 3});
  EXPECT_FALSE(parse_init_task(render_init_task(task)).ok());
  InitTask large;
  large.process.cwd.assign(kMaxInitTaskBytes - render_init_task({}).size() + 1, 'x');
  EXPECT_TRUE(parse_init_task(render_init_task(large)).ok());
  large.process.cwd += 'x';
  EXPECT_FALSE(parse_init_task(render_init_task(large)).ok());
}

}  // namespace
}  // namespace gd::container
