// Accounts that sacctmgr changes: durable, in force at once, refused as a whole, and never in two
// places at a time.
#include "server/core/invariants.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

using enum SectionAction;
using enum EntryAction;

AccountsRequest changes(std::vector<SectionEdit> edits, uint64_t id) {
  AccountsRequest request;
  request.request = {id, id};
  request.edits = std::move(edits);
  return request;
}

const std::vector<SectionEdit> kLab = {
    {add, "account", "lab", {{"users", insert, "alice"}, {"max_submit", EntryAction::set, "1"}}}};

class AccountsTest : public ControllerTest {
 protected:
  std::string config_value(const std::string& section, const std::string& key) {
    for (const ConfigValue& each : ask<ConfigReply>(kAlice, ConfigQuery{}).entries) {
      if (each.section == section && each.key == key) return each.value;
    }
    return "";
  }
  std::string refusal(char who, const Message& message) {
    return ask<ErrorReply>(who, message).text;
  }
};

TEST_F(AccountsTest, AChangeIsInForceAndOutlivesARestart) {
  (void)ask<AccountsReply>(kRoot, changes(kLab, 1));
  EXPECT_EQ(config_value("account lab", "users"), "alice");
  EXPECT_GT(submit(kAlice).value, 0U);
  EXPECT_EQ(refusal(kAlice, submission("#!/bin/sh\n", 5)),
            "job violates accounting/QOS policy: user alice of account lab: max_submit 1, 1 wait "
            "or run and 1 asked");
  EXPECT_EQ(refusal(kBob, submission("#!/bin/sh\n", 6)), "user bob has no account on this cluster");
  start();
  EXPECT_EQ(config_value("account lab", "users"), "alice");
  EXPECT_EQ(config_value("user alice", "default_account"), "lab");
  EXPECT_EQ(refusal(kBob, submission("#!/bin/sh\n", 6)), "user bob has no account on this cluster");
  EXPECT_TRUE(core::check_all(controller_->hub().cluster).ok());
}

TEST_F(AccountsTest, TheSameRequestAgainIsAnsweredAndNotDoneAgain) {
  (void)ask<AccountsReply>(kRoot, changes(kLab, 1));
  (void)ask<AccountsReply>(kRoot, changes(kLab, 1));
  EXPECT_EQ(refusal(kRoot, changes(kLab, 2)), "account lab is there already");
}

TEST_F(AccountsTest, OnlyWhoMayChangesAndNothingHalf) {
  EXPECT_EQ(refusal(kAlice, changes(kLab, 1)),
            "user alice is no administrator, and no coordinator who may change account lab");
  std::vector<SectionEdit> half = kLab;
  half.push_back({add, "account", "sub", {{"parent", EntryAction::set, "nosuch"}}});
  EXPECT_EQ(refusal(kRoot, changes(half, 2)),
            "gd.conf: [account sub]: parent 'nosuch' is no account, or is below it");
  half.back() = {add, "account", "sub", {{"lunch", EntryAction::set, "1"}}};
  EXPECT_EQ(refusal(kRoot, changes(half, 3)), "[account sub]: no such key in [account sub]: lunch");
  EXPECT_EQ(config_value("account lab", "users"), "");
  start();
  EXPECT_EQ(config_value("account lab", "users"), "");
}

TEST_F(AccountsTest, WhoseJobsWaitOrRunIsNotTakenOut) {
  (void)ask<AccountsReply>(kRoot, changes(kLab, 1));
  const JobId job = submit(kAlice);
  const auto gone = changes({{change, "account", "lab", {{"users", erase, "alice"}}}}, 2);
  const auto reply = ask<AccountsReply>(kRoot, gone);
  EXPECT_EQ(reply.active, (std::vector<ActiveJob>{{job, "lab", "alice"}}));
  EXPECT_EQ(config_value("account lab", "users"), "alice");
  CancelRequest cancel;
  cancel.filter.jobs = {job};
  (void)ask<JobsReply>(kAlice, cancel);
  EXPECT_TRUE(ask<AccountsReply>(kRoot, gone).active.empty());
  EXPECT_EQ(config_value("account lab", "users"), "");
}

TEST_F(AccountsTest, WhatGdConfSaysIsChangedThere) {
  file_ = "[account art]\nusers = alice\n";
  start(file_);
  EXPECT_EQ(refusal(kRoot, changes(kLab, 1)),
            "accounts are kept in gd.conf, line 1: [account art]; change them there, or move them: "
            "sacctmgr dump, load, take the sections out, gdctl reconfigure");
  // What is loaded meanwhile sleeps, and is in force as one when the sections have gone.
  AccountsRequest load = changes(kLab, 2);
  load.load = true;
  EXPECT_EQ(ask<AccountsReply>(kRoot, load).warnings,
            std::vector<std::string>{"kept, and in force as soon as gd.conf has no [account], "
                                     "[user] and [qos] sections any more"});
  EXPECT_EQ(config_value("account lab", "users"), "");
  EXPECT_EQ(ask<OkReply>(kRoot, ReconfigureRequest{}).warnings,
            std::vector<std::string>{"the accounts of gd.conf are in force; the 2 sections that "
                                     "sacctmgr made are kept beside them"});
  file_ = "";
  EXPECT_TRUE(ask<OkReply>(kRoot, ReconfigureRequest{}).warnings.empty());
  EXPECT_EQ(config_value("account art", "users"), "");
  EXPECT_EQ(config_value("account lab", "users"), "alice");
  (void)ask<AccountsReply>(kRoot, changes({{add, "account", "new", {}}}, 3));
  start();
  EXPECT_EQ(config_value("account new", "shares"), "1");
}

TEST_F(AccountsTest, APartitionsAccountIsNotRemoved) {
  const gd::test::TempDir folder;
  const std::string path = folder / "gd.conf";
  ASSERT_TRUE(replace_file(path, "[partition p]\nallow_accounts = lab\n", 0600).ok());
  controller_->hub().parts.reload = [path] { return load_settings(path); };
  EXPECT_EQ(refusal(kRoot, ReconfigureRequest{}),
            path + ":2: allow_accounts: there is no [account lab]");
  (void)ask<AccountsReply>(kRoot, changes({{add, "account", "lab", {}}}, 1));
  (void)ask<OkReply>(kRoot, ReconfigureRequest{});
  EXPECT_EQ(refusal(kRoot, changes({{remove, "account", "lab", {}}}, 2)),
            path + ":2: allow_accounts: there is no [account lab]");
}

TEST_F(AccountsTest, OnlySoManyRequestsAreRemembered) {
  RecentRequests recent;
  for (uint64_t i = 1; i <= kMaxRecentRequests; ++i) recent.remember({i, i});
  EXPECT_TRUE(recent.contains({1, 1}));
  recent.remember({9999, 1});
  EXPECT_FALSE(recent.contains({1, 1}));
  EXPECT_TRUE(recent.contains({2, 2}));
}

}  // namespace
}  // namespace gd::controller::test
