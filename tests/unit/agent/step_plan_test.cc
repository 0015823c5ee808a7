// The pure half of a step's plan: names of files, mounts, scripts, commands, settings, and
// what a node finds out about itself.
#include "server/agent/step_plan.h"

#include <gtest/gtest.h>

#include "server/agent/batch_script.h"
#include "server/agent/inventory.h"
#include "server/agent/step_engine.h"
#include "server/agent/step_files.h"
#include "server/agent/step_mounts.h"
#include "server/agent/step_receipt.h"

namespace gd::agent {
namespace {

StepLaunch batch() {
  StepLaunch launch;
  launch.job = JobId{12};
  launch.step = kBatchStep;
  launch.user = "ada";
  launch.spec.name = "fit";
  return launch;
}

TEST(FileNamesTest, FollowSlurmsPatterns) {
  StepLaunch launch = batch();
  EXPECT_EQ(file_names(launch, "/w", "n1.lab"),
            (FileNames{"/dev/null", "/w/slurm-12.out", "/w/slurm-12.out"}));
  launch.spec.output = "logs/%x.%5j";
  launch.spec.error = "/tmp/%u-%N.err";
  launch.spec.input = "data";
  EXPECT_EQ(file_names(launch, "/", "n1.lab"),
            (FileNames{"/data", "/logs/fit.00012", "/tmp/ada-n1.err"}));
}

TEST(WorkingFolderTest, IsTheStepsThenTheJobsThenHome) {
  StepLaunch launch = batch();
  EXPECT_EQ(working_folder(launch, "/home/ada"), "/home/ada");
  launch.spec.submit_dir = "/sub//";
  EXPECT_EQ(working_folder(launch, "/home/ada"), "/sub");
  launch.spec.chdir = "/job";
  EXPECT_EQ(working_folder(launch, "/home/ada"), "/job");
  launch.chdir = "/";
  EXPECT_EQ(working_folder(launch, "/home/ada"), "/");
}

TEST(UmaskTest, IsTheSubmittersOrTheUsual) {
  EXPECT_EQ(user_umask({}), 022U);
  EXPECT_EQ(user_umask({{"SLURM_UMASK", "0077"}}), 077U);
  for (const char* bad : {"", "9", "0x7", "7777", "123456"}) {
    EXPECT_EQ(user_umask({{"SLURM_UMASK", bad}}), 022U) << bad;
  }
}

TEST(FileStartTest, JobsWordCountsBeforeTheClusters) {
  StepLaunch launch = batch();
  EXPECT_EQ(file_start(launch, {}), FileStart::truncate);
  EXPECT_EQ(file_start(launch, {.append_output = true}), FileStart::append);
  launch.spec.open_mode = OpenMode::truncate;
  EXPECT_EQ(file_start(launch, {.append_output = true}), FileStart::truncate);
}

TEST(ScriptTest, NeedsAnInterpreterAsSlurmDoes) {
  EXPECT_TRUE(check_script("#!/bin/sh\n").ok());
  EXPECT_TRUE(check_script("#! /usr/bin/env python3").ok());
  for (const char* bad : {"", "echo hi\n", "#!\n", "#!   \nx", "#!/bin/sh\r\necho\r\n"}) {
    EXPECT_FALSE(check_script(bad).ok()) << bad;
  }
  EXPECT_TRUE(check_script("#!" + std::string(kMaxInterpreterBytes - 2, 'x') + "\n").ok());
  EXPECT_FALSE(check_script("#!" + std::string(kMaxInterpreterBytes - 1, 'x') + "\n").ok());
  EXPECT_EQ(script_argv({"a", "b c"}), (std::vector<std::string>{kScriptPath, "a", "b c"}));
}

TEST(MountTest, OnlyBelowThePrefixesAndNeverTheSystems) {
  const ShepherdSettings settings{.mount_prefixes = {"/data", "/"}};
  EXPECT_TRUE(may_mount("/data/x", settings));
  EXPECT_FALSE(may_mount("/etc", settings));
  EXPECT_FALSE(may_mount("/proc/1/root", settings));
  EXPECT_FALSE(may_mount("/", settings));
  EXPECT_FALSE(may_mount("/other", {.mount_prefixes = {"/data"}}));
  EXPECT_TRUE(is_below("/data", "/data"));
  EXPECT_FALSE(is_below("/database", "/data"));
}

TEST(MountTest, SealedButForOneFolderAndWhatIsInMemory) {
  container::LaunchPlan plan;
  plan.mounts.push_back({.target = "/home/ada", .why = "the home"});
  plan.mounts.push_back({.target = "/jobs/ada", .why = "job directories"});
  plan.mounts.push_back({.kind = container::MountKind::tmpfs, .target = "/x", .why = "in memory"});
  seal_mounts(plan, "/jobs/ada");
  EXPECT_EQ(plan.mounts[0].access, container::Access::read_only);
  EXPECT_EQ(plan.mounts[0].why,
            "the home; read-only for root inside, by root_mounts_read_only of the partition");
  EXPECT_EQ(plan.mounts[1].access, container::Access::read_write);
  EXPECT_EQ(plan.mounts[2].access, container::Access::read_write);
}

TEST(CommandTest, ScriptCommandShellOrPlace) {
  StepLaunch launch = batch();
  launch.script = "#!/bin/sh\n";
  launch.spec.argv = {"x"};
  EXPECT_EQ(*command_of(launch, "/bin/zsh"), (std::vector<std::string>{kScriptPath, "x"}));
  launch.step = kInteractiveStep;
  EXPECT_EQ(*command_of(launch, "/bin/zsh"), std::vector<std::string>{"x"});
  launch.step = StepId{0};
  launch.join_container = true;  // a shell in a running job is no second run of its command
  EXPECT_EQ(*command_of(launch, "/bin/zsh"), std::vector<std::string>{"/bin/zsh"});
  launch.argv = {"top"};
  EXPECT_EQ(*command_of(launch, ""), std::vector<std::string>{"top"});
  StepLaunch place = batch();
  place.step = kExternStep;
  EXPECT_TRUE(command_of(place, "/bin/zsh")->empty());
}

TEST(LimitsTest, HeldAmountsBecomeLimits) {
  StepLaunch launch = batch();
  launch.held = {.cpus = 2, .memory_mib = 100};
  const container::CgroupLimits limits = limits_of(launch, {.pids_max = 50});
  EXPECT_EQ(limits.memory_bytes, uint64_t{100} << 20);
  EXPECT_EQ(limits.cpu_milli, 2000U);
  EXPECT_EQ(limits.pids, 50U);
  launch.held = {};
  EXPECT_FALSE(limits_of(launch, {}).memory_bytes);
}

TEST(ReceiptTest, NamesTheImageItsDigestAndWhatWasMounted) {
  StepLaunch launch = batch();
  launch.held = {.cpus = 2, .memory_mib = 100};
  launch.spec.image.name = "debian";
  container::LaunchPlan plan;
  plan.identity.user = "ada";
  plan.identity.uid = 1001;
  plan.mounts.push_back(
      {.target = "/data", .access = container::Access::read_only, .why = "asked for"});
  image::StoredImage stored;
  stored.digest = "sha256:1";
  const Receipt receipt = receipt_of(launch, {.node = "n1"}, plan, &stored, {0, 1, 8});
  EXPECT_EQ(receipt.image, "docker.io/library/debian:latest");
  EXPECT_EQ(receipt.digest, "sha256:1");
  EXPECT_EQ(receipt.facts,
            (std::vector<std::string>{
                "node n1, engine native", "user ada (1001)",
                "limits: cpus 2 (0-1,8), memory 100 MiB, processes 16384, writable layer "
                "1024 MiB, /tmp 1024 MiB, /dev/shm 1024 MiB",
                "network: the node's; root writable", "mount /data ro: asked for"}));
  EXPECT_EQ(receipt_of(batch(), {}, plan, nullptr, {}).image, "host");
}

TEST(EngineTest, IsThePartitionsAndMustBeHere) {
  StepLaunch launch = batch();
  launch.partition = "boxes";
  EXPECT_TRUE(engine_of(launch, {}).ok());
  launch.engine = "crun";
  EXPECT_TRUE(engine_of(launch, {}).ok());
  launch.engine = "docker";
  const auto unknown = engine_of(launch, {});
  EXPECT_EQ(unknown.error().code, ErrorCode::unavailable);
  EXPECT_EQ(unknown.error().text, "engine 'docker' of partition boxes is not known to this node");
}

TEST(ShepherdSettingsTest, SurviveTheirFile) {
  ShepherdSettings settings{.node = "n1",
                            .cgroup_root = "x",
                            .subid_start = 5,
                            .subid_count = 6,
                            .seccomp_file = "/s",
                            .default_image = "/img",
                            .image_prefixes = {"/a", "/b c"},
                            .mount_prefixes = {"/m"},
                            .volumes = {{.name = "v",
                                         .path = "/p q/%u",
                                         .target = "/t",
                                         .read_only = true,
                                         .allow_users = {"a", "b"},
                                         .allow_groups = {"c"}},
                                        {.name = "w", .path = "/x", .target = "/y"}},
                            .pids_max = 7,
                            .writable_mib = 8,
                            .tmp_mib = 9,
                            .shm_mib = 10,
                            .init_program = "/i",
                            .controller = "head:1",
                            .controller_key = "key",
                            .client_dir = "/c",
                            .images = {.folder = "/img",
                                       .allow = {"a/*"},
                                       .deny = {"b"},
                                       .plain_http = {"c"},
                                       .mirrors = {"d=e"},
                                       .timeout = 5s},
                            .store_program = "/st",
                            .append_output = true};
  settings.job_dirs = {.root = "/scratch/jobs", .keep = 60s, .quota_mib = 5};
  settings.devices = {
      .cdi_dirs = {"/etc/cdi"}, .gres = {{"gpu", "a100", "v.w/gpu"}}, .allow = {"v.w/*"}};
  settings.devices_dir = "/spool/devices";
  settings.steps_dir = "/spool/jobs";
  EXPECT_EQ(*parse_shepherd_settings(render(settings)), settings);
  EXPECT_EQ(*parse_shepherd_settings("unknown 1\n"), ShepherdSettings{});
  EXPECT_EQ(parse_shepherd_settings("pids_max 0\n").error().code, ErrorCode::invalid);
}

TEST(InventoryTest, ReadsLayoutAndMemory) {
  std::string cpuinfo;
  for (int cpu = 0; cpu < 8; ++cpu) {
    cpuinfo += "processor\t: " + std::to_string(cpu) +
               "\nphysical id\t: " + std::to_string(cpu / 4) +
               "\ncore id\t\t: " + std::to_string(cpu % 2) + "\n\n";
  }
  EXPECT_EQ(parse_cpu_layout(cpuinfo), (CpuLayout{2, 2, 2}));
  EXPECT_EQ(parse_cpu_layout("processor : 0\nprocessor : 1\n"), (CpuLayout{1, 2, 1}));
  EXPECT_EQ(parse_memory("MemTotal:  2097152 kB\nMemFree: 1 kB\nMemAvailable: 1048576 kB\n"),
            (Memory{2048, 1024}));
}

}  // namespace
}  // namespace gd::agent
