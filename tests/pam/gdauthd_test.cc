// gdauthd as a process: logins, account checks, enrolment, and what a controller that
// was taken over gets from it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "tests/pam/gdauthd_setup.h"

namespace gd::auth {
namespace {

using Gdauthd = test::GdauthdTest;

const std::string kKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const EnrolAnswer kAnswer{"me", TimePoint{}, "head:6820", std::string(40, 'c')};

TEST_F(Gdauthd, LogsInWithTheRightPassword) {
  start();
  ASSERT_TRUE(link_->start_login(7, setup_.me, "192.0.2.1").ok());
  const auto prompt = next_is<LoginPrompted>();
  ASSERT_TRUE(prompt);
  EXPECT_EQ(prompt->id, 7U);
  EXPECT_EQ(prompt->kind, PromptKind::secret);
  EXPECT_EQ(prompt->text, "Password: ");
  ASSERT_TRUE(link_->answer_login(7, secret("right")).ok());
  const auto done = next_is<LoginSucceeded>();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->id, 7U);
  EXPECT_EQ(done->uid, ::geteuid());
  EXPECT_EQ(done->user, setup_.me);
}

TEST_F(Gdauthd, SaysTheSameOfAWrongPasswordAndAnUnknownUser) {
  start();
  uint64_t id = 0;
  for (const std::string& user : {setup_.me, std::string("no-such-user")}) {
    ASSERT_TRUE(link_->start_login(++id, user, "").ok());
    std::optional<AuthEvent> event = next();
    ASSERT_TRUE(event);
    if (std::holds_alternative<LoginPrompted>(*event)) {
      ASSERT_TRUE(link_->answer_login(id, secret("wrong")).ok());
      event = next();
    }
    ASSERT_TRUE(event && std::holds_alternative<AuthRefused>(*event));
    EXPECT_EQ(std::get<AuthRefused>(*event).error,
              (Error{ErrorCode::denied, "authentication failed"}));
  }
}

TEST_F(Gdauthd, TellsAFailureOnlyAfterTheDelay) {
  start(200ms);
  ASSERT_TRUE(link_->start_login(1, setup_.me, "").ok());
  ASSERT_TRUE(next_is<LoginPrompted>());
  const Milliseconds before = boot_time();
  ASSERT_TRUE(link_->answer_login(1, secret("wrong")).ok());
  ASSERT_TRUE(next_is<AuthRefused>());
  EXPECT_GE(boot_time() - before, 200ms);
}

TEST_F(Gdauthd, SlowsDownWhoFailsOften) {
  start();
  std::optional<AuthRefused> refused;
  uint64_t id = 0;
  do {
    ASSERT_LT(id, 20U);
    ASSERT_TRUE(link_->start_login(++id, setup_.me, "192.0.2.1").ok());
    std::optional<AuthEvent> event = next();
    ASSERT_TRUE(event);
    if (std::holds_alternative<LoginPrompted>(*event)) {
      ASSERT_TRUE(link_->answer_login(id, secret("wrong")).ok());
      event = next();
    }
    ASSERT_TRUE(event && std::holds_alternative<AuthRefused>(*event));
    refused = std::get<AuthRefused>(*event);
  } while (refused->error.code != ErrorCode::exhausted);
  EXPECT_EQ(id, 6U);  // the policy's four free ones, one more, and this
  ASSERT_TRUE(link_->start_login(++id, setup_.me, "198.51.100.1").ok());
  EXPECT_EQ(next_is<AuthRefused>()->error.code, ErrorCode::exhausted);  // from anywhere
}

TEST_F(Gdauthd, ACancelledLoginIsOver) {
  start();
  ASSERT_TRUE(link_->start_login(1, setup_.me, "").ok());
  ASSERT_TRUE(next_is<LoginPrompted>());
  ASSERT_TRUE(link_->cancel_login(1).ok());
  ASSERT_TRUE(link_->answer_login(1, secret("right")).ok());  // late: means nothing
  ASSERT_TRUE(link_->check_account(2, setup_.me).ok());
  const auto allowed = next_is<AccountAllowed>();
  ASSERT_TRUE(allowed);
  EXPECT_EQ(allowed->id, 2U);
  EXPECT_EQ(allowed->uid, ::geteuid());
}

TEST_F(Gdauthd, ChecksAccounts) {
  start();
  setup_.users(setup_.me + ":right:elsewhere\n");
  ASSERT_TRUE(link_->check_account(1, setup_.me).ok());
  EXPECT_EQ(next_is<AuthRefused>()->error.code, ErrorCode::denied);
  ASSERT_TRUE(link_->check_account(2, "a\nb").ok());
  EXPECT_EQ(next_is<AuthRefused>()->error.code, ErrorCode::invalid);
}

TEST_F(Gdauthd, EnrolsALocalProcessAfterTheControllerHasAnswered) {
  start();
  Result<EnrolAnswer> answer = Error{};
  std::atomic<bool> answered = false;
  std::thread client([&] {
    answer = enrol_at(socket_path_, kKey);
    answered = true;
  });
  const auto asked = next_is<EnrolAsked>();
  if (asked) {
    EXPECT_EQ(asked->uid, ::geteuid());
    EXPECT_EQ(asked->user, setup_.me);
    EXPECT_EQ(asked->public_key, kKey);
    EXPECT_FALSE(answered);
    EXPECT_TRUE(link_->answer_enrol(asked->id, kAnswer).ok());
  }
  client.join();
  ASSERT_TRUE(answer.ok()) << answer.error().text;
  EXPECT_EQ(*answer, kAnswer);
}

TEST_F(Gdauthd, AnEnrolmentThatTheAccountStepRefusesNeverReachesTheController) {
  start();
  setup_.users(setup_.me + ":right:elsewhere\n");
  const auto answer = enrol_at(socket_path_, kKey);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::denied);
  EXPECT_NE(answer.error().text.find("may not be used"), std::string::npos);
  ASSERT_TRUE(link_->check_account(1, "x:y").ok());
  EXPECT_TRUE(next_is<AuthRefused>());  // and no EnrolAsked before it
}

TEST_F(Gdauthd, TheUidIsTheKernelsWord) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  const auto nobody = look_up_user(std::string("nobody"));
  if (!nobody.ok()) GTEST_SKIP() << "no user 'nobody' here";
  ASSERT_EQ(::chmod(setup_.dir.path().c_str(), 0755), 0);
  setup_.users("nobody:x:gd\n");
  start();
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(nobody->gid) != 0 || ::setuid(nobody->uid) != 0) ::_exit(2);
    ::_exit(enrol_at(socket_path_, kKey).ok() ? 0 : 1);
  }
  const auto asked = next_is<EnrolAsked>();
  if (asked) {
    EXPECT_EQ(asked->uid, nobody->uid);
    EXPECT_EQ(asked->user, "nobody");
    EXPECT_TRUE(link_->answer_enrol(asked->id, kAnswer).ok());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Gdauthd, APacketOutOfOrderEndsItsConversationOnly) {
  start(10s);
  ASSERT_TRUE(link_->start_login(1, setup_.me, "").ok());
  ASSERT_TRUE(next_is<LoginPrompted>());
  ASSERT_TRUE(link_->start_login(1, setup_.me, "").ok());  // begun already
  auto refused = next_is<AuthRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error.code, ErrorCode::conflict);

  ASSERT_TRUE(link_->start_login(2, setup_.me, "").ok());
  ASSERT_TRUE(next_is<LoginPrompted>());
  ASSERT_TRUE(link_->answer_login(2, secret("wrong")).ok());
  ASSERT_TRUE(link_->answer_login(2, secret("right")).ok());  // nobody asked again
  refused = next_is<AuthRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error.code, ErrorCode::conflict);

  ASSERT_TRUE(link_->answer_enrol(kEnrolIdBit | 99, kAnswer).ok());  // of no enrolment
  ASSERT_TRUE(link_->check_account(3, setup_.me).ok());
  EXPECT_TRUE(next_is<AccountAllowed>());
}

// What stops the daemon: the exit code that each such packet leads to.
class GdauthdFatal : public test::GdauthdTest {
 protected:
  int exit_code_after(std::string_view bytes) {
    start();
    EXPECT_EQ(::send(link_->fd(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    const Result<WaitStatus> status = link_->process().wait();
    link_.reset();
    return status.ok() ? status->shell_code() : -1;
  }
};

TEST_F(GdauthdFatal, BytesThatAreNoPacket) {
  EXPECT_EQ(exit_code_after("hello"), 1);
}

TEST_F(GdauthdFatal, APacketThatIsTooLong) {
  EXPECT_EQ(exit_code_after(std::string(kMaxPacketBytes + 1, '\x01')), 1);
}

TEST_F(GdauthdFatal, AVerdictFromTheWrongSide) {
  Packet packet;
  packet.kind = PacketKind::login_done;
  packet.id = 1;
  EXPECT_EQ(exit_code_after(format_packet(packet).reveal()), 1);
}

TEST_F(GdauthdFatal, ALoginInTheNameOfALocalProcess) {
  Packet packet;
  packet.kind = PacketKind::login_start;
  packet.id = kEnrolIdBit | 1;
  packet.text = SecretString(std::string("root"));
  EXPECT_EQ(exit_code_after(format_packet(packet).reveal()), 1);
}

TEST_F(Gdauthd, EndsWhenTheControllerDoes) {
  start();
  ASSERT_TRUE(link_->start_login(1, setup_.me, "").ok());
  ASSERT_TRUE(next_is<LoginPrompted>());  // with a child under way
  Result<Pidfd> process = Pidfd::open(link_->process().pid());
  ASSERT_TRUE(process.ok());
  link_.reset();
  const Result<WaitStatus> status = process->wait();
  ASSERT_TRUE(status.ok());
  EXPECT_TRUE(status->ok()) << status->text();
  EXPECT_EQ(enrol_at(socket_path_, kKey).error().code, ErrorCode::unavailable);
}

TEST(GdauthdOptions, ByHandItSaysWhoStartsIt) {
  if (!get_env("GD_GDAUTHD")) GTEST_SKIP() << "needs GD_GDAUTHD, the path of the program";
  for (const std::vector<std::string>& options : {std::vector<std::string>{},
                                                  {"--control"},
                                                  {"--control", "x"},
                                                  {"--control", "2"},
                                                  {"--bogus", "1"}}) {
    std::vector<std::string> argv{*get_env("GD_GDAUTHD")};
    argv.insert(argv.end(), options.begin(), options.end());
    const auto captured = run_and_capture(argv, {});
    ASSERT_TRUE(captured.ok()) << captured.error().text;
    EXPECT_NE(captured->status.exit_code, 0);
    EXPECT_NE(captured->err.find("gdauthd_stopped"), std::string::npos) << captured->err;
  }
}

}  // namespace
}  // namespace gd::auth
