// gd.conf to values: the empty file, every kind of mistake, and addresses.
#include "proto/settings.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace gd {
namespace {

std::string error_of(const std::string& text) {
  const Result<Settings> settings = parse_settings(text, "gd.conf");
  return settings.ok() ? "no error" : settings.error().text;
}

TEST(SettingsTest, AnEmptyFileIsAWorkingClusterOfOneMachine) {
  const Settings settings = parse_settings("", "gd.conf").take();
  ASSERT_EQ(settings.partitions.size(), 1U);
  EXPECT_EQ(settings.partitions[0].name, "batch");
  EXPECT_TRUE(settings.partitions[0].is_default);
  EXPECT_TRUE(settings.partitions[0].all_nodes);
  EXPECT_EQ(settings.controller.cluster, "gd");
  EXPECT_EQ(settings.controller.key_lifetime, Seconds{30 * 86400});
  EXPECT_EQ(settings.controller.node_lost_after, Seconds{300});
  EXPECT_EQ(settings.controller.administrators, std::vector<std::string>{"root"});
  EXPECT_EQ(settings.agent.subid_count, 65536U);
  EXPECT_EQ(settings.agent.writable_size_mib, 1024U);
}

TEST(SettingsTest, AccountsComeParentsFirst) {
  const Settings settings = parse_settings(R"(
[account optics]
parent = physics
users = alice:3, *
[account physics]
shares = 7
)",
                                           "gd.conf")
                                .take();
  ASSERT_EQ(settings.accounts.size(), 2U);
  EXPECT_EQ(settings.accounts[0].name, "physics");
  EXPECT_EQ(settings.accounts[0].shares, 7U);
  EXPECT_EQ(settings.accounts[1].parent, "physics");
  EXPECT_EQ(settings.accounts[1].users, (std::vector<AccountUserSettings>{{"alice", 3}, {"*", 1}}));
}

TEST(SettingsTest, AccountsThatMakeNoSenseAreRefused) {
  EXPECT_EQ(error_of("[account a]\nparent = b\n[account b]\nparent = a\n"),
            "gd.conf: [account a]: parent 'b' is no account, or is below it");
  EXPECT_EQ(error_of("[account root]\n"),
            "[account root]: a name has 1 to 64 letters, digits, '-', '_' and '.', and is not "
            "root");
  EXPECT_NE(error_of("[account a]\nusers = bob:many\n").find("'bob:many': 'many' is not a whole"),
            std::string::npos);
  EXPECT_NE(error_of("[account a]\nusers = :3\n").find("':3' lacks a name"), std::string::npos);
}

TEST(SettingsTest, LimitsStandInSectionsOfTheirOwn) {
  const Settings settings = parse_settings(R"(
[partition batch]
allow_qos = short, normal
allow_accounts = oil
[account oil]
parent = art
max_jobs = 2
qos = short
allow_images = docker.io/library/*, reg.lab/a:1
[account art]
grp_tres = cpu=8,gres/gpu=1
default_image = reg.lab/a:1
[user *]
max_wall = 1-00:00:00
[qos short]
priority = 5
max_tres_per_user = cpu=4
[license matlab]
count = 3
)",
                                           "gd.conf")
                                .value();
  const LimitSettings& limits = settings.limits;
  ASSERT_EQ(limits.accounts.size(), 2U);
  EXPECT_EQ(limits.accounts[0].name, "art");
  EXPECT_EQ(limits.accounts[0].limits.group.tres.cpus, 8U);
  EXPECT_EQ(limits.accounts[1].parent, "art");
  EXPECT_EQ(limits.accounts[1].limits.per_user.jobs, 2U);
  EXPECT_EQ(limits.accounts[0].limits.default_image, "reg.lab/a:1");
  EXPECT_EQ(limits.accounts[1].limits.allow_images,
            (std::vector<std::string>{"docker.io/library/*", "reg.lab/a:1"}));
  EXPECT_EQ(limits.users.at(0).name, "*");
  EXPECT_EQ(limits.users[0].limits.each.wall, 24h);
  EXPECT_EQ(limits.qos.at(0).priority, 5U);
  EXPECT_EQ(limits.licences, (std::vector<LicenceLimit>{{"matlab", 3}}));
  EXPECT_EQ(settings.partitions[0].allow_accounts, std::vector<std::string>{"oil"});
}

TEST(SettingsTest, AUserHasLimitsOfHerOwnInAnAccountAndADefaultAccount) {
  const Settings settings = parse_settings(
                                "[account art]\n[user ada]\ndefault_account = art\n[user art/ada]\n"
                                "max_jobs = 3\n",
                                "c")
                                .value();
  ASSERT_EQ(settings.limits.users.size(), 2U);
  EXPECT_EQ(settings.limits.users[0].default_account, "art");
  EXPECT_EQ(settings.limits.users[1].name, "art/ada");
  EXPECT_EQ(settings.limits.users[1].limits.per_user.jobs, 3U);
  const std::pair<const char*, const char*> cases[] = {
      {"[user oil/ada]", "[user oil/ada]: user: there is no [account oil]"},
      {"[account a]\n[user a/*]", nullptr},
      {"[user ada]\ndefault_account = oil", "c:2: default_account: there is no [account oil]"},
      {"[account a]\n[user a/ada]\ndefault_account = a",
       "c:3: default_account: a user has one, not one in each account"}};
  for (const auto& [text, error] : cases) {
    const auto refused = parse_settings(text, "c");
    ASSERT_FALSE(refused.ok()) << text;
    if (error != nullptr) {
      EXPECT_NE(refused.error().text.find(std::string_view(error).substr(15)), std::string::npos)
          << refused.error().text;
    }
  }
}

TEST(SettingsTest, AccountsThatAreKeptElsewhereJoinTheFile) {
  const Settings file =
      parse_settings("[partition p]\nnodes = ALL\n[license matlab]\ncount = 3\n", "c").value();
  EXPECT_FALSE(file.accounts_in_file);
  const std::vector<AccountSection> kept{
      {"account", "sub", {{"parent", "lab"}, {"users", "ada:2"}}},
      {"account", "lab", {{"grp_tres", "cpu=4"}}},
      {"qos", "short", {{"max_wall", "60"}}}};
  const Settings both = with_accounts(file, kept).value();
  ASSERT_EQ(both.accounts.size(), 2U);
  EXPECT_EQ(both.accounts[0].name, "lab");  // parents first
  EXPECT_EQ(both.limits.accounts[0].limits.group.tres.cpus, 4U);
  EXPECT_EQ(both.limits.qos[0].name, "short");
  EXPECT_EQ(both.limits.licences, (std::vector<LicenceLimit>{{"matlab", 3}}));
  EXPECT_FALSE(both.accounts_in_file);
  EXPECT_EQ(with_accounts(both, kept).value(), both);  // nothing is there twice
  EXPECT_EQ(with_accounts(both, {}).value(), with_accounts(file, {}).value());

  const std::vector<AccountSection> wrong{{"account", "lab", {{"max_jobs", "many"}}}};
  EXPECT_EQ(with_accounts(file, wrong).error().text,
            "[account lab]: max_jobs: 'many' is not a whole number");
  const std::vector<AccountSection> unknown{{"account", "lab", {{"lunch", "1"}}}};
  EXPECT_EQ(with_accounts(file, unknown).error().text,
            "[account lab]: no such key in [account lab]: lunch");
}

TEST(SettingsTest, AFileWithAccountsIsInForceAlone) {
  const Settings file = parse_settings("[account art]\nusers = *\n", "c").value();
  EXPECT_TRUE(file.accounts_in_file);
  const std::vector<AccountSection> kept{{"account", "lab", {}}};
  const Settings both = with_accounts(file, kept).value();
  ASSERT_EQ(both.accounts.size(), 1U);
  EXPECT_EQ(both.accounts[0].name, "art");
}

TEST(SettingsTest, LimitsThatMakeNoSenseAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"[qos short]\nmax_tres_per_user = cpus=4",
       "c:2: max_tres_per_user: unknown resource 'cpus'; known are cpu, mem, node, gres/NAME; did "
       "you mean 'cpu'?"},
      {"[qos short]\n[account a]\nqos = shrot",
       "c:3: qos: there is no [qos shrot]; did you mean 'short'?"},
      {"[qos a]\n[user b]\nqos = a\ndefault_qos = normal",
       "c:4: default_qos: normal is not among qos, a"},
      {"[account a]\ndefault_image = x y", nullptr},
      {"[qos a]\nallow_accounts = x", "c:2: allow_accounts: there is no [account x]"},
      {"[partition p]\nallow_qos = x", "c:2: allow_qos: there is no [qos x]"},
      {"[license x]", "c: [license x]: it has no count"},
      {"[qos a]\ngrp_jobs = many", nullptr},
      {"[qos *]", nullptr},
      {"[qos a]\nmax_lunch = 1", nullptr}};
  for (const auto& [text, error] : cases) {
    const auto settings = parse_settings(text, "c");
    ASSERT_FALSE(settings.ok()) << text;
    if (error != nullptr) {
      EXPECT_EQ(settings.error().text, error);
    }
  }
}

TEST(SettingsTest, AMissingFileIsAnEmptyOne) {
  const test::TempDir dir;
  EXPECT_EQ(load_settings(dir / "none").take().partitions.size(), 1U);
  EXPECT_FALSE(load_settings(dir.path()).ok());  // a folder is not a file that is missing
}

TEST(SettingsTest, SectionsBecomeValues) {
  const Settings settings = parse_settings(R"(
cluster = lab
node_lost_after = 0
policy = conservative
[partition long]
nodes = n[1-3]
max_time = 7-00:00:00
default_time = 60
allow_groups = staff, phd
engine = runc
[partition short]
default = yes
state = down
[node n[1-2]]
cpus = 4
memory = 8G
features = fast
[agent]
name = n1
)",
                                           "gd.conf")
                                .take();
  ASSERT_EQ(settings.partitions.size(), 2U);
  EXPECT_EQ(settings.partitions[0].nodes, (std::vector<std::string>{"n1", "n2", "n3"}));
  EXPECT_FALSE(settings.partitions[0].is_default);
  EXPECT_EQ(settings.partitions[0].max_time, Seconds{7 * 86400});
  EXPECT_EQ(settings.partitions[0].default_time, Seconds{3600});
  EXPECT_EQ(settings.partitions[0].allow_groups, (std::vector<std::string>{"staff", "phd"}));
  EXPECT_EQ(settings.partitions[0].engine, "runc");
  EXPECT_EQ(settings.partitions[1].engine, "");
  EXPECT_TRUE(settings.partitions[1].is_default);
  EXPECT_FALSE(settings.partitions[1].up);
  ASSERT_EQ(settings.nodes.size(), 1U);
  EXPECT_EQ(settings.nodes[0].names.size(), 2U);
  EXPECT_EQ(settings.nodes[0].memory_mib, 8192U);
  EXPECT_EQ(settings.controller.node_lost_after, std::nullopt);
  EXPECT_EQ(settings.controller.policy, SchedulerPolicy::conservative);
  EXPECT_EQ(settings.agent.name, "n1");
}

TEST(SettingsTest, ErrorsNameFileLineAndKey) {
  EXPECT_NE(error_of("\nmax_job = 3\n").find("gd.conf:2"), std::string::npos);
  EXPECT_NE(error_of("max_job = 3\n").find("max_jobs"), std::string::npos);
  EXPECT_EQ(error_of("cluster = a b\n"),
            "gd.conf:1: cluster: 'a b' is not 1 to 64 letters, digits, '-' and '_'");
  EXPECT_EQ(error_of("listen = 1.2.3.4:99999\n").substr(0, 18), "gd.conf:1: listen:");
  EXPECT_EQ(error_of("heartbeat = 40s\n").find("gd.conf"), 0U);
  EXPECT_NE(error_of("[partition a]\nmax_time = 60\ndefault_time = 61\n").find("gd.conf:3"),
            std::string::npos);
  EXPECT_NE(error_of("[partition a]\nnodes = n[1-\n").find("gd.conf:2: nodes"), std::string::npos);
  EXPECT_EQ(error_of("[partition a]\ndefault=yes\n[partition b]\ndefault=yes\n"),
            "gd.conf: partitions 'a' and 'b' both say 'default = yes'");
  EXPECT_EQ(error_of("[node a]\n[node a,b]\n"),
            "gd.conf: node 'a' is in more than one [node] section");
  EXPECT_NE(error_of("[agent]\nsubid_base = 4294836224\nsubid_count = 131072\n")
                .find("gd.conf:3: subid_count"),
            std::string::npos);
}

TEST(SettingsTest, ValuesAreListedAsWritten) {
  const Settings settings =
      parse_settings("cluster = lab\n[partition p]\nmax_time = 2:00:00\n", "gd.conf").take();
  const auto has = [&](const SettingValue& value) {
    return std::find(settings.values.begin(), settings.values.end(), value) !=
           settings.values.end();
  };
  EXPECT_TRUE(has({"", "cluster", "lab", false}));
  EXPECT_TRUE(has({"", "user", "gd", true}));
  EXPECT_TRUE(has({"partition p", "max_time", "2:00:00", false}));
  EXPECT_TRUE(has({"agent", "subid_count", "65536", true}));
}

TEST(SettingsTest, TheSampleIsAFileOfDefaults) {
  EXPECT_EQ(parse_settings(sample_settings(), "gd.conf").take().controller,
            parse_settings("", "gd.conf").take().controller);
}

TEST(HostPortTest, HostPortAndEndpoint) {
  const auto parse = [](const char* text) { return parse_host_port(text, 6820).take(); };
  EXPECT_EQ(parse("login"), (HostPort{"login", 6820}));
  EXPECT_EQ(parse("*:7000"), (HostPort{"*", 7000}));
  EXPECT_EQ(parse("[::1]:7000"), (HostPort{"::1", 7000}));
  EXPECT_EQ(parse("[::1]"), (HostPort{"::1", 6820}));
  for (const char* bad : {"", ":1", "a:", "a:x", "a:65536", "[::1", "[::1]7", "::1"}) {
    EXPECT_FALSE(parse_host_port(bad, 6820).ok()) << bad;
  }
  EXPECT_EQ(tcp_endpoint({"::1", 7}), "tcp://[::1]:7");
  EXPECT_EQ(tcp_endpoint({"*", 0}), "tcp://*:*");
}

}  // namespace
}  // namespace gd
