// Changes of accounts as values: who may ask for which, what follows from them, and the limits.
#include "server/core/account_edits.h"

#include <gtest/gtest.h>

namespace gd::core {
namespace {

using enum SectionAction;
using enum EntryAction;

const Actor kRoot{.uid = 0, .user = "root", .administrator = true};
const Actor kAda{.uid = 1, .user = "ada"};  // coordinates lab
const Actor kBob{.uid = 2, .user = "bob"};

SectionEdit edit(SectionAction action, const char* kind, const char* name,
                 std::vector<EntryEdit> entries = {}) {
  return {action, kind, name, std::move(entries)};
}

AccountsRequest request(std::vector<SectionEdit> edits) {
  AccountsRequest out;
  out.edits = std::move(edits);
  return out;
}

// "account/lab users=ada,bob:3|user/ada default_account=lab"
std::string text(const AccountSections& sections) {
  std::string out;
  for (const auto& [name, section] : sections) {
    out += (out.empty() ? "" : "|") + name.first + "/" + name.second;
    for (const AccountEntry& entry : section.entries) out += " " + entry.key + "=" + entry.value;
  }
  return out;
}

AccountSections site() {
  return edited({}, kRoot,
                request({edit(add, "account", "lab",
                              {{"users", insert, "ada"}, {"coordinators", insert, "ada"}}),
                         edit(add, "account", "sub", {{"parent", set, "lab"}}),
                         edit(add, "account", "art", {{"users", insert, "bob"}}),
                         edit(add, "qos", "short", {{"max_wall", set, "60"}})}))
      .value();
}

std::string after(const Actor& actor, std::vector<SectionEdit> edits,
                  const AccountSections& before = site()) {
  const auto fresh = edited(before, actor, request(std::move(edits)));
  return fresh.ok() ? text(*fresh) : "error: " + fresh.error().text;
}

constexpr char kSite[] =
    "account/art users=bob|account/lab users=ada coordinators=ada|account/sub parent=lab|"
    "qos/short max_wall=60|user/ada default_account=lab|user/bob default_account=art";

TEST(AccountEdits, AUsersFirstAccountIsHerDefault) {
  EXPECT_EQ(text(site()), kSite);
  EXPECT_EQ(after(kRoot, {edit(change, "account", "lab", {{"users", insert, "bob:3"}})}),
            "account/art users=bob|account/lab users=ada,bob:3 coordinators=ada|"
            "account/sub parent=lab|qos/short max_wall=60|user/ada default_account=lab|"
            "user/bob default_account=art");
}

TEST(AccountEdits, WhoLeavesAnAccountLeavesNothingThere) {
  AccountSections before = site();
  before[{"user", "art/bob"}] = {"user", "art/bob", {{"max_jobs", "2"}}};
  EXPECT_EQ(after(kRoot, {edit(change, "account", "art", {{"users", erase, "bob"}})}, before),
            "account/art|account/lab users=ada coordinators=ada|account/sub parent=lab|"
            "qos/short max_wall=60|user/ada default_account=lab");
}

TEST(AccountEdits, ADefaultAccountIsNotTakenFromWhoHasOthers) {
  const AccountSections before =
      edited(site(), kRoot, request({edit(change, "account", "lab", {{"users", insert, "bob"}})}))
          .value();
  EXPECT_EQ(after(kRoot, {edit(change, "account", "art", {{"users", erase, "bob"}})}, before),
            "error: account art is the default of user bob; give her another one first, of: lab");
  EXPECT_EQ(after(kRoot, {edit(remove, "account", "art")}, before),
            "error: account art is the default of user bob; give her another one first, of: lab");
  // Another default in the same request is soon enough.
  EXPECT_EQ(after(kRoot,
                  {edit(change, "user", "bob", {{"default_account", set, "lab"}}),
                   edit(remove, "account", "art")},
                  before)
                .find("error"),
            std::string::npos);
}

TEST(AccountEdits, AnAccountGoesWithWhatIsBelowIt) {
  EXPECT_EQ(after(kRoot, {edit(remove, "account", "lab")}),
            "account/art users=bob|qos/short max_wall=60|user/bob default_account=art");
}

TEST(AccountEdits, AQosThatGoesOpensNoOther) {
  AccountSections before = site();
  before[{"user", "lab/ada"}] = {"user", "lab/ada", {{"qos", "short"}, {"default_qos", "short"}}};
  EXPECT_EQ(after(kRoot, {edit(remove, "qos", "short")}, before),
            "account/art users=bob|account/lab users=ada coordinators=ada|account/sub parent=lab|"
            "user/ada default_account=lab|user/bob default_account=art|user/lab/ada qos=normal");
}

TEST(AccountEdits, AmountsMergeByKind) {
  const std::vector<SectionEdit> both = {
      edit(change, "qos", "short", {{"grp_tres", merge, "cpu=8,mem=1G"}}),
      edit(change, "qos", "short", {{"grp_tres", merge, "cpu=-1,node=2"}})};
  EXPECT_NE(after(kRoot, both).find("qos/short max_wall=60 grp_tres=mem=1G,node=2|"),
            std::string::npos);
  EXPECT_EQ(after(kRoot, {edit(change, "qos", "short", {{"grp_tres", merge, "cpu=-1"}})}), kSite);
  EXPECT_EQ(after(kRoot, {edit(change, "qos", "short", {{"max_wall", insert, "3"}})}),
            "error: max_wall is no list of names");
  EXPECT_EQ(after(kRoot, {edit(change, "qos", "short", {{"max_wall", merge, "3"}})}),
            "error: max_wall is no list of amounts");
}

TEST(AccountEdits, WhatIsThereOrNotIsSaid) {
  EXPECT_EQ(after(kRoot, {edit(add, "account", "lab")}), "error: account lab is there already");
  EXPECT_EQ(after(kRoot, {edit(change, "account", "x")}), "error: account x is not there");
  EXPECT_EQ(after(kRoot, {edit(remove, "qos", "x")}), "error: qos x is not there");
  EXPECT_EQ(after(kRoot, {edit(add, "node", "x")}), "error: 'node' is not account, user or qos");
  EXPECT_EQ(after(kRoot, {edit(add, "account", "x", {{"description", set, "a\nb"}})}),
            "error: description: a control character in 'a\\nb'");
}

TEST(AccountEdits, CoordinatorsChangeWhatIsTheirs) {
  const std::vector<SectionEdit> allowed[] = {
      {edit(change, "account", "lab", {{"users", insert, "eve:2"}})},
      {edit(change, "account", "sub", {{"users", insert, "eve"}, {"grp_jobs", set, "3"}})},
      {edit(add, "account", "new", {{"parent", set, "sub"}})},
      {edit(remove, "account", "sub")},
      {edit(change, "user", "lab/ada", {{"max_jobs", set, "3"}})},
      {edit(change, "user", "ada", {{"default_account", set, "lab"}})},
      {edit(add, "account", "new", {{"parent", set, "lab"}}),
       edit(change, "account", "new", {{"users", insert, "eve"}})}};
  for (const std::vector<SectionEdit>& edits : allowed) {
    EXPECT_EQ(after(kAda, edits).find("error"), std::string::npos) << after(kAda, edits);
    EXPECT_NE(after(kBob, edits).find("error: user bob is no administrator"), std::string::npos);
  }
}

TEST(AccountEdits, CoordinatorsChangeNothingElse) {
  const std::vector<SectionEdit> refused[] = {
      {edit(change, "account", "lab", {{"grp_jobs", set, "3"}})},
      {edit(change, "account", "lab", {{"coordinators", insert, "eve"}})},
      {edit(remove, "account", "lab")},
      {edit(add, "account", "new")},
      {edit(add, "account", "new", {{"parent", set, "art"}})},
      {edit(change, "account", "sub", {{"parent", set, "art"}})},
      {edit(change, "account", "sub", {{"parent", clear, ""}})},
      {edit(change, "account", "art", {{"users", insert, "ada"}})},
      {edit(change, "account", "sub", {{"qos", set, "short"}})},
      {edit(change, "user", "lab/ada", {{"default_qos", set, "short"}})},
      {edit(change, "user", "ada", {{"max_jobs", clear, ""}})},
      {edit(change, "user", "bob", {{"default_account", set, "art"}})},
      {edit(remove, "user", "bob")},
      {edit(add, "qos", "long")},
      {edit(change, "qos", "short", {{"max_wall", clear, ""}})}};
  for (const std::vector<SectionEdit>& edits : refused) {
    EXPECT_NE(after(kAda, edits).find("error: user ada is no administrator"), std::string::npos)
        << after(kAda, edits);
  }
  AccountsRequest anew;
  anew.clean = true;
  EXPECT_EQ(edited(site(), kAda, anew).error().code, ErrorCode::denied);
}

TEST(AccountEdits, OneChangeOrOneSectionTooManyIsRefused) {
  AccountsRequest many;
  for (size_t i = 0; i < kMaxSectionEdits; ++i) {
    many.edits.push_back(edit(change, "user", "ada", {{"default_account", set, "lab"}}));
  }
  EXPECT_TRUE(edited(site(), kRoot, many).ok());
  many.edits.push_back(many.edits.back());
  EXPECT_EQ(edited(site(), kRoot, many).error().text,
            "10001 changes in one request; at most 10000 are taken");
  AccountSections full;
  for (size_t i = 0; i < kMaxAccountSections; ++i) {
    const std::string name = "q" + std::to_string(i);
    full[{"qos", name}] = {"qos", name, {}};
  }
  EXPECT_TRUE(edited(full, kRoot, request({edit(change, "qos", "q0")})).ok());
  EXPECT_EQ(edited(full, kRoot, request({edit(add, "qos", "more")})).error().code,
            ErrorCode::exhausted);
  AccountSections large;
  for (const char* name : {"a", "b", "c", "d"}) {
    large[{"qos", name}] = {"qos", name, {{"x", std::string(kMaxAccountBytes / 4 - 1, 'x')}}};
  }
  EXPECT_TRUE(edited(large, kRoot, request({edit(change, "qos", "a")})).ok());
  EXPECT_EQ(edited(large, kRoot, request({edit(add, "qos", "e", {{"y", set, ""}})})).error().text,
            "accounts, users and qos would be 5 sections of 4194305 bytes; at most 20000 of "
            "4194304 are kept");
  const std::string long_value(kMaxEntryBytes + 1, 'x');
  EXPECT_FALSE(
      edited(full, kRoot, request({edit(change, "qos", "q0", {{"description", set, long_value}})}))
          .ok());
}

// Each name is looked up: this takes milliseconds, and for ever if each walks over all others.
TEST(AccountEdits, ThousandsMayJoinAtOnce) {
  std::string all = "u0";
  for (int i = 1; i < 10'000; ++i) all += ",u" + std::to_string(i);
  const auto joined =
      edited(site(), kRoot, request({edit(change, "account", "sub", {{"users", insert, all}})}));
  ASSERT_TRUE(joined.ok()) << joined.error().text;
  EXPECT_EQ(joined->size(), site().size() + 10'000);
  EXPECT_EQ(text(edited(*joined, kRoot,
                        request({edit(change, "account", "sub", {{"users", erase, all}})}))
                     .value()),
            kSite);
}

TEST(AccountEdits, TheEventLogSaysWhatWasAskedInOneLine) {
  EXPECT_EQ(summary(request({edit(add, "account", "lab", {{"shares", set, "2"}}),
                             edit(remove, "qos", "short")})),
            "add account lab (shares); remove qos short");
}

}  // namespace
}  // namespace gd::core
