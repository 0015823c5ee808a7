// EnrolListener with true sockets and a true poller: who is admitted, what is read,
// and that nothing a client does holds it up.
#include "proto/enrol_listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>
#include <vector>

#include "tests/support/temp_dir.h"

namespace gd {
namespace {

const std::string kKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const std::string kOther = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

class EnrolListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    poller_ = std::move(Poller::create()).take();
    UniqueFd listening = std::move(bind_enrol_socket(path_)).take();
    listener_ = std::move(EnrolListener::create(*poller_, std::move(listening), [this](auto& ask) {
                  asks_.push_back(ask);
                })).take();
  }

  void settle() {  // until nothing happens any more
    while (*poller_->run_once(20ms)) {
    }
  }
  void say(const UniqueFd& client, const std::string& text) {
    ASSERT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    settle();
  }
  std::string heard(const UniqueFd& client) {
    char buffer[2048];
    const ssize_t count = ::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return count <= 0 ? "" : std::string(buffer, static_cast<size_t>(count));
  }

  test::TempDir dir_;
  std::string path_ = dir_ / "enrol.sock";
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<EnrolListener> listener_;
  std::vector<EnrolAsk> asks_;
};

TEST_F(EnrolListenerTest, TakesTheUidFromTheKernelAndAnswersLater) {
  const UniqueFd client = connect_to(path_);
  say(client, "gd1 " + kKey + "\n");
  ASSERT_EQ(asks_.size(), 1U);
  EXPECT_EQ(asks_[0].uid, ::getuid());
  EXPECT_EQ(asks_[0].gid, ::getgid());
  EXPECT_EQ(asks_[0].public_key, kKey);
  EXPECT_EQ(heard(client), "");

  listener_->answer(asks_[0].id, EnrolAnswer{"me", TimePoint{}, "head:1", kOther});
  EXPECT_EQ(heard(client), "ok me 0 head:1 " + kOther + "\n");
  EXPECT_EQ(listener_->clients(), 0U);
  listener_->answer(asks_[0].id, Error{ErrorCode::denied, "late"});  // gone: ignored
}

TEST_F(EnrolListenerTest, SeesTheUidOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(12346) != 0 || ::setuid(12345) != 0) ::_exit(1);
    const UniqueFd client = connect_to(path_);
    const std::string line = format_enrol_ask(kKey);
    ::_exit(::write(client.get(), line.data(), line.size()) > 0 ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  settle();
  ASSERT_EQ(asks_.size(), 1U);
  EXPECT_EQ(asks_[0].uid, 12345U);
  EXPECT_EQ(asks_[0].gid, 12346U);
}

TEST_F(EnrolListenerTest, ReadsALineThatComesInPieces) {
  const UniqueFd client = connect_to(path_);
  for (const char c : "gd1 " + kKey) say(client, std::string(1, c));
  EXPECT_TRUE(asks_.empty());
  say(client, "\n");
  EXPECT_EQ(asks_.size(), 1U);
}

TEST_F(EnrolListenerTest, RefusesWhatIsNoEnrolment) {
  for (const std::string& line : {std::string("\n"), std::string("gd9 x\n"),
                                  "gd1 " + kKey + "\nmore", std::string(kMaxEnrolAsk, 'x')}) {
    const UniqueFd client = connect_to(path_);
    say(client, line);
    EXPECT_TRUE(heard(client).starts_with("no ")) << line;
  }
  EXPECT_TRUE(asks_.empty());
  EXPECT_EQ(listener_->clients(), 0U);
}

TEST_F(EnrolListenerTest, OneByteBelowTheLimitIsStillWaitedFor) {
  const UniqueFd client = connect_to(path_);
  say(client, std::string(kMaxEnrolAsk - 1, 'x'));
  EXPECT_EQ(heard(client), "");
  EXPECT_EQ(listener_->clients(), 1U);
}

TEST_F(EnrolListenerTest, RefusesASecondLineWhileTheFirstIsUnanswered) {
  const UniqueFd client = connect_to(path_);
  say(client, "gd1 " + kKey + "\n");
  say(client, "gd1 " + kOther + "\n");
  EXPECT_EQ(asks_.size(), 1U);
  EXPECT_TRUE(heard(client).starts_with("no "));
}

TEST_F(EnrolListenerTest, ForgetsAClientThatHangsUp) {
  {
    const UniqueFd client = connect_to(path_);
    settle();
    EXPECT_EQ(listener_->clients(), 1U);
  }
  settle();
  EXPECT_EQ(listener_->clients(), 0U);
}

TEST_F(EnrolListenerTest, OneUserMayHaveSoManyConnectionsAndNoMore) {
  std::vector<UniqueFd> clients;
  for (size_t i = 0; i < kMaxEnrolPerUid; ++i) clients.push_back(connect_to(path_));
  settle();
  EXPECT_EQ(listener_->clients(), kMaxEnrolPerUid);
  const UniqueFd one_more = connect_to(path_);
  settle();
  EXPECT_TRUE(heard(one_more).starts_with("no too many"));
  EXPECT_EQ(listener_->clients(), kMaxEnrolPerUid);
  for (const UniqueFd& client : clients) EXPECT_EQ(heard(client), "");
}

TEST_F(EnrolListenerTest, AllUsersTogetherMayHaveSoManyAndNoMore) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become many users";
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  std::vector<UniqueFd> clients;
  for (size_t i = 0; i <= kMaxEnrolClients; ++i) {
    const uid_t uid = static_cast<uid_t>(20000 + i / kMaxEnrolPerUid);
    ASSERT_EQ(::seteuid(uid), 0);
    clients.push_back(connect_to(path_));
    ASSERT_EQ(::seteuid(0), 0);
    settle();
  }
  EXPECT_EQ(listener_->clients(), kMaxEnrolClients);
  EXPECT_TRUE(heard(clients.back()).starts_with("no too many"));
}

TEST(BindEnrolSocket, ReplacesADeadSocketButNothingElse) {
  const test::TempDir dir;
  { const UniqueFd first = std::move(bind_enrol_socket(dir / "a.sock")).take(); }
  EXPECT_TRUE(bind_enrol_socket(dir / "a.sock").ok());
  struct stat status {};
  ASSERT_EQ(::stat((dir / "a.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666U);

  ASSERT_TRUE(replace_file(dir / "precious", "text", 0600).ok());
  EXPECT_EQ(bind_enrol_socket(dir / "precious").error().code, ErrorCode::exists);
  EXPECT_EQ(bind_enrol_socket(dir / std::string(108, 'x')).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace gd
