// validate(): a good plan passes; each case spoils one thing and must be told by name.
#include "server/container/launch_plan.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>

namespace gd::container {
namespace {

LaunchPlan good_plan() {
  LaunchPlan plan;
  plan.identity = {.uid = 1001,
                   .gid = 1001,
                   .groups = {{27, "sudo"}},
                   .user = "ann",
                   .group = "ann",
                   .home = "/home/ann",
                   .shell = "/bin/sh"};
  plan.subordinate = {1'000'000, kMinSubordinateIds};
  plan.process.argv = {"true"};
  plan.process.env = {"PATH=/bin"};
  return plan;
}

TEST(LaunchPlan, AGoodPlanPasses) {
  const Result<void> done = validate(good_plan());
  EXPECT_TRUE(done.ok()) << done.error().text;
}

struct Case {
  const char* name;
  std::function<void(LaunchPlan&)> spoil;
  const char* told;  // part of the error
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

MountSpec bind(const char* source, const char* target) {
  MountSpec mount;
  mount.source = source;
  mount.target = target;
  return mount;
}

const Case kCases[] = {
    {"RootUser", [](LaunchPlan& p) { p.identity.uid = 0; }, "uid 0"},
    {"RootGroup", [](LaunchPlan& p) { p.identity.gid = 0; }, "gid 0"},
    {"NoUser", [](LaunchPlan& p) { p.identity.uid = ~0U; }, "no user"},
    {"NameWithColon", [](LaunchPlan& p) { p.identity.user = "a:b"; }, "colon"},
    {"NameWithNewline", [](LaunchPlan& p) { p.identity.groups[0].name = "a\nroot"; }, "malformed"},
    {"RelativeHome", [](LaunchPlan& p) { p.identity.home = "home"; }, "not absolute"},
    {"SmallRange", [](LaunchPlan& p) { p.subordinate.count = 65535; }, "fewer than 65536"},
    {"RangeAmongUsers", [](LaunchPlan& p) { p.subordinate.start = 1000; }, "ordinary ids"},
    {"RangePastTheEnd", [](LaunchPlan& p) { p.subordinate.start = ~0U - 65535; }, "4294967294"},
    {"RangeHoldsUser", [](LaunchPlan& p) { p.identity.uid = 1'000'001; }, "own uid"},
    {"RangeHoldsGroup", [](LaunchPlan& p) { p.identity.groups[0].gid = 1'065'535; },
     "group 1065535"},
    {"EmptyCommand", [](LaunchPlan& p) { p.process.argv.clear(); }, "argv is empty"},
    {"NulInArgument", [](LaunchPlan& p) { p.process.argv.push_back(std::string(1, '\0')); }, "NUL"},
    {"EnvWithoutEquals", [](LaunchPlan& p) { p.process.env = {"PATH"}; }, "NAME=value"},
    {"EnvWithoutName", [](LaunchPlan& p) { p.process.env = {"=x"}; }, "NAME=value"},
    {"CwdWithDots", [](LaunchPlan& p) { p.process.cwd = "/home/../root"; }, "'..'"},
    {"ImageWithEmptyPart",
     [](LaunchPlan& p) {
       p.image = {ImageKind::directory, "/images//a"};
     },
     "empty part"},
    {"ImageIsRoot",
     [](LaunchPlan& p) {
       p.image = {ImageKind::directory, "/"};
     },
     "host image"},
    {"HostImageWithPath", [](LaunchPlan& p) { p.image.path = "/x"; }, "has no path"},
    {"MountOverProc", [](LaunchPlan& p) { p.mounts = {bind("/a", "/proc")}; }, "own"},
    {"MountBelowSys", [](LaunchPlan& p) { p.mounts = {bind("/a", "/sys/fs")}; }, "below /sys/"},
    {"MountTwice",
     [](LaunchPlan& p) {
       p.mounts = {bind("/a", "/d"), bind("/b", "/d")};
     },
     "given twice"},
    {"MountAndFile",
     [](LaunchPlan& p) {
       p.mounts = {bind("/a", "/d")};
       p.files = {{"/d", "", 0644, FileSpec::Owner::user}};
     },
     "is a mount too"},
    {"TwoSources",
     [](LaunchPlan& p) {
       p.mounts = {bind("/a", "/d")};
       p.mounts[0].source_fd = 3;
     },
     "descriptor and a path"},
    {"RelativeSource", [](LaunchPlan& p) { p.mounts = {bind("a", "/d")}; }, "not absolute"},
    {"TmpfsWithoutSize",
     [](LaunchPlan& p) {
       p.mounts = {bind("", "/d")};
       p.mounts[0].kind = MountKind::tmpfs;
     },
     "needs a size"},
    {"HostnameWithSlash", [](LaunchPlan& p) { p.hostname = "a/b"; }, "expected letters"},
    {"SoftAboveHard",
     [](LaunchPlan& p) {
       p.process.rlimits = {{RLIMIT_NOFILE, 9, 8}};
     },
     "soft 9 is above hard 8"},
    {"UnknownLimit",
     [](LaunchPlan& p) {
       p.process.rlimits = {{99, 1, 1}};
     },
     "rlimit 99"},
    {"LimitTwice",
     [](LaunchPlan& p) {
       p.process.rlimits = {{RLIMIT_CPU, 1, 1}, {RLIMIT_CPU, 2, 2}};
     },
     "twice"},
    {"TerminalAndFile",
     [](LaunchPlan& p) {
       p.process.stdio.terminal = TerminalSize{};
       p.process.stdio.out = 1;
     },
     "both given"},
    {"BrokenFilter", [](LaunchPlan& p) { p.process.seccomp = "123"; }, "whole instructions"},
    {"CapabilitiesAsUser", [](LaunchPlan& p) { p.process.keep_capabilities = {"cap_chown"}; },
     "only with root inside"},
    {"NoWritableLayer", [](LaunchPlan& p) { p.writable_bytes = 0; }, "above 0"},
    {"OomScore", [](LaunchPlan& p) { p.process.oom_score_adj = 1001; }, "0 to 1000"},
};

class SpoiledPlan : public ::testing::TestWithParam<Case> {};

TEST_P(SpoiledPlan, IsRefusedByName) {
  LaunchPlan plan = good_plan();
  GetParam().spoil(plan);
  const Result<void> done = validate(plan);
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().text.find(GetParam().told), std::string::npos) << done.error().text;
}

INSTANTIATE_TEST_SUITE_P(All, SpoiledPlan, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

// Each limit: as many as allowed pass, one more does not.
struct LimitCase {
  const char* name;
  size_t limit;
  std::function<void(LaunchPlan&, size_t)> fill;
};

void PrintTo(const LimitCase& one, std::ostream* out) {
  *out << one.name;
}

const LimitCase kLimitCases[] = {
    {"Mounts", kMaxMounts,
     [](LaunchPlan& p, size_t n) {
       for (size_t i = 0; i < n; ++i) {
         p.mounts.push_back(bind("/a", ("/m/" + std::to_string(i)).c_str()));
       }
     }},
    {"Files", kMaxFiles,
     [](LaunchPlan& p, size_t n) {
       for (size_t i = 0; i < n; ++i) {
         p.files.push_back({"/f/" + std::to_string(i), "", 0644, FileSpec::Owner::user});
       }
     }},
    {"FileContent", kMaxFileContentBytes,
     [](LaunchPlan& p, size_t n) {
       p.files.push_back({"/f", std::string(n, 'x'), 0644, FileSpec::Owner::user});
     }},
    {"Path", kMaxPathBytes,
     [](LaunchPlan& p, size_t n) { p.process.cwd = "/" + std::string(n - 1, 'a'); }},
    {"Args", kMaxArgs, [](LaunchPlan& p, size_t n) { p.process.argv.assign(n, "a"); }},
    {"ArgBytes", kMaxArgBytes,
     [](LaunchPlan& p, size_t n) { p.process.argv = {std::string(n - 1, 'a')}; }},
    {"EnvEntries", kMaxEnvEntries, [](LaunchPlan& p, size_t n) { p.process.env.assign(n, "a=b"); }},
    {"EnvBytes", kMaxEnvBytes,
     [](LaunchPlan& p, size_t n) { p.process.env = {"a=" + std::string(n - 3, 'a')}; }},
    {"Groups", kMaxGroups,
     [](LaunchPlan& p, size_t n) {
       p.identity.groups.assign(n, Group{27, "x"});
     }},
    {"Hostname", kMaxHostnameBytes,
     [](LaunchPlan& p, size_t n) { p.hostname = std::string(n, 'h'); }},
};

class PlanLimit : public ::testing::TestWithParam<LimitCase> {};

TEST_P(PlanLimit, HoldsAtItsNumber) {
  LaunchPlan full = good_plan();
  GetParam().fill(full, GetParam().limit);
  const Result<void> fits = validate(full);
  EXPECT_TRUE(fits.ok()) << fits.error().text;
  LaunchPlan over = good_plan();
  GetParam().fill(over, GetParam().limit + 1);
  const Result<void> refused = validate(over);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text.find(std::to_string(GetParam().limit)), std::string::npos)
      << refused.error().text;
}

INSTANTIATE_TEST_SUITE_P(All, PlanLimit, ::testing::ValuesIn(kLimitCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace gd::container
