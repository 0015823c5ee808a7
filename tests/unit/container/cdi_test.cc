// Descriptions of devices: what is taken from them, and what is refused.
#include "server/container/cdi.h"

#include <gtest/gtest.h>

#include "server/container/idmap.h"
#include "server/container/mounts.h"

namespace gd::container {
namespace {

std::string with_node(const std::string& node) {
  return R"({"kind":"gd.test/x","devices":[{"name":"0","containerEdits":{"deviceNodes":[)" + node +
         "]}}]}";
}

std::string refusal(const std::string& json) {
  const Result<CdiSpec> spec = parse_cdi(json);
  return spec.ok() ? "taken" : spec.error().text;
}

TEST(Cdi, NodesMountsAndVariables) {
  const Result<CdiSpec> spec = parse_cdi(
      R"({"cdiVersion":"0.5.0","kind":"gd.test/full","containerEdits":{"env":["ALL=1"]},
          "devices":[{"name":"0","containerEdits":{
            "deviceNodes":[{"path":"/dev/x/full0","hostPath":"/dev/full","major":1,"minor":7,
                            "type":"c","permissions":"r"},{"path":"/dev/other"}],
            "mounts":[{"hostPath":"/a","containerPath":"/b","options":["ro","bind"]}],
            "env":["N=0"]}}]})");
  ASSERT_TRUE(spec.ok()) << spec.error().text;
  EXPECT_EQ(spec->kind, "gd.test/full");
  EXPECT_EQ(spec->common.env, std::vector<std::string>{"ALL=1"});
  const CdiEdits& edits = spec->devices.at("0");
  ASSERT_EQ(edits.nodes.size(), 2U);
  EXPECT_EQ(edits.nodes[0], (CdiNode{.path = "/dev/x/full0",
                                     .host_path = "/dev/full",
                                     .major = 1,
                                     .minor = 7,
                                     .access = "r"}));
  EXPECT_EQ(edits.nodes[1], (CdiNode{.path = "/dev/other", .host_path = "/dev/other"}));
  EXPECT_EQ(edits.mounts, (std::vector<CdiMount>{{"/a", "/b", true}}));
  EXPECT_EQ(edits.env, std::vector<std::string>{"N=0"});
}

TEST(Cdi, WhatIsCommonComesOnce) {
  CdiEdits all{.nodes = {{.path = "/dev/a"}}, .env = {"A=1"}};
  append(all, {.nodes = {{.path = "/dev/a"}, {.path = "/dev/b"}}, .env = {"A=1", "B=2"}});
  EXPECT_EQ(all.nodes.size(), 2U);
  EXPECT_EQ(all.env, (std::vector<std::string>{"A=1", "B=2"}));
}

TEST(Cdi, WhatCannotBeBelievedOrDoneIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "no JSON"},
      {"[]", "no JSON object"},
      {"{}", "is not VENDOR/CLASS"},
      {R"({"kind":"no-slash"})", "is not VENDOR/CLASS"},
      {R"({"kind":7})", "kind is no text"},
      {R"({"kind":"a/b","devices":{}})", "devices is no list"},
      {R"({"kind":"a/b","devices":[7]})", "a device is no object"},
      {R"({"kind":"a/b","devices":[{"name":"a b"}]})", "names no device"},
      {R"({"kind":"a/b","devices":[{"name":"x"},{"name":"x"}]})", "is there twice"},
      {R"({"kind":"a/b","containerEdits":{"hooks":[{"path":"/x"}]}})", "hooks are not carried out"},
      {R"({"kind":"a/b","containerEdits":{"env":["X"]}})", "not NAME=value"},
      {R"({"kind":"a/b","containerEdits":{"mounts":[{"hostPath":"/a","containerPath":"b"}]}})",
       "not absolute"},
      {with_node(R"({"path":"/etc/x"})"), "is not below /dev"},
      {with_node(R"({"path":"/dev/../etc/x"})"), "has the part '..'"},
      {with_node(R"({"path":"/dev/x","major":1})"), "one of its two numbers"},
      {with_node(R"({"path":"/dev/x","major":-1,"minor":0})"), "no number of a device"},
      {with_node(R"({"path":"/dev/x","type":"p"})"), "not c or b"},
      {with_node(R"({"path":"/dev/x","permissions":"rwx"})"), "has the permissions"},
  };
  for (const auto& [json, words] : cases) {
    EXPECT_NE(refusal(json).find(words), std::string::npos) << json << ": " << refusal(json);
  }
}

TEST(Cdi, LimitsAreExact) {
  const auto devices = [](size_t count) {
    std::string json = R"({"kind":"a/b","devices":[)";
    for (size_t i = 0; i < count; ++i) {
      json += (i == 0 ? "" : ",") + (R"({"name":"n)" + std::to_string(i)) + "\"}";
    }
    return json + "]}";
  };
  EXPECT_EQ(refusal(devices(kMaxCdiDevices)), "taken");
  EXPECT_NE(refusal(devices(kMaxCdiDevices + 1)), "taken");
  const auto variables = [](size_t count) {
    std::string json = R"({"kind":"a/b","containerEdits":{"env":[)";
    for (size_t i = 0; i < count; ++i) json += (i == 0 ? "\"A=1\"" : ",\"A=1\"");
    return json + "]}}";
  };
  EXPECT_EQ(refusal(variables(kMaxCdiEdits)), "taken");
  EXPECT_NE(refusal(variables(kMaxCdiEdits + 1)), "taken");
  std::string large = R"({"kind":"a/b"})";
  large.resize(kMaxCdiBytes, ' ');
  EXPECT_EQ(refusal(large), "taken");
  EXPECT_NE(refusal(large + " "), "taken");
}

LaunchPlan plan_with(std::vector<DeviceSpec> devices) {
  LaunchPlan plan;
  plan.identity = {.uid = 1001, .gid = 1001, .groups = {}, .user = "ann", .home = "/home/ann"};
  plan.subordinate = {1'000'000, kMinSubordinateIds};
  plan.process.argv = {"true"};
  plan.devices = std::move(devices);
  return plan;
}

TEST(PlanDevices, ANodeIsTheUsersAloneAndItsFolderIsMade) {
  const LaunchPlan plan = plan_with({{.path = "/dev/x/a", .type = 'b', .major = 9, .minor = 8}});
  ASSERT_TRUE(validate(plan).ok());
  const IdMaps maps = *compute_maps(plan.identity, plan.subordinate, plan.root_mode);
  const MountTree tree = build_mounts(plan, maps, {}, {});
  const auto at = [&tree](const std::string& path) {
    return std::find_if(tree.ops.begin(), tree.ops.end(),
                        [&path](const MountOp& op) { return op.target == path; });
  };
  ASSERT_NE(at("/dev/x"), tree.ops.end());
  EXPECT_EQ(at("/dev/x")->kind, OpKind::folder);
  ASSERT_NE(at("/dev/x/a"), tree.ops.end());
  EXPECT_LT(at("/dev/x"), at("/dev/x/a"));
  EXPECT_EQ(at("/dev/x/a")->mode, 0600U);
  EXPECT_EQ(at("/dev/x/a")->uid, 1001U);
  EXPECT_TRUE(at("/dev/x/a")->block_device);
  MountTree handed = tree;
  hand_to_runtime(handed, Network::host);
  for (const MountOp& op : handed.ops) {
    if (op.kind != OpKind::device) continue;
    EXPECT_EQ(op.maker == Maker::us, op.target == "/dev/x/a") << op.target;
  }
}

TEST(PlanDevices, WhatIsNoNewDeviceIsRefused) {
  for (const char* path :
       {"/dev/null", "/dev/pts/0", "/dev/shm/x", "/etc/x", "dev/x", "/dev/../x"}) {
    EXPECT_FALSE(validate(plan_with({{.path = path}})).ok()) << path;
  }
  EXPECT_FALSE(validate(plan_with({{.path = "/dev/a"}, {.path = "/dev/a"}})).ok());
  EXPECT_FALSE(validate(plan_with({{.path = "/dev/a", .type = 'x'}})).ok());
  std::vector<DeviceSpec> many;
  for (size_t i = 0; i < kMaxDevices; ++i) many.push_back({.path = "/dev/d" + std::to_string(i)});
  EXPECT_TRUE(validate(plan_with(many)).ok());
  many.push_back({.path = "/dev/more"});
  EXPECT_FALSE(validate(plan_with(many)).ok());
}

}  // namespace
}  // namespace gd::container
