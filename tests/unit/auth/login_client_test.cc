// The client's identity: key files, silent enrolment against a listener, and the login
// dialogue against a controller of a few lines.
#include "cmd/login_client.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "cmd/login_key.h"
#include "proto/codec.h"
#include "proto/enrol_listener.h"
#include "proto/paths.h"
#include "tests/support/temp_dir.h"

namespace gd::cmd {
namespace {

const std::string kController = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

// Answers every enrolment in a thread of its own until it goes.
class Enroller {
 public:
  Enroller(const std::string& path, Result<EnrolAnswer> answer)
      : poller_(std::move(Poller::create()).take()) {
    listener_ = std::move(EnrolListener::create(*poller_, std::move(bind_enrol_socket(path)).take(),
                                                [this, answer](const EnrolAsk& ask) {
                                                  ++asked;
                                                  listener_->answer(ask.id, answer);
                                                }))
                    .take();
    thread_ = std::thread([this] {
      while (!stop_) (void)poller_->run_once(10ms).ok();
    });
  }
  ~Enroller() {
    stop_ = true;
    thread_.join();
  }
  std::atomic<int> asked = 0;

 private:
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<EnrolListener> listener_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class LoginClientTest : public testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv(kKeyVariable);
    ::setenv("HOME", dir_.path().c_str(), 1);
    settings_ = {"blue", dir_.path(), "head:6820", ""};
  }
  const EnrolAnswer good_{"me", TimePoint{}, "told:1", kController};
  test::TempDir dir_;
  std::string path_ = dir_ / ".config/gd/blue.key";
  std::string auth_socket_ = dir_ / kAuthSocketName;
  std::string node_socket_ = dir_ / kNodeSocketName;
  LoginSettings settings_;
};

TEST_F(LoginClientTest, WithoutKeyAndSocketOneIsNotLoggedIn) {
  EXPECT_EQ(ensure_identity(settings_).error(),
            (Error{ErrorCode::unauthenticated, "not logged in to cluster blue: run gdlogin"}));
  EXPECT_NE(::access((dir_ / ".config").c_str(), F_OK), 0);  // nothing was made
}

TEST_F(LoginClientTest, EnrolsOnceAndThenReadsTheFile) {
  Enroller enroller(auth_socket_, good_);
  const auto first = ensure_identity(settings_);
  ASSERT_TRUE(first.ok()) << first.error().text;
  EXPECT_EQ(first->controller, "told:1");
  EXPECT_EQ(first->controller_key, kController);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto second = ensure_identity(settings_);
  ASSERT_TRUE(second.ok()) << second.error().text;
  EXPECT_EQ(second->keys.public_key, first->keys.public_key);
  EXPECT_EQ(*curve_public_of(second->keys.secret_key), second->keys.public_key);
  EXPECT_EQ(enroller.asked, 1);
}

TEST_F(LoginClientTest, ManyAtOnceShareOneKey) {
  Enroller enroller(auth_socket_, good_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([this] { EXPECT_TRUE(ensure_identity(settings_).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(enroller.asked, 1);
}

TEST_F(LoginClientTest, TheConfigurationKnowsTheControllerBest) {
  Enroller enroller(auth_socket_, good_);
  settings_.controller_key = std::string(40, 'c');
  const auto identity = ensure_identity(settings_);
  ASSERT_TRUE(identity.ok()) << identity.error().text;
  EXPECT_EQ(identity->controller, "head:6820");
  EXPECT_EQ(identity->controller_key, std::string(40, 'c'));
}

TEST_F(LoginClientTest, ARefusalOfOneSocketIsNoObstacleForTheOther) {
  Enroller refuser(auth_socket_, Error{ErrorCode::denied, "account locked"});
  EXPECT_EQ(ensure_identity(settings_).error(),
            (Error{ErrorCode::unauthenticated,
                   "not logged in to cluster blue (account locked): run gdlogin"}));
  Enroller enroller(node_socket_, good_);
  EXPECT_TRUE(ensure_identity(settings_).ok());
}

TEST_F(LoginClientTest, ARejectedKeyIsRenewedByANewPair) {
  Enroller enroller(auth_socket_, good_);
  const auto old = ensure_identity(settings_);
  ASSERT_TRUE(old.ok());
  const auto fresh = renew_identity(settings_, *old);
  ASSERT_TRUE(fresh.ok()) << fresh.error().text;
  EXPECT_NE(fresh->keys.public_key, old->keys.public_key);
  // Another command has done so already: its key is taken.
  EXPECT_EQ(renew_identity(settings_, *old)->keys.public_key, fresh->keys.public_key);
  EXPECT_EQ(enroller.asked, 2);
}

TEST_F(LoginClientTest, AKeyFileThatOthersCouldTouchIsRefused) {
  Enroller enroller(auth_socket_, good_);
  ASSERT_TRUE(ensure_identity(settings_).ok());
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  EXPECT_EQ(ensure_identity(settings_).error().code, ErrorCode::denied);
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  ASSERT_EQ(::rename(path_.c_str(), (dir_ / "moved").c_str()), 0);
  ASSERT_EQ(::symlink((dir_ / "moved").c_str(), path_.c_str()), 0);
  EXPECT_EQ(ensure_identity(settings_).error().code, ErrorCode::denied);
  EXPECT_EQ(enroller.asked, 1);
}

TEST_F(LoginClientTest, TheVariableNamesAnotherFile) {
  const CurveKeys keys = make_curve_keys();
  ASSERT_TRUE(write_key_file(dir_ / "other.key", {keys, "far:1", kController}).ok());
  ::setenv(kKeyVariable, (dir_ / "other.key").c_str(), 1);
  const auto identity = ensure_identity(settings_);
  ASSERT_TRUE(identity.ok()) << identity.error().text;
  EXPECT_EQ(identity->keys.public_key, keys.public_key);
  EXPECT_EQ(identity->controller, "far:1");
  ::unsetenv(kKeyVariable);
}

TEST_F(LoginClientTest, AJobsKeyIsReadAsSuchAndNeverRenewed) {
  const Enroller enroller(auth_socket_, good_);
  const CurveKeys keys = make_curve_keys();
  const std::string line = keys.public_key + " " + keys.secret_key + "\nfar:1 " + kController;
  ASSERT_TRUE(replace_file(dir_ / "job.key", line + " job 7\n", 0600).ok());
  ::setenv(kKeyVariable, (dir_ / "job.key").c_str(), 1);
  const auto identity = ensure_identity(settings_);
  ASSERT_TRUE(identity.ok()) << identity.error().text;
  EXPECT_EQ(identity->job, JobId{7});
  EXPECT_EQ(identity->controller, "far:1");
  const auto renewed = renew_identity(settings_, *identity);
  EXPECT_EQ(
      renewed.error(),
      (Error{ErrorCode::unauthenticated,
             "the key of job 7 is known no more: the job has ended, or the key was revoked"}));
  EXPECT_EQ(enroller.asked, 0);
  for (const char* bad : {" job 0\n", " job x\n", " task 7\n", " job\n", " job 7 8\n"}) {
    ASSERT_TRUE(replace_file(dir_ / "job.key", line + bad, 0600).ok());
    EXPECT_EQ(ensure_identity(settings_).error().code, ErrorCode::invalid) << bad;
  }
  ::unsetenv(kKeyVariable);
}

TEST_F(LoginClientTest, DamagedFilesAndMissingControllersAreTold) {
  ASSERT_TRUE(write_key_file(path_, {make_curve_keys(), "", ""}).ok());
  EXPECT_EQ(ensure_identity(settings_).error().code, ErrorCode::invalid);
  ASSERT_TRUE(replace_file(path_, "a b\n", 0600).ok());
  EXPECT_EQ(ensure_identity(settings_).error().code, ErrorCode::invalid);
}

struct Script final : Prompter {
  std::vector<std::string> answers;
  std::vector<std::string> asked;
  Result<std::string> ask(PromptKind kind, const std::string& text) override {
    asked.push_back(std::to_string(static_cast<int>(kind)) + " " + text);
    if (kind == PromptKind::info) return std::string{};
    if (answers.empty()) return Error{ErrorCode::unavailable, "no more answers"};
    std::string answer = answers.front();
    answers.erase(answers.begin());
    return answer;
  }
};

// Asks for a password, then a code; the right ones are "right" and "42".
class FakeController {
 public:
  FakeController() : keys_(make_curve_keys()) {
    zap_ = std::make_unique<ZapHandler>(context_, [](const std::string& key, const std::string&) {
      Peer peer;
      peer.public_key = key;
      return std::optional<Peer>(peer);
    });
    socket_.emplace(std::move(ServerSocket::bind(context_, "tcp://127.0.0.1:*", keys_)).take());
    address = socket_->endpoint().substr(6);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeController() {
    stop_ = true;
    thread_.join();
    socket_.reset();
    zap_.reset();
  }
  [[nodiscard]] const std::string& key() const { return keys_.public_key; }
  std::string address;

 private:
  void serve() {
    while (!stop_) {
      WaitItem items[] = {WaitItem(*socket_)};
      if (!wait(items, 10ms)) continue;
      while (auto incoming = socket_->receive()) {
        const Result<Message> message = decode(incoming->body);
        if (!message.ok()) continue;
        (void)socket_->send(incoming->route, incoming->tag, encode(reply_to(*message)));
      }
    }
  }
  Message reply_to(const Message& message) {
    if (std::get_if<LoginStart>(&message) != nullptr) {
      step_ = 0;
      return LoginPrompt{PromptKind::info, "welcome"};
    }
    const auto* answer = std::get_if<LoginAnswer>(&message);
    const Message wrong = ErrorReply{ErrorCode::denied, "authentication failed"};
    if (answer == nullptr) return wrong;
    switch (step_++) {
      case 0: return LoginPrompt{PromptKind::secret, "Password: "};
      case 1:
        if (answer->text != "right") return wrong;
        return LoginPrompt{PromptKind::visible, "Code: "};
      default:
        if (answer->text != "42") return wrong;
        return LoginDone{"alice", 1001, TimePoint{Seconds{5}}};
    }
  }

  CurveKeys keys_;
  SocketContext context_;
  std::unique_ptr<ZapHandler> zap_;
  std::optional<ServerSocket> socket_;
  int step_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_F(LoginClientTest, ALoginAsksAllQuestionsAndKeepsItsKey) {
  FakeController controller;
  settings_.controller = controller.address;
  settings_.controller_key = controller.key();
  SocketContext context;
  Script script;
  script.answers = {"right", "42"};
  const auto done = login(settings_, "alice", script, context);
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(*done, (LoginDone{"alice", 1001, TimePoint{Seconds{5}}}));
  EXPECT_EQ(script.asked, (std::vector<std::string>{"2 welcome", "0 Password: ", "1 Code: "}));
  settings_.controller_key.clear();
  const auto identity = ensure_identity(settings_);  // without any socket: the file has it all
  ASSERT_TRUE(identity.ok()) << identity.error().text;
  EXPECT_EQ(identity->controller_key, controller.key());
}

TEST_F(LoginClientTest, AFailedLoginKeepsNothing) {
  FakeController controller;
  settings_.controller = controller.address;
  settings_.controller_key = controller.key();
  SocketContext context;
  Script script;
  script.answers = {"wrong"};
  EXPECT_EQ(login(settings_, "alice", script, context).error(),
            (Error{ErrorCode::denied, "authentication failed"}));
  EXPECT_EQ(login(settings_, "alice", script, context).error().code, ErrorCode::unavailable);
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  settings_.controller_key.clear();
  EXPECT_EQ(login(settings_, "alice", script, context).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace gd::cmd
