// A keeper with a true gdscreen: needs root, since that becomes the user.
#include "server/agent/screen_keeper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>

#include "base/text.h"
#include "base/user.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

class ScreenKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    user_ = look_up_user("games").take();
  }

  void start(UniqueFd record = UniqueFd{}) {
    keeper_.set_events([this] { ++rooms_; },
                       [this](const std::string& text) { faults_.push_back(text); });
    const Result<void> started = keeper_.start({.program = GDSCREEN_PROGRAM,
                                                .uid = user_.uid,
                                                .gid = user_.gid,
                                                .record = std::move(record),
                                                .title = "job 1"});
    ASSERT_TRUE(started.ok()) << started.error().text;
  }

  template <class Done>
  bool run_until(const Done& done) {
    const Deadline deadline = Deadline::after(20s);
    while (!done() && !deadline.passed()) (void)poller_->run_once(10ms).ok();
    return done();
  }

  // gdscreen, of this test's process.
  static pid_t only_child() {
    const Result<std::string> children = read_file("/proc/thread-self/children");
    if (!children.ok()) return 0;
    const std::vector<std::string_view> pids = split_words(*children);
    EXPECT_EQ(pids.size(), 1U);
    return pids.empty() ? 0 : *parse_number<pid_t>(pids[0]);
  }

  std::optional<Bytes> screen() {
    std::optional<std::optional<Bytes>> answer;
    keeper_.ask([&](std::optional<Bytes> bytes) { answer = std::move(bytes); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return answer.value_or(std::nullopt);
  }

  User user_;
  std::unique_ptr<Poller> poller_ = Poller::create().take();
  std::vector<std::string> faults_;
  int rooms_ = 0;
  ScreenKeeper keeper_{*poller_};
};

TEST_F(ScreenKeeperTest, TheAnswerIsTheScreenAtTheQuestion) {
  start();
  keeper_.resized({.rows = 3, .columns = 10});
  keeper_.shown("before");
  const std::optional<Bytes> drawn = screen();
  ASSERT_TRUE(drawn);
  EXPECT_TRUE(drawn->ends_with("before\r\n\r\n\x1b[1;7H")) << printable(*drawn);
}

TEST_F(ScreenKeeperTest, OnlyTheLastQuestionIsAnswered) {
  start();
  int first = 0;
  int second = 0;
  keeper_.ask([&](const std::optional<Bytes>&) { ++first; });
  keeper_.shown("then");
  keeper_.ask([&](const std::optional<Bytes>& drawn) {
    second += drawn && drawn->find("then") != Bytes::npos ? 1 : 0;
  });
  EXPECT_TRUE(run_until([&] { return second == 1; }));
  EXPECT_EQ(first, 0);
}

TEST_F(ScreenKeeperTest, WhatItDoesNotTakeFillsIt) {
  start();
  const std::string block(size_t{64} << 10, 'x');
  size_t sent = 0;
  while (keeper_.has_room() && sent < (size_t{64} << 20)) {
    keeper_.shown(block);
    sent += block.size();
  }
  EXPECT_FALSE(keeper_.has_room());
  EXPECT_GE(sent, kMaxScreenBacklog);
  EXPECT_TRUE(run_until([&] { return rooms_ > 0; }));
  EXPECT_TRUE(keeper_.has_room());
}

TEST_F(ScreenKeeperTest, OneThatTakesNothingIsEnded) {
  start();
  const pid_t child = only_child();
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  const std::string block(size_t{64} << 10, 'x');
  while (keeper_.has_room()) keeper_.shown(block);
  EXPECT_TRUE(run_until([&] { return !keeper_.alive(); }));
  EXPECT_TRUE(keeper_.has_room());
  EXPECT_EQ(rooms_, 1);
}

TEST_F(ScreenKeeperTest, WithoutItsProgramThereIsNoScreen) {
  start();
  keeper_.shown("x");
  EXPECT_TRUE(screen());
  const pid_t child = only_child();
  const Result<std::string> status = read_file("/proc/" + std::to_string(child) + "/status");
  ASSERT_TRUE(status.ok());
  const std::string uid = std::to_string(user_.uid);
  EXPECT_NE(status->find("Uid:\t" + uid + "\t" + uid + "\t" + uid), std::string::npos);
  EXPECT_NE(status->find("CapEff:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status->find("Seccomp:\t2"), std::string::npos);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_TRUE(run_until([&] { return !keeper_.alive(); }));
  EXPECT_EQ(faults_.size(), 1U);
  keeper_.shown("goes on");
  EXPECT_TRUE(keeper_.has_room());
  EXPECT_FALSE(screen());
}

TEST_F(ScreenKeeperTest, ARecordingHoldsWhatWasShown) {
  const gd::test::TempDir dir;
  const std::string path = dir / "cast";
  start(open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0600).take());
  keeper_.shown("one\r\n");
  keeper_.resized({.rows = 30, .columns = 100});
  EXPECT_TRUE(screen());
  const std::string cast = read_file(path).take();
  EXPECT_TRUE(cast.starts_with("{\"version\":2,\"width\":80,\"height\":24,")) << cast;
  EXPECT_NE(cast.find("\"o\",\"one\\u000d\\n\"]\n"), std::string::npos) << cast;
  EXPECT_NE(cast.find("\"r\",\"100x30\"]\n"), std::string::npos) << cast;
}

TEST_F(ScreenKeeperTest, AFullDiskEndsTheRecordingAlone) {
  start(open_file("/dev/full", O_WRONLY).take());
  keeper_.shown("one");
  EXPECT_TRUE(screen());
  ASSERT_EQ(faults_.size(), 1U);
  EXPECT_NE(faults_[0].find("No space left on device"), std::string::npos) << faults_[0];
}

}  // namespace
}  // namespace gd::agent
