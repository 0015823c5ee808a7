// process: what a child gets is what the map says; ends are told apart; captures
// are bounded in time and size.
#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/support/temp_dir.h"

namespace gd {
namespace {

using test::TempDir;

Result<Captured> shell(const std::string& script, CaptureOptions options = {}) {
  if (options.env.empty()) options.env = {"PATH=/usr/bin:/bin"};
  return run_and_capture({"/bin/sh", "-c", script}, options);
}

TEST(Spawn, ReportsHowAProcessEnded) {
  const Result<Pidfd> process = spawn({"/bin/sh", "-c", "exit 3"}, {});
  ASSERT_TRUE(process.ok()) << process.error().text;
  const Result<WaitStatus> status = process->wait();
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(*status, (WaitStatus{.exit_code = 3}));
  EXPECT_EQ(status->text(), "exit code 3");
  EXPECT_EQ(status->shell_code(), 3);
}

TEST(Spawn, SignalsByPidfdAndNeverAfterTheEnd) {
  const Result<Pidfd> process = spawn({"/bin/sleep", "1000"}, {});
  ASSERT_TRUE(process.ok()) << process.error().text;
  EXPECT_FALSE(process->has_ended());
  EXPECT_FALSE(process->try_wait()->has_value());
  ASSERT_TRUE(process->send_signal(SIGKILL).ok());
  const Result<WaitStatus> status = process->wait();
  EXPECT_EQ(status->signal, SIGKILL);
  EXPECT_EQ(status->text(), "signal 9 (KILL)");
  EXPECT_EQ(status->shell_code(), 137);
  EXPECT_TRUE(process->has_ended());
  EXPECT_EQ(process->send_signal(SIGTERM).error().code, ErrorCode::not_found);
}

TEST(Spawn, TellsWhyItCouldNot) {
  EXPECT_EQ(spawn({"/nonexistent/gd"}, {}).error(),
            (Error{ErrorCode::not_found, "start /nonexistent/gd: No such file or directory"}));
  EXPECT_EQ(spawn({"/bin/true"}, {.cwd = "/nonexistent"}).error().text,
            "start /bin/true in /nonexistent: No such file or directory");
  EXPECT_FALSE(spawn({}, {}).ok());
}

TEST(Spawn, MapsDescriptorsThatSwapPlacesAndClosesAllOthers) {
  Pipe one = make_pipe().take();
  Pipe two = make_pipe().take();
  const UniqueFd leaky{::open("/dev/null", O_RDONLY)};  // NOLINT: not close-on-exec, as a library's
  const int a = one.write.get();
  const int b = two.write.get();
  const Result<Pidfd> process =
      spawn({"/bin/sh", "-c",
             "echo a >&" + std::to_string(b) + "; echo b >&" + std::to_string(a) +
                 "; for f in /proc/self/fd/*; do [ -e $f ] && echo ${f##*/}; done >&" +
                 std::to_string(a)},
            {.fds = {{a, b}, {b, a}}});
  ASSERT_TRUE(process.ok()) << process.error().text;
  one.write.reset();
  two.write.reset();
  ASSERT_TRUE(process->wait()->ok());
  EXPECT_EQ(*read_all(one.read.get(), "pipe"), "a\n");
  const std::string rest = *read_all(two.read.get(), "pipe");
  EXPECT_EQ(rest.substr(0, 2), "b\n");
  EXPECT_EQ(rest.find("\n" + std::to_string(leaky.get()) + "\n"), std::string::npos) << rest;
  EXPECT_NE(rest.find("\n0\n"), std::string::npos) << "standard input is /dev/null: " << rest;
}

TEST(Spawn, GivesAnEmptyMaskAndDefaultSignals) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &term, &before), 0);
  const auto old = ::signal(SIGINT, SIG_IGN);
  const Result<Captured> blocked = shell("sed -n 's/SigBlk:.//p' /proc/self/status");
  const Result<Captured> ignored = shell("sed -n 's/SigIgn:.//p' /proc/self/status");
  ::signal(SIGINT, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(blocked.ok() && ignored.ok());
  EXPECT_EQ(blocked->out, "0000000000000000\n");
  // Signals 32 and 33 are the C library's own; it ignores them across a spawn.
  EXPECT_EQ(std::stoull(ignored->out, nullptr, 16) & ~(uint64_t{3} << 31), 0u) << ignored->out;
}

TEST(RunAndCapture, GivesInputOutputErrorsAndStatus) {
  const TempDir dir;
  CaptureOptions options{.env = {"WORD=hello"}, .cwd = dir.path(), .input = "typed"};
  const Result<Captured> captured =
      shell("echo $WORD; pwd; /bin/cat; echo oops >&2; exit 4", options);
  ASSERT_TRUE(captured.ok()) << captured.error().text;
  EXPECT_EQ(captured->out, "hello\n" + dir.path() + "\ntyped");
  EXPECT_EQ(captured->err, "oops\n");
  EXPECT_EQ(captured->status.exit_code, 4);
}

TEST(RunAndCapture, PassesMoreThanAPipeHoldsBothWays) {
  CaptureOptions options{.input = std::string(300'000, 'x')};
  const Result<Captured> captured = shell("cat", options);
  ASSERT_TRUE(captured.ok()) << captured.error().text;
  EXPECT_EQ(captured->out, options.input);
  EXPECT_TRUE(shell("exit 0", options).ok()) << "input that nobody reads is no error";
}

TEST(RunAndCapture, TakesTheLimitAndNotOneByteMore) {
  EXPECT_TRUE(shell("printf 12345", {.limit = 5}).ok());
  const Result<Captured> over = shell("printf 123456; sleep 1000", {.limit = 5});
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error(), (Error{ErrorCode::invalid, "/bin/sh wrote more than 5 bytes"}));
}

TEST(RunAndCapture, KillsTheWholeGroupAtTheTimeout) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "alive").c_str(), 0600), 0);
  const UniqueFd alive = open_file(dir / "alive", O_RDONLY | O_NONBLOCK).take();
  const Result<Captured> slow =
      shell("sleep 1000 >" + (dir / "alive") + " & wait", {.timeout = 300ms});
  ASSERT_FALSE(slow.ok());
  EXPECT_EQ(slow.error(), (Error{ErrorCode::unavailable, "/bin/sh took longer than 300ms"}));
  ::fcntl(alive.get(), F_SETFL, 0);
  EXPECT_EQ(read_all(alive.get(), "fifo")->size(), 0u);  // ends only when the grandchild has
}

TEST(RunAndCapture, DoesNotWaitForAGrandchildThatKeepsThePipe) {
  const Result<Captured> captured = shell("sleep 1000 & echo $!");
  ASSERT_TRUE(captured.ok()) << captured.error().text;
  const pid_t sleeper = static_cast<pid_t>(std::stol(captured->out));
  EXPECT_EQ(::kill(sleeper, SIGKILL), 0);
}

TEST(FindProgram, SearchesThePathGiven) {
  EXPECT_EQ(*find_program("sh", "/nonexistent:/bin"), "/bin/sh");
  EXPECT_EQ(*find_program("/bin/sh", ""), "/bin/sh");
  EXPECT_EQ(find_program("sh", "").error().code, ErrorCode::not_found);
  EXPECT_EQ(find_program("tmp", "/").error().code, ErrorCode::not_found) << "a folder is none";
}

TEST(BootId, IsAUuidThatStays) {
  const Result<std::string> id = boot_id();
  ASSERT_TRUE(id.ok()) << id.error().text;
  EXPECT_EQ(id->size(), 36u);
  EXPECT_EQ(*id, *boot_id());
}

TEST(Signals, HaveNamesBothWays) {
  for (const char* text : {"TERM", "SIGTERM", "15", "sigterm", "term"}) {
    EXPECT_EQ(*parse_signal(text), SIGTERM) << text;
  }
  EXPECT_EQ(*parse_signal("RTMIN"), SIGRTMIN);
  EXPECT_EQ(*parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(*parse_signal("RTMAX-1"), SIGRTMAX - 1);
  EXPECT_EQ(*parse_signal("64"), 64);
  for (const char* text : {"", "0", "65", "-9", "SIG", "TERMINATE", "RTMIN+99", "9x"}) {
    EXPECT_FALSE(parse_signal(text).ok()) << text;
  }
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    EXPECT_EQ(*parse_signal(signal_name(signal)), signal);
  }
}

}  // namespace
}  // namespace gd
