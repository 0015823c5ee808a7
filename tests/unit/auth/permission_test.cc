// Who may do what: every message type for every kind of caller, every action.
#include "server/auth/permission.h"

#include <gtest/gtest.h>

#include <map>

#include "base/user.h"
#include "proto/messages.h"
#include "server/auth/key_rules.h"
#include "tests/unit/auth/keys.h"

namespace gd::auth {
namespace {

template <class... Alternatives>
std::vector<MessageType> types_in(const std::variant<Alternatives...>*) {
  return {Alternatives::kType...};
}
std::vector<MessageType> all_types() {
  return types_in(static_cast<const Message*>(nullptr));
}

Caller user(Uid uid) {
  return {PeerKind::user, uid, 100, {}, "u", false};
}
Caller job(Uid uid) {
  return {PeerKind::job, uid, 100, JobId{1}, "u", false};
}
Caller node() {
  return {PeerKind::node, 0, 0, {}, "node01", false};
}
Caller administrator(Uid uid) {
  return {PeerKind::user, uid, 100, {}, "a", true};
}

TEST(MaySend, EveryMessageTypeHasOneRow) {
  std::map<MessageType, int> rows;
  for (const SendRule& rule : send_rules()) ++rows[rule.type];
  for (const MessageType type : all_types()) EXPECT_EQ(rows[type], 1) << name(type);
  EXPECT_EQ(rows.size(), all_types().size());
}

TEST(MaySend, NobodyMayLogInAndJoinAndNothingElse) {
  const std::set<MessageType> allowed{MessageType::login_start, MessageType::login_answer,
                                      MessageType::node_join};
  for (const MessageType type : all_types()) {
    const auto may = may_send(Caller{}, type);
    EXPECT_EQ(may.ok(), allowed.contains(type)) << name(type);
    if (!may.ok()) {
      EXPECT_EQ(may.error().code, ErrorCode::unauthenticated);
    }
  }
  EXPECT_FALSE(may_send(Caller{}, static_cast<MessageType>(999)).ok());
  EXPECT_FALSE(may_send(administrator(0), static_cast<MessageType>(999)).ok());
}

TEST(MaySend, ANodeSpeaksForItselfAndForNoUser) {
  const std::set<MessageType> allowed{MessageType::ping_request, MessageType::enrol_request,
                                      MessageType::node_join,    MessageType::node_hello,
                                      MessageType::node_report,  MessageType::node_explained};
  for (const MessageType type : all_types()) {
    EXPECT_EQ(may_send(node(), type).ok(), allowed.contains(type)) << name(type);
  }
}

TEST(MaySend, AJobMayAllThatItsUserMayButKeysLoginsAndAccounts) {
  const std::set<MessageType> withheld{MessageType::key_list_request,
                                       MessageType::key_revoke_request, MessageType::login_start,
                                       MessageType::login_answer, MessageType::accounts_request};
  for (const MessageType type : all_types()) {
    const bool user_may = may_send(user(1001), type).ok();
    EXPECT_EQ(may_send(job(1001), type).ok(), user_may && !withheld.contains(type)) << name(type);
  }
}

TEST(MaySend, WhatIsForAdministratorsIsForThemAlone) {
  const std::set<MessageType> theirs{
      MessageType::node_update_request, MessageType::reconfigure_request,
      MessageType::shutdown_request,    MessageType::node_token_request,
      MessageType::reservation_request, MessageType::usage_reset_request};
  for (const MessageType type : all_types()) {
    const bool administrator_may = may_send(administrator(500), type).ok();
    EXPECT_EQ(may_send(user(1001), type).ok(), administrator_may && !theirs.contains(type))
        << name(type);
  }
  for (const MessageType type : theirs) {
    EXPECT_TRUE(may_send(administrator(500), type).ok());
    EXPECT_EQ(may_send(user(1001), type).error().code, ErrorCode::denied);
  }
}

TEST(MaySend, NoAnswerIsEverServed) {
  for (const Caller& caller : {Caller{}, user(1), job(1), node(), administrator(0)}) {
    EXPECT_FALSE(may_send(caller, MessageType::submit_reply).ok());
    EXPECT_FALSE(may_send(caller, MessageType::node_orders).ok());
    EXPECT_FALSE(may_send(caller, MessageType::step_launch).ok());
    EXPECT_FALSE(may_send(caller, MessageType::login_done).ok());
  }
}

struct ActCase {
  Action action;
  bool own, other, other_private, by_administrator, by_root;
};

class MayActTest : public testing::TestWithParam<ActCase> {};

TEST_P(MayActTest, FollowsTheTable) {
  const ActCase& expect = GetParam();
  const AccessRules open, hidden{.private_data = true};
  for (const auto& caller : {user(1001), job(1001)}) {
    EXPECT_EQ(may_act(caller, expect.action, 1001, open).ok(), expect.own);
    EXPECT_EQ(may_act(caller, expect.action, 1001, hidden).ok(), expect.own);
    EXPECT_EQ(may_act(caller, expect.action, 1002, open).ok(), expect.other);
    EXPECT_EQ(may_act(caller, expect.action, 1002, hidden).ok(), expect.other_private);
  }
  EXPECT_EQ(may_act(administrator(500), expect.action, 1002, hidden).ok(), expect.by_administrator);
  EXPECT_EQ(may_act(administrator(0), expect.action, 1002, hidden).ok(), expect.by_root);
  EXPECT_FALSE(may_act(Caller{}, expect.action, 0, open).ok());
  EXPECT_FALSE(may_act(node(), expect.action, 0, open).ok());
}

INSTANTIATE_TEST_SUITE_P(AllActions, MayActTest,
                         //                              own    other  private administrator root
                         testing::Values(ActCase{Action::submit, true, false, false, false, false},
                                         ActCase{Action::see, true, true, false, true, true},
                                         ActCase{Action::read, true, false, false, true, true},
                                         ActCase{Action::cancel, true, false, false, true, true},
                                         ActCase{Action::control, true, false, false, true, true},
                                         ActCase{Action::raise, false, false, false, true, true},
                                         ActCase{Action::attach, true, false, false, false, true}));

TEST(MayAct, UidZeroSubmitsOnlyWhereThatIsAllowed) {
  const Caller root = administrator(0);
  EXPECT_EQ(may_act(root, Action::submit, 0, {}).error().code, ErrorCode::denied);
  EXPECT_TRUE(may_act(root, Action::submit, 0, {.allow_root_jobs = true}).ok());
  EXPECT_TRUE(may_act(root, Action::cancel, 1001, {}).ok());
}

TEST(SeesOnly, PrivateDataHideOthersFromAllButAdministrators) {
  EXPECT_EQ(sees_only(user(1001), {}), std::nullopt);
  EXPECT_EQ(sees_only(user(1001), {.private_data = true}), std::optional<Uid>(1001));
  EXPECT_EQ(sees_only(job(1001), {.private_data = true}), std::optional<Uid>(1001));
  EXPECT_EQ(sees_only(administrator(500), {.private_data = true}), std::nullopt);
}

TEST(MakeCaller, AdministersByNameOrGroupWithEvidenceOfOnesOwn) {
  const Administrators administrators{{500}, {77}};
  KeyRecord key = test::user_key(1, 500, "carol");
  EXPECT_TRUE(make_caller(&key, administrators).administrator);
  key.made_by = kMadeByPeer;
  EXPECT_TRUE(make_caller(&key, administrators).administrator);
  key.made_by = std::string(kMadeByVouch) + "node01";
  EXPECT_FALSE(make_caller(&key, administrators).administrator);
  key = test::user_key(1, 1001, "alice");
  EXPECT_FALSE(make_caller(&key, administrators).administrator);
  key.gid = 77;
  EXPECT_TRUE(make_caller(&key, administrators).administrator);
  key.kind = KeyKind::job;
  EXPECT_FALSE(make_caller(&key, administrators).administrator);
  EXPECT_EQ(make_caller(&key, administrators).kind, PeerKind::job);
  key.kind = KeyKind::node;
  EXPECT_EQ(make_caller(&key, administrators).kind, PeerKind::node);
  EXPECT_FALSE(make_caller(&key, administrators).administrator);
  EXPECT_EQ(make_caller(nullptr, administrators), Caller{});
}

TEST(MakeCaller, RootAdministersFromTheControllersHostOnly) {
  KeyRecord key = test::user_key(1, 0, "root");
  key.made_by = kMadeByPeer;
  EXPECT_TRUE(make_caller(&key, {}).administrator);
  key.made_by = kMadeByPam;
  EXPECT_FALSE(make_caller(&key, Administrators{{0}, {}}).administrator);
}

TEST(ResolveAdministrators, TakesUsersGroupsAndOneself) {
  const auto found = resolve_administrators({"root", "@root"}, 4711);
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_TRUE(found->users.contains(0));
  EXPECT_TRUE(found->users.contains(4711));
  EXPECT_TRUE(found->groups.contains(0));
  EXPECT_EQ(resolve_administrators({"no-such-user-here"}, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(resolve_administrators({"@no-such-group-here"}, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(*resolve_administrators({}, {}), Administrators{});
}

}  // namespace
}  // namespace gd::auth
