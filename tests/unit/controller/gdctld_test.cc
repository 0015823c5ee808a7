// The real gdctld on a free loopback port: CURVE, the disk, kill -9, and signals.
// Its key table is written before it starts, since nobody can log in without PAM.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "base/process.h"
#include "base/user.h"
#include "proto/codec.h"
#include "proto/socket.h"
#include "server/controller/loop.h"
#include "server/store/lmdb_store.h"
#include "tests/support/temp_dir.h"

namespace gd::controller::test {
namespace {

class GdctldTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::optional<std::string> program = get_env("GDCTLD");
    if (!program) GTEST_SKIP() << "GDCTLD does not name the program";
    program_ = *program;
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0711), 0);
    write_keys();
    ASSERT_TRUE(write_config().ok());
    start();
  }
  void TearDown() override {
    if (!daemon_.valid()) return;
    EXPECT_TRUE(daemon_.send_signal(SIGKILL).ok());
    (void)daemon_.wait().ok();
  }

  // When the test runs as root the daemon becomes nobody, who then owns the folder.
  void write_keys() {
    {
      const auto store = store::LmdbStore::open({.folder = dir_ / "state/db"}).take();
      ASSERT_TRUE(store::adopt_format(*store, {.program = "test"}).ok());
      KeyRecord key;
      key.public_key = keys_.public_key;
      key.uid = 1001;
      key.gid = 1001;
      key.name = "alice";
      ASSERT_TRUE(store->commit({{store::Table::keys, key.public_key, encode_record(key)}}).ok());
    }
    if (::geteuid() != 0) return;
    const User nobody = look_up_user("nobody").take();
    for (const auto& each : std::filesystem::recursive_directory_iterator(dir_ / "state")) {
      ASSERT_EQ(::chown(each.path().c_str(), nobody.uid, nobody.gid), 0);
    }
    ASSERT_EQ(::chown((dir_ / "state").c_str(), nobody.uid, nobody.gid), 0);
  }

  Result<void> write_config() {
    return replace_file(dir_ / "gd.conf",
                        "listen = 127.0.0.1:0\nuser = nobody\nlow_disk_mib = 0\nstate_dir = " +
                            (dir_ / "state") + "\nrun_dir = " + (dir_ / "run") +
                            "\ncontroller_key = " + (dir_ / "controller.pub") + "\n",
                        0644);
  }

  void start() {
    const UniqueFd log = open_file(dir_ / "log", O_WRONLY | O_CREAT | O_TRUNC, 0644).take();
    SpawnOptions options;
    options.env = current_environment();
    std::erase_if(options.env,
                  [](const std::string& each) { return each.starts_with("JOURNAL_STREAM="); });
    options.fds = {{log.get(), 2}};
    daemon_ = spawn({program_, "--config", dir_ / "gd.conf"}, options).take();
    const Deadline deadline = Deadline::after(20s);
    while (!log_has(" ready ") && !daemon_.has_ended() && !deadline.passed()) ::usleep(2000);
    ASSERT_TRUE(log_has(" ready ")) << read_file(dir_ / "log").take();
    const std::string text = read_file(dir_ / "log").take();
    const size_t at = text.find("endpoint=") + 9;
    std::string server_key = read_file(dir_ / "controller.pub").take();
    server_key.resize(40);
    client_.emplace(ClientSocket::connect(context_, text.substr(at, text.find('\n', at) - at),
                                          server_key, keys_)
                        .take());
  }
  bool log_has(const std::string& text) {
    return read_file(dir_ / "log").take().find(text) != std::string::npos;
  }
  WaitStatus end_by(int signal) {
    EXPECT_TRUE(daemon_.send_signal(signal).ok());
    const WaitStatus status = daemon_.wait().take();
    daemon_ = Pidfd();
    client_.reset();
    return status;
  }

  template <class Wanted>
  Wanted ask(const Message& message) {
    EXPECT_TRUE(client_->send(1, encode(message)));
    return next<Wanted>();
  }
  template <class Wanted>
  Wanted next() {
    WaitItem item(*client_);
    const Deadline deadline = Deadline::after(20s);
    while (!deadline.passed()) {
      if (std::optional<Reply> reply = client_->receive()) {
        Message message = decode(reply->body).take();
        if (auto* wanted = std::get_if<Wanted>(&message)) return std::move(*wanted);
        ADD_FAILURE() << describe(message);
        return {};
      }
      (void)wait(std::span(&item, 1), deadline.remaining());
    }
    ADD_FAILURE() << "no answer";
    return {};
  }
  static SubmitRequest submission(uint64_t request) {
    SubmitRequest out;
    out.request = {1, request};
    out.spec.chdir = "/";
    out.script = "#!/bin/sh\ntrue\n";
    return out;
  }

  gd::test::TempDir dir_;
  std::string program_;
  CurveKeys keys_ = make_curve_keys();
  SocketContext context_;
  std::optional<ClientSocket> client_;
  Pidfd daemon_;
};

TEST_F(GdctldTest, ServesOverCurveAndStopsCleanly) {
  EXPECT_EQ(ask<PingReply>(PingRequest{}).you, "alice");
  EXPECT_EQ(ask<SubmitReply>(submission(1)).job, JobId{1});
  EXPECT_EQ(ask<JobQueryReply>(JobQuery{}).jobs.size(), 1U);
  EXPECT_TRUE(end_by(SIGTERM).ok());
}

TEST_F(GdctldTest, IsNotRoot) {
  const std::string status = read_file("/proc/" + std::to_string(daemon_.pid()) + "/status").take();
  EXPECT_EQ(status.find("\nUid:\t0\t"), std::string::npos);
  EXPECT_NE(status.find("\nCapEff:\t0000000000000000"), std::string::npos);
}

TEST_F(GdctldTest, WhatWasAcknowledgedIsThereAfterKillNine) {
  for (uint64_t i = 1; i <= 200; ++i) {
    ASSERT_TRUE(client_->send(i, encode(submission(i))));
  }
  std::set<uint32_t> acknowledged;
  for (int i = 0; i < 200; ++i) acknowledged.insert(next<SubmitReply>().job.value);
  EXPECT_EQ(acknowledged.size(), 200U);
  EXPECT_EQ(end_by(SIGKILL).signal, SIGKILL);
  start();
  EXPECT_EQ(ask<JobQueryReply>(JobQuery{}).jobs.size(), 200U);
  EXPECT_TRUE(acknowledged.contains(ask<SubmitReply>(submission(77)).job.value));
  EXPECT_EQ(ask<JobQueryReply>(JobQuery{}).jobs.size(), 200U);
}

TEST_F(GdctldTest, MoreThanOneBatchIsServedInSeveral) {
  for (uint64_t i = 0; i < kMaxBatch + 1; ++i) {
    ASSERT_TRUE(client_->send(i, encode(PingRequest{})));
  }
  for (uint64_t i = 0; i < kMaxBatch + 1; ++i) EXPECT_EQ(next<PingReply>().you, "alice");
  SubmitRequest large = submission(1);
  large.script = Bytes(kMaxScriptBytes, '#');
  const size_t count = kMaxBatchBytes / kMaxScriptBytes + 1;
  for (size_t i = 0; i < count; ++i) {
    large.request.low = i;
    ASSERT_TRUE(client_->send(i, encode(large)));
  }
  for (size_t i = 0; i < count; ++i) EXPECT_NE(next<SubmitReply>().job, JobId{});
}

TEST_F(GdctldTest, ASecondOneOnTheSameStateIsRefused) {
  CaptureOptions options;
  options.env = current_environment();
  const Captured second = run_and_capture({program_, "--config", dir_ / "gd.conf"}, options).take();
  EXPECT_EQ(second.status.exit_code, 1);
  EXPECT_NE(second.err.find("pid " + std::to_string(daemon_.pid())), std::string::npos)
      << second.err;
  EXPECT_EQ(read_file(dir_ / "run/gdctld.pid").take(), std::to_string(daemon_.pid()) + "\n");
  EXPECT_EQ(ask<PingReply>(PingRequest{}).you, "alice");
}

TEST_F(GdctldTest, HangupReadsTheConfigurationAgain) {
  const std::string config = read_file(dir_ / "gd.conf").take();
  ASSERT_TRUE(replace_file(dir_ / "gd.conf", config + "[partition other]\n", 0644).ok());
  ASSERT_TRUE(daemon_.send_signal(SIGHUP).ok());
  const Deadline deadline = Deadline::after(20s);
  while (!log_has(" reconfigured") && !deadline.passed()) ::usleep(2000);
  const auto reply = ask<PartitionQueryReply>(PartitionQuery{});
  ASSERT_EQ(reply.partitions.size(), 1U);
  EXPECT_EQ(reply.partitions[0].name, "other");
}

}  // namespace
}  // namespace gd::controller::test
