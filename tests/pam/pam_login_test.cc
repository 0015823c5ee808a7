// pam_login() and pam_account() against real modules: each question, each refusal.
#include "server/auth/pam_login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/auth/auth_packet.h"
#include "tests/pam/pam_setup.h"

namespace gd::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PamLogin : public testing::Test {
 protected:
  void SetUp() override {
    GD_SKIP_WITHOUT_PAM_MODULES();
    setup_.plain_service();
  }
  Result<PamUser> log_in(const std::string& user, std::vector<std::string> answers) {
    asked_.clear();
    const PamTarget target{"gd", setup_.dir.path(), user, "192.0.2.1"};
    return pam_login(target, [&](PromptKind kind, const std::string& text) -> Result<SecretString> {
      asked_.push_back(std::to_string(static_cast<int>(kind)) + " " + text);
      if (kind == PromptKind::info || kind == PromptKind::error) return SecretString{};
      if (answers.empty()) return Error{ErrorCode::unavailable, "gone"};
      SecretString answer{std::move(answers.front())};
      answers.erase(answers.begin());
      return answer;
    });
  }
  Result<PamUser> account(const std::string& user) {
    return pam_account({"gd", setup_.dir.path(), user, ""});
  }
  test::PamSetup setup_;
  std::vector<std::string> asked_;
};

TEST_F(PamLogin, TheRightPasswordSaysWhoItIs) {
  const auto user = log_in(setup_.me, {"right"});
  ASSERT_TRUE(user.ok()) << user.error().text;
  EXPECT_EQ(user->name, setup_.me);
  EXPECT_EQ(user->uid, ::geteuid());
  EXPECT_EQ(user->gid, look_up_user(::geteuid())->gid);
  EXPECT_THAT(asked_, ElementsAre("0 Password: "));
}

TEST_F(PamLogin, AWrongPasswordAndAnUnknownUserAreTheSame) {
  const Error refused{ErrorCode::denied, "authentication failed"};
  EXPECT_EQ(log_in(setup_.me, {"wrong"}).error(), refused);
  EXPECT_EQ(log_in("no-such-user", {"right"}).error(), refused);
  EXPECT_EQ(log_in(setup_.me, {""}).error(), refused);
  EXPECT_EQ(log_in(setup_.me, {}).error(), refused);  // the client has gone
  EXPECT_EQ(log_in(setup_.me, {std::string("right\0x", 7)}).error(), refused);
}

TEST_F(PamLogin, AnAccountMayBeRefusedAfterTheRightPassword) {
  setup_.service("required " + setup_.matrix(), "required pam_deny.so", "required pam_deny.so");
  const auto user = log_in(setup_.me, {"right"});
  ASSERT_FALSE(user.ok());
  EXPECT_EQ(user.error().code, ErrorCode::denied);
  EXPECT_THAT(user.error().text, HasSubstr("the account '" + setup_.me + "' may not be used"));
}

TEST_F(PamLogin, AnExpiredPasswordIsChangedInTheConversation) {
  setup_.service("required " + setup_.matrix(), "required pam_debug.so acct=new_authtok_reqd",
                 "required " + setup_.matrix());
  const auto user = log_in(setup_.me, {"right", "right", "newer", "newer"});
  ASSERT_TRUE(user.ok()) << user.error().text;
  EXPECT_GE(asked_.size(), 3U);
  EXPECT_THAT(*read_file(setup_.dir / "users"), HasSubstr(":newer:"));
  EXPECT_FALSE(log_in(setup_.me, {"right", "right", "n", "n"}).ok());
}

TEST_F(PamLogin, AnExpiredPasswordThatIsNotChangedLetsNobodyIn) {
  setup_.service("required " + setup_.matrix(), "required pam_debug.so acct=new_authtok_reqd",
                 "required " + setup_.matrix());
  const auto user = log_in(setup_.me, {"right", "right", "newer", "other"});
  ASSERT_FALSE(user.ok());
  EXPECT_THAT(user.error().text, HasSubstr("has expired and was not changed"));
  EXPECT_THAT(*read_file(setup_.dir / "users"), HasSubstr(":right:"));
}

TEST_F(PamLogin, TwoModulesMayAskTwoQuestions) {
  setup_.put("codes", setup_.me + ":4711:gd\n");
  setup_.service("required " + setup_.matrix() + "\nauth required " + test::PamSetup::modules() +
                     "/pam_matrix.so echo verbose passdb=" + (setup_.dir / "codes"),
                 "required pam_permit.so", "required pam_deny.so");
  ASSERT_TRUE(log_in(setup_.me, {"right", "4711"}).ok());
  ASSERT_EQ(asked_.size(), 3U);
  EXPECT_EQ(asked_[0], "0 Password: ");
  EXPECT_TRUE(asked_[1].starts_with("1 "));  // visible
  EXPECT_TRUE(asked_[2].starts_with("2 "));  // only told
  EXPECT_FALSE(log_in(setup_.me, {"right", "wrong"}).ok());
  EXPECT_FALSE(log_in(setup_.me, {"wrong", "4711"}).ok());
}

TEST_F(PamLogin, ABrokenServiceIsNoVerdictOnTheUser) {
  setup_.put("gd", "auth required /nonexistent/module.so\n");
  EXPECT_EQ(log_in(setup_.me, {"right"}).error().code, ErrorCode::unavailable);
}

TEST_F(PamLogin, TheAccountStepAsksNobody) {
  const auto allowed = account(setup_.me);
  ASSERT_TRUE(allowed.ok()) << allowed.error().text;
  EXPECT_EQ(allowed->uid, ::geteuid());
  setup_.users(setup_.me + ":right:other\n");  // may use another service only
  EXPECT_EQ(account(setup_.me).error().code, ErrorCode::denied);
  setup_.service("required pam_permit.so", "required pam_debug.so acct=new_authtok_reqd",
                 "required " + setup_.matrix());
  EXPECT_THAT(account(setup_.me).error().text, HasSubstr("has expired: run gdlogin"));
  setup_.service("required pam_permit.so", "required pam_permit.so", "required pam_deny.so");
  EXPECT_EQ(account("no-such-user-here").error().code, ErrorCode::not_found);
}

TEST_F(PamLogin, AnswersAtTheLimitAreTakenAndLongerOnesAreNot) {
  setup_.service("required pam_exec.so quiet expose_authtok /bin/true", "required pam_permit.so",
                 "required pam_deny.so");
  const std::string longest(kMaxLoginAnswer, 'x');
  EXPECT_TRUE(log_in(setup_.me, {longest}).ok());
  EXPECT_FALSE(log_in(setup_.me, {longest + "x"}).ok());
}

TEST_F(PamLogin, WhatModulesSayIsCutToFitAPacketAndCannotDriveATerminal) {
  setup_.put("motto", "\x1b[2J" + std::string(2 * kMaxPromptText, 'm') + "\n");
  setup_.service(
      "optional pam_echo.so file=" + (setup_.dir / "motto") + "\nauth required " + setup_.matrix(),
      "required pam_permit.so", "required pam_deny.so");
  ASSERT_TRUE(log_in(setup_.me, {"right"}).ok());
  ASSERT_EQ(asked_.size(), 2U);
  EXPECT_TRUE(asked_[0].starts_with("2 \\x1b[2Jmmm"));
  EXPECT_LE(asked_[0].size(), kMaxPacketText);
}

TEST(LoginName, HasALimitAndNoControlCharacters) {
  EXPECT_TRUE(check_login_name("alice").ok());
  EXPECT_TRUE(check_login_name("DOMAIN\\alice b").ok());
  EXPECT_TRUE(check_login_name(std::string(kMaxLoginName, 'a')).ok());
  for (const std::string& bad :
       {std::string(), std::string(kMaxLoginName + 1, 'a'), std::string("-x"), std::string("a:b"),
        std::string("a\nb"), std::string("a\0b", 3), std::string("a\x7f")}) {
    EXPECT_EQ(check_login_name(bad).error().code, ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace gd::auth
