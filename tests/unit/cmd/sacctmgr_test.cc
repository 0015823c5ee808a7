// What sacctmgr lists, from the accounts of a configuration.
#include "cmd/sacctmgr.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

ConfigReply site() {
  ConfigReply config;
  const auto add = [&](const char* section, const char* key, const char* value) {
    config.entries.push_back({section, key, value, false});
  };
  add("", "cluster", "lab");
  add("", "controller", "head:6820");
  add("", "administrators", "root, ada");
  add("account physics", "shares", "3");
  add("account physics", "users", "ada:2,bob");
  add("account all", "parent", "physics");
  add("account all", "users", "*,bob:5");
  return config;
}

// Rows of the chosen format, fields separated by '|'.
std::vector<std::string> listed(const std::vector<std::string>& words) {
  const auto query = parse_acct_mgr(words);
  if (!query.ok()) return {"error: " + query.error().text};
  const auto items = acct_mgr_format(*query);
  if (!items.ok()) return {"error: " + items.error().text};
  std::vector<std::string> out;
  for (const AcctMgrRow& row : acct_mgr_rows(*query, site())) {
    std::string line;
    for (const FormatItem& item : *items) {
      const auto found = row.find(item.name);
      line += (found == row.end() ? "" : found->second) + "|";
    }
    out.push_back(line);
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(Sacctmgr, ListsWhatClientsAskFor) {
  EXPECT_EQ(listed({"list", "user", "bob", "format=account%20"}), Lines{"physics|"});
  EXPECT_EQ(listed({"show", "users", "withassoc", "format=account,qos", "where", "user=bob",
                    "cluster=lab"}),
            (Lines{"physics|normal|", "all|normal|"}));
  EXPECT_EQ(listed({"show", "assoc", "format=User,Account,GrpCPU,GrpMem,GrpJobs,GrpSubmit"}),
            (Lines{"|physics|||||", "ada|physics|||||", "bob|physics|||||", "|all|||||",
                   "bob|all|||||"}));
  EXPECT_EQ(listed({"list", "clusters", "format=cluster,controlhost,controlport"}),
            Lines{"lab|head|6820|"});
  EXPECT_EQ(listed({"list", "account", "format=account,parentname"}),
            (Lines{"physics|root|", "all|physics|"}));
  EXPECT_EQ(listed({"list", "qos", "format=name"}), Lines{"normal|"});
}

TEST(Sacctmgr, LimitsAreThoseOfTheConfiguration) {
  ConfigReply config = site();
  const auto add = [&](const char* section, const char* key, const char* value) {
    config.entries.push_back({section, key, value, false});
  };
  config.entries.insert(config.entries.begin() + 5,
                        {{"account physics", "grp_tres", "cpu=64, mem=1T", false},
                         {"account physics", "max_jobs", "7", false},
                         {"account physics", "qos", "normal, short", false}});
  add("user bob", "max_jobs", "2");
  add("qos short", "priority", "10");
  add("qos short", "max_wall", "60");
  add("qos short", "max_tres_per_user", "cpu=4");
  add("qos short", "deny_on_limit", "yes");
  const auto rows = [&](const std::vector<std::string>& words) {
    std::vector<std::string> out;
    const AcctMgrQuery query = parse_acct_mgr(words).value();
    const std::vector<FormatItem> items = acct_mgr_format(query).value();
    for (const AcctMgrRow& row : acct_mgr_rows(query, config)) {
      std::string line;
      for (const FormatItem& item : items) {
        const auto found = row.find(item.name);
        line += (found == row.end() ? "" : found->second) + "|";
      }
      out.push_back(line);
    }
    return out;
  };
  EXPECT_EQ(rows({"show", "qos", "format=name,priority,maxwall,maxtrespu,flags"}),
            (Lines{"normal|0||||", "short|10|01:00:00|cpu=4|DenyOnLimit|"}));
  EXPECT_EQ(rows({"show", "assoc", "format=account,user,grptres,maxjobs,qos"}),
            (Lines{"physics||cpu=64,mem=1T|7|normal,short|", "physics|ada||7|normal,short|",
                   "physics|bob||2|normal,short|", "all||||normal|", "all|bob||2|normal,short|"}));
}

TEST(Sacctmgr, EverybodyElseIsWhoeverIsAskedFor) {
  EXPECT_EQ(listed({"list", "user", "eve", "format=user,account,share"}), Lines{"eve|all|1|"});
  EXPECT_EQ(listed({"show", "assoc", "user=eve", "format=account"}), Lines{"all|"});
  EXPECT_EQ(listed({"list", "user", "ada", "format=defaultaccount,adminlevel"}),
            Lines{"physics|Administrator|"});
}

TEST(Sacctmgr, OfAnotherClusterThereIsNothing) {
  EXPECT_TRUE(listed({"list", "user", "cluster=elsewhere"}).empty());
}

TEST(Sacctmgr, WhatItCannotDoIsSaid) {
  EXPECT_EQ(listed({"archive", "dump"}), Lines{"error: archive: not supported by gd"});
  EXPECT_EQ(listed({"lsit", "account"}),
            Lines{"error: 'lsit' is not list, show, add, modify, delete, dump or load"});
  EXPECT_EQ(listed({"list", "nosuch"}), Lines{"error: Bad entity: 'nosuch'"});
  EXPECT_EQ(listed({"list", "user", "format=nosuch"}), Lines{"error: Unknown field 'nosuch'"});
  EXPECT_EQ(listed({"list", "user", "colour=red"}), Lines{"error: Unknown condition: colour=red"});
  EXPECT_EQ(listed({"list"}).front().substr(0, 6), "error:");
}

}  // namespace
}  // namespace gd::cmd
