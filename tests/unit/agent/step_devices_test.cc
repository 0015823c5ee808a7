// Which devices a job gets: free ones of its GRES, allowed ones by name. Needs root.
#include "server/agent/step_devices.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

class StepDevicesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_directories(dir_ / "low", 0755).ok());
    ASSERT_TRUE(make_directories(dir_ / "high", 0755).ok());
    settings_.devices.cdi_dirs = {dir_ / "low", dir_ / "high", dir_ / "absent"};
    settings_.devices.gres = {{"gpu", "", "gd.test/gpu"}};
    settings_.devices.allow = {"gd.test/tty=*"};
    settings_.devices_dir = dir_ / "devices";
    put("low/gpu.json", R"({"kind":"gd.test/gpu","containerEdits":{"env":["ALL=1"]},"devices":[
        {"name":"0","containerEdits":{"deviceNodes":[{"path":"/dev/gpu0","hostPath":"/dev/full"}]}},
        {"name":"1","containerEdits":{"env":["OLD=1"]}}]})");
    put("high/gpu.json", R"({"kind":"gd.test/gpu","devices":[
        {"name":"1","containerEdits":{"env":["NEW=1"]}}]})");
    put("low/tty.json", R"({"kind":"gd.test/tty","devices":[{"name":"a"}]})");
    put("low/broken.json", "{");
    put("low/ignored.yaml", "kind: gd.test/yaml");
  }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(replace_file(dir_ / name, text, 0644).ok());
  }
  static StepLaunch job(uint32_t id, uint64_t gpus, std::vector<std::string> named = {}) {
    StepLaunch launch;
    launch.job = JobId{id};
    launch.launch = LaunchNumber{1};
    if (gpus > 0) launch.held.gres = {{"gpu", "", gpus}};
    launch.spec.devices = std::move(named);
    return launch;
  }

  const test::TempDir dir_;
  ShepherdSettings settings_;
};

TEST_F(StepDevicesTest, TheNodeHasAsManyAsAreDescribed) {
  EXPECT_EQ(*count_gres(settings_.devices), (std::vector<GresCount>{{"gpu", "", 2}}));
  settings_.devices.gres = {{"fpga", "", "gd.test/fpga"}};
  EXPECT_NE(count_gres(settings_.devices).error().text.find("broken.json"), std::string::npos);
  EXPECT_TRUE(count_gres({})->empty());
}

TEST_F(StepDevicesTest, EachJobGetsFreeOnesUntilItsShepherdGoes) {
  Result<DeviceChoice> first = choose_devices(job(1, 1), settings_, Claim::take);
  ASSERT_TRUE(first.ok()) << first.error().text;
  EXPECT_EQ(first->names, std::vector<std::string>{"gd.test/gpu=0"});
  ASSERT_EQ(first->edits.nodes.size(), 1U);
  EXPECT_EQ(first->edits.nodes[0].major, 1U);  // of /dev/full
  EXPECT_EQ(first->edits.nodes[0].minor, 7U);
  EXPECT_EQ(first->edits.env, std::vector<std::string>{"ALL=1"});
  EXPECT_EQ(rules_of(first->edits), (std::vector<container::DeviceRule>{{'c', 1, 7, "rwm"}}));
  Result<DeviceChoice> second = choose_devices(job(2, 1), settings_, Claim::take);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->edits.env, std::vector<std::string>{"NEW=1"});  // of the later folder
  const Result<DeviceChoice> third = choose_devices(job(3, 1), settings_, Claim::take);
  EXPECT_EQ(third.error().code, ErrorCode::unavailable);
  EXPECT_EQ(choose_devices(job(1, 1), settings_, Claim::join)->names, first->names);
  EXPECT_EQ(choose_devices(job(2, 1), settings_, Claim::join)->names, second->names);
  EXPECT_EQ(choose_devices(job(9, 2), settings_, Claim::preview)->names.size(), 2U);
  first->locks.clear();
  EXPECT_EQ(choose_devices(job(3, 1), settings_, Claim::take)->names,
            std::vector<std::string>{"gd.test/gpu=0"});
}

TEST_F(StepDevicesTest, NamedOnesAreSharedAndMustBeAllowed) {
  const auto ask = [this](const std::string& name) {
    return choose_devices(job(1, 0, {name}), settings_, Claim::take);
  };
  const Result<DeviceChoice> one = ask("gd.test/tty=a");
  const Result<DeviceChoice> other = ask("gd.test/tty=a");
  EXPECT_TRUE(one.ok() && other.ok());
  EXPECT_EQ(ask("gd.test/gpu=0").error().code, ErrorCode::denied);
  EXPECT_EQ(ask("gd.test/tty=b").error().code, ErrorCode::not_found);
}

TEST_F(StepDevicesTest, AGresThatStandsForNoDeviceIsOnlyCounted) {
  StepLaunch launch = job(1, 0);
  launch.held.gres = {{"licence", "", 3}};
  const Result<DeviceChoice> chosen = choose_devices(launch, settings_, Claim::take);
  ASSERT_TRUE(chosen.ok());
  EXPECT_TRUE(chosen->names.empty());
}

TEST_F(StepDevicesTest, ANodeThatIsNoDeviceIsTheMachinesFault) {
  put("low/gpu.json", R"({"kind":"gd.test/gpu","devices":[{"name":"0","containerEdits":{
      "deviceNodes":[{"path":"/dev/gpu0","hostPath":"/etc/passwd"}]}}]})");
  EXPECT_EQ(choose_devices(job(1, 2), settings_, Claim::take).error().code, ErrorCode::unavailable);
}

TEST(GresDevicesTest, ComeBackAsTheyWere) {
  for (const char* text : {"gpu=a.b/c", "gpu:a100=nvidia.com/gpu"}) {
    EXPECT_EQ(render(*parse_gres_devices(text)), text);
  }
  for (const char* text : {"", "gpu", "=a/b", "gpu=ab", "gpu=a/b=c"}) {
    EXPECT_FALSE(parse_gres_devices(text).ok()) << text;
  }
}

}  // namespace
}  // namespace gd::agent
