// Limits, capabilities, device rules and terminals: the small values and their tables.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <array>
#include <cstring>

#include "server/container/capability.h"
#include "server/container/device_filter.h"
#include "server/container/explain.h"
#include "server/container/pty.h"
#include "server/container/rlimits.h"

namespace gd::container {
namespace {

TEST(Rlimits, NamesGoBothWays) {
  for (const char* name : {"nofile", "NOFILE", "RLIMIT_NOFILE"}) {
    EXPECT_EQ(rlimit_of(name), RLIMIT_NOFILE) << name;
  }
  EXPECT_EQ(rlimit_name(RLIMIT_STACK), "stack");
  EXPECT_EQ(rlimit_of("nofiles"), std::nullopt);
  EXPECT_EQ(rlimit_name(99), "");
}

TEST(Rlimits, AreClampedToOurOwnAndTold) {
  const auto hard = [](int resource) -> uint64_t {
    return resource == RLIMIT_NOFILE ? 20'000 : kUnlimited;
  };
  const ClampedLimits result = clamp(
      {{RLIMIT_NOFILE, 1024, kUnlimited}, {RLIMIT_CPU, 10, 10}, {RLIMIT_NOFILE, 20'000, 20'000}},
      hard);
  EXPECT_EQ(result.limits[0], (ResourceLimit{RLIMIT_NOFILE, 1024, 20'000}));
  EXPECT_EQ(result.limits[1], (ResourceLimit{RLIMIT_CPU, 10, 10}));
  EXPECT_EQ(result.limits[2], (ResourceLimit{RLIMIT_NOFILE, 20'000, 20'000}));
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_EQ(result.warnings[0], "rlimit nofile: unlimited asked, 20000 is the most here");
}

TEST(Capabilities, NamesToBitsAndBack) {
  const Result<CapabilitySet> set = parse_capabilities({"cap_chown", "cap_setuid"});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->bits, uint64_t{1} << CAP_CHOWN | uint64_t{1} << CAP_SETUID);
  EXPECT_EQ(render(*set), "cap_chown,cap_setuid");
  EXPECT_EQ(render(CapabilitySet{}), "none");
  EXPECT_FALSE(parse_capabilities({"cap_everything"}).ok());
  EXPECT_GE(last_capability(), CAP_CHECKPOINT_RESTORE);
}

// The part of eBPF that the filter uses.
uint64_t run_filter(const std::vector<uint64_t>& program, std::array<uint32_t, 3> context) {
  std::array<uint64_t, 11> r{};
  for (size_t at = 0; at < program.size(); ++at) {
    bpf_insn op{};
    std::memcpy(&op, &program[at], sizeof op);
    const uint64_t constant = static_cast<uint64_t>(static_cast<int64_t>(op.imm));
    switch (op.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        r[op.dst_reg] = context[static_cast<size_t>(op.off) / 4];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K: r[op.dst_reg] = constant; break;
      case BPF_ALU64 | BPF_MOV | BPF_X: r[op.dst_reg] = r[op.src_reg]; break;
      case BPF_ALU64 | BPF_AND | BPF_K: r[op.dst_reg] &= constant; break;
      case BPF_ALU64 | BPF_RSH | BPF_K: r[op.dst_reg] >>= constant; break;
      case BPF_JMP | BPF_JNE | BPF_K:
        if (r[op.dst_reg] != constant) at += static_cast<size_t>(op.off);
        break;
      case BPF_JMP | BPF_EXIT: return r[0];
      default: ADD_FAILURE() << "instruction " << at; return 2;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return 2;
}

TEST(DeviceFilter, AllowsWhatTheRulesSay) {
  std::vector<DeviceRule> rules = standard_devices();
  rules.push_back({'b', 7, 3, "r"});
  const Result<std::vector<uint64_t>> program = build_device_filter(rules);
  ASSERT_TRUE(program.ok());
  const auto ask = [&program](uint32_t access, uint32_t type, uint32_t major, uint32_t minor) {
    return run_filter(*program, {access << 16 | type, major, minor});
  };
  constexpr uint32_t kMake = BPF_DEVCG_ACC_MKNOD, kRead = BPF_DEVCG_ACC_READ,
                     kWrite = BPF_DEVCG_ACC_WRITE;
  constexpr uint32_t kChar = BPF_DEVCG_DEV_CHAR, kBlock = BPF_DEVCG_DEV_BLOCK;
  EXPECT_EQ(ask(kRead | kWrite, kChar, 1, 3), 1U);  // null
  EXPECT_EQ(ask(kMake, kChar, 1, 9), 1U);           // urandom
  EXPECT_EQ(ask(kRead, kChar, 136, 77), 1U);        // any terminal
  EXPECT_EQ(ask(kRead, kChar, 1, 1), 0U);           // mem
  EXPECT_EQ(ask(kRead, kBlock, 1, 3), 0U);
  EXPECT_EQ(ask(kRead, kBlock, 254, 0), 0U);  // a disk
  EXPECT_EQ(ask(kRead, kBlock, 7, 3), 1U);
  EXPECT_EQ(ask(kRead | kWrite, kBlock, 7, 3), 0U);  // only reading was given
}

TEST(DeviceFilter, RulesEndAtKMaxDeviceRules) {
  std::vector<DeviceRule> rules(kMaxDeviceRules, DeviceRule{'c', 10, 1, "r"});
  EXPECT_TRUE(build_device_filter(rules).ok());
  rules.emplace_back();
  EXPECT_FALSE(build_device_filter(rules).ok());
}

TEST(DeviceFilter, RulesAreWrittenAsV1ReadsThem) {
  EXPECT_EQ(render(DeviceRule{'c', 136, std::nullopt, "rwm"}), "c 136:* rwm");
  EXPECT_EQ(render(DeviceRule{'b', 7, 3, "r"}), "b 7:3 r");
}

TEST(Pty, SizeGoesToTheOtherSideAndRawModeIsUndone) {
  Result<PtyPair> pair = make_pty({40, 132});
  ASSERT_TRUE(pair.ok()) << pair.error().text;
  EXPECT_EQ(window_size(pair->slave.get())->columns, 132);
  ASSERT_TRUE(set_window_size(pair->master.get(), {25, 80}).ok());
  EXPECT_EQ(window_size(pair->slave.get())->rows, 25);
  termios before{};
  termios during{};
  termios after{};
  ASSERT_EQ(::tcgetattr(pair->slave.get(), &before), 0);
  {
    const Result<RawMode> raw = RawMode::enter(pair->slave.get());
    ASSERT_TRUE(raw.ok());
    ASSERT_EQ(::tcgetattr(pair->slave.get(), &during), 0);
  }
  ASSERT_EQ(::tcgetattr(pair->slave.get(), &after), 0);
  EXPECT_NE(before.c_lflag & ICANON, 0U);
  EXPECT_EQ(during.c_lflag & (ICANON | ECHO | ISIG), 0U);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
}

TEST(Explain, TellsMapsMountsAndLimits) {
  LaunchPlan plan;
  plan.identity = {.uid = 1001,
                   .gid = 1001,
                   .groups = {},
                   .user = "ann",
                   .group = "ann",
                   .home = "/home/ann",
                   .shell = ""};
  plan.subordinate = {1'000'000, kMinSubordinateIds};
  plan.process.argv = {"sleep", "1"};
  plan.process.rlimits = {{RLIMIT_NOFILE, 64, 64}};
  plan.network = Network::none;
  const Result<std::vector<std::string>> lines = explain(plan);
  ASSERT_TRUE(lines.ok()) << lines.error().text;
  const auto has = [&lines](const std::string& line) {
    return std::find(lines->begin(), lines->end(), line) != lines->end();
  };
  EXPECT_TRUE(has("namespaces: user mount pid ipc uts cgroup network"));
  EXPECT_TRUE(has("uid 1001 is 1001 outside, 1 ids"));
  EXPECT_TRUE(has("mask /proc/kcore (hidden: it tells of the node or of others)"));
  EXPECT_TRUE(has("command sleep 1"));
  EXPECT_TRUE(has("rlimit nofile 64 of 64"));
  EXPECT_TRUE(has("capabilities kept: none"));
}

TEST(Explain, TellsWhyAMountWasGranted) {
  LaunchPlan plan;
  plan.identity = {.uid = 1001, .gid = 1001, .groups = {}, .user = "ann", .home = "/home/ann"};
  plan.subordinate = {1'000'000, kMinSubordinateIds};
  plan.mounts.push_back({.source = "/data", .target = "/in", .why = "asked for"});
  const Result<std::vector<std::string>> lines = explain(plan);
  ASSERT_TRUE(lines.ok()) << lines.error().text;
  EXPECT_NE(std::find(lines->begin(), lines->end(), "bind /in from /data rw (asked for)"),
            lines->end());
}

TEST(Explain, TellsLimitsAndDevices) {
  CgroupLimits limits{.memory_bytes = uint64_t{100} << 20, .cpu_milli = 2000, .pids = 50};
  limits.devices = std::vector<DeviceRule>{{.type = 'c', .major = 195, .access = "rw"}};
  const std::vector<std::string> lines = explain(limits);
  EXPECT_EQ(lines.front(), "limit memory 100 MiB, no swap beyond");
  EXPECT_EQ(lines[2], "limit processes 50");
  EXPECT_EQ(lines.back(), "device c 195:* rw");
}

}  // namespace
}  // namespace gd::container
