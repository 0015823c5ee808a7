// Keys and join tokens on their way through the controller: durable, published, audited.
#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

TEST_F(ControllerTest, ATokenLetsOneNodeJoinOnceAndSurvivesARestart) {
  NodeTokenRequest request;
  request.node = "n2";
  request.may_vouch = true;
  EXPECT_EQ(ask<ErrorReply>(kAlice, request).code, ErrorCode::denied);
  NodeJoin join;
  join.token = ask<NodeTokenReply>(kRoot, request).token;
  join.node = "n2";
  start();
  EXPECT_EQ(ask<NodeJoined>(kStranger, join).cluster, "gd");
  EXPECT_EQ(ask<ErrorReply>('t', join).code, ErrorCode::denied);
  start();
  EXPECT_EQ(directory_.current()->identify(key_text(kStranger), "", now_).name, "n2");
  NodeHello hello;
  hello.info.name = "n2";
  hello.info.boot_id = "boot";
  hello.info.total = {1, 100, {}};
  EXPECT_TRUE(ask<NodeWelcome>(kStranger, hello).may_vouch);
  EXPECT_TRUE(controller_->hub().vouch_when_known.empty());
}

TEST_F(ControllerTest, ARevokedKeyIsNobodysFromTheNextMessageOn) {
  KeyRevokeRequest revoke;
  revoke.user = "alice";
  ask<OkReply>(kAlice, revoke);
  EXPECT_EQ(ask<ErrorReply>(kAlice, JobQuery{}).code, ErrorCode::unauthenticated);
  EXPECT_EQ(directory_.current()->identify(key_text(kAlice), "", now_).kind, PeerKind::nobody);
  start();
  EXPECT_EQ(ask<ErrorReply>(kAlice, JobQuery{}).code, ErrorCode::unauthenticated);
}

TEST_F(ControllerTest, OnlyAdministratorsListOthersKeys) {
  EXPECT_EQ(ask<KeyListReply>(kAlice, KeyListRequest{}).keys.size(), 1U);
  EXPECT_EQ(ask<ErrorReply>(kAlice, KeyListRequest{"bob"}).code, ErrorCode::denied);
  EXPECT_EQ(ask<KeyListReply>(kRoot, KeyListRequest{"*"}).keys.size(), 4U);
}

TEST_F(ControllerTest, WithoutGdauthdALoginSaysSo) {
  EXPECT_EQ(ask<ErrorReply>(kStranger, LoginStart{"alice"}).text,
            "logins are not possible: gdauthd is not running");
  ask<ErrorReply>(kStranger, LoginAnswer{"secret"});
}

TEST_F(ControllerTest, OneLoginPastKMaxLoginSessionsIsRefusedAndOldOnesEnd) {
  for (size_t i = 0; i < kMaxLoginSessions; ++i) {
    LoginSession session;
    session.origin.route = "r" + std::to_string(i);
    session.until = now_ + kLoginPatience;
    controller_->hub().logins.emplace(i, session);
  }
  EXPECT_EQ(ask<ErrorReply>(kStranger, LoginStart{"alice"}).text,
            "256 logins are under way already; try again");
  now_ += kLoginPatience;
  const auto left = ask_all(kAlice, PingRequest{});
  EXPECT_EQ(left.size(), kMaxLoginSessions + 1);  // each was told that it took too long
  EXPECT_TRUE(controller_->hub().logins.empty());
}

TEST_F(ControllerTest, ANodeThatIsNotTrustedEnrolsNobody) {
  bring_node_up();
  EnrolRequest request;
  request.uid = 1001;
  request.user = "alice";
  request.public_key = key_text('x');
  EXPECT_EQ(ask<ErrorReply>(kNode, request).code, ErrorCode::denied);
}

}  // namespace
}  // namespace gd::controller::test
