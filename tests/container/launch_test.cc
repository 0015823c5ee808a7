// Real containers: who one is in them, what one sees, and how they end.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>

#include "base/text.h"
#include "tests/container/fixture.h"

namespace gd::container {
namespace {

using LaunchTest = ContainerTest;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(LaunchTest, TheUserIsHerselfWithHerGroups) {
  const Outcome outcome = run(shell_plan("id -u; id -g; id -G; id -un"));
  EXPECT_EQ(outcome.output, "64001\n64001\n64001 64050\ntester\n") << outcome.error;
  EXPECT_TRUE(outcome.exited(0));
}

TEST_F(LaunchTest, FilesInTheHomeAreHersInsideAndOutside) {
  const Outcome outcome = run(shell_plan("pwd; echo hi > out; stat -c '%u %g' out"));
  EXPECT_EQ(outcome.output, "/home/tester\n64001 64001\n") << outcome.error;
  struct stat status {};
  ASSERT_EQ(::stat((home() + "/out").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kUser);
  EXPECT_EQ(status.st_gid, kUser);
}

TEST_F(LaunchTest, TheImageIsOwnedByItsRootAndTheLayerIsThrownAway) {
  const std::string mark = image() + "/shared";
  ASSERT_EQ(::mkdir(mark.c_str(), 0777), 0);
  ASSERT_EQ(::chmod(mark.c_str(), 0777), 0);
  const Outcome outcome = run(helper_plan({"write", "/shared/file"}));
  EXPECT_EQ(outcome.output, "/shared/file: worked\n") << outcome.error;
  EXPECT_NE(::access((mark + "/file").c_str(), F_OK), 0) << "the image was written to";
  EXPECT_EQ(run(helper_plan({"write", "/helper"})).output, "/helper: Permission denied\n");
  EXPECT_EQ(run(shell_plan("stat -c %u /etc/passwd")).output, "0\n");
}

TEST_F(LaunchTest, RootInsideIsTheUserOutside) {
  LaunchPlan plan = shell_plan("id -u; echo a > /etc/new && stat -c %u /etc/new; echo b > out");
  plan.root_mode = RootMode::root_inside;
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.output, "0\n0\n") << outcome.error;
  struct stat status {};
  ASSERT_EQ(::stat((home() + "/out").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kUser);
}

TEST_F(LaunchTest, ScratchImageWithOneStaticProgramWorks) {
  const Outcome outcome = run(helper_plan({"read", "/etc/passwd"}));
  EXPECT_TRUE(has(outcome.output, "tester:x:64001:64001::/home/tester:/bin/sh")) << outcome.error;
  EXPECT_TRUE(outcome.exited(0));
}

TEST_F(LaunchTest, BusyboxImageNeedsNothingElse) {
  const Result<Bytes> busybox = read_file("/bin/busybox");
  ASSERT_TRUE(busybox.ok()) << "the package busybox-static is needed";
  ASSERT_TRUE(make_directories(image() + "/bin", 0755).ok());
  ASSERT_TRUE(replace_file(image() + "/bin/sh", *busybox, 0755).ok());
  LaunchPlan plan = shell_plan(
      "cd /tmp && echo x > y && test -c /dev/null && test -d /proc/1 && "
      "test -d /home/tester && echo fine");
  plan.image = {ImageKind::directory, image()};
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.output, "fine\n") << outcome.error;
}

TEST_F(LaunchTest, AReadOnlyRootTakesNothingButItsMountsDo) {
  LaunchPlan plan = shell_plan(
      "touch /new 2>&1; touch /etc/passwd 2>&1; echo x > /tmp/y && echo x > $HOME/z && cat /tmp/y");
  plan.root_mode = RootMode::root_inside;  // who may write there but for the seal
  plan.root_access = Access::read_only;
  const Outcome outcome = run(plan);
  EXPECT_TRUE(outcome.exited(0)) << outcome.error;
  EXPECT_TRUE(has(outcome.output, "'/new': Read-only file system")) << outcome.output;
  EXPECT_TRUE(has(outcome.output, "'/etc/passwd': Read-only file system")) << outcome.output;
  EXPECT_TRUE(has(outcome.output, "x\n"));
}

TEST_F(LaunchTest, ARootThatIsNotReadOnlyTakesFiles) {
  LaunchPlan plan = shell_plan("touch /new && echo taken");
  plan.root_mode = RootMode::root_inside;
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.output, "taken\n") << outcome.error;
}

TEST_F(LaunchTest, SymlinksOfAnImageStayInside) {
  test::TempDir outside;
  ASSERT_EQ(::symlink(outside.path().c_str(), (image() + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("/../../../../../../../../tmp", (image() + "/up").c_str()), 0);
  LaunchPlan plan = helper_plan({"read", "/etc/hosts.gd"});
  plan.staging = home();  // not /tmp: it would be covered there, and hide an escape
  plan.files = {{"/up/escape-" + std::to_string(::getpid()), "x", 0644, FileSpec::Owner::user},
                {"/etc/hosts.gd", "inside", 0644, FileSpec::Owner::user}};
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.output, "inside") << outcome.error;
  EXPECT_NE(::access(("/tmp/escape-" + std::to_string(::getpid())).c_str(), F_OK), 0);
  MountSpec mount;
  mount.source = outside.path();
  mount.target = "/link/deeper";
  plan.mounts.push_back(mount);
  (void)run(plan);
  EXPECT_NE(::access((outside / "deeper").c_str(), F_OK), 0);
}

TEST_F(LaunchTest, ReadOnlyMountsAreAndTmpfsHasItsSize) {
  LaunchPlan plan = shell_plan("touch /data/a; echo $?; df -k /scratch | tail -1");
  MountSpec data;
  data.source = home();
  data.target = "/data";
  data.access = Access::read_only;
  MountSpec scratch;
  scratch.kind = MountKind::tmpfs;
  scratch.target = "/scratch";
  scratch.size_bytes = 8 << 20;
  plan.mounts.insert(plan.mounts.end(), {data, scratch});
  const Outcome outcome = run(plan);
  EXPECT_TRUE(has(outcome.output, "Read-only file system\n1\n")) << outcome.output;
  EXPECT_TRUE(has(outcome.output, " 8192 ")) << outcome.output;
}

TEST_F(LaunchTest, ExitCodesAndSignalsAreExact) {
  for (const int code : {0, 1, 77, 255}) {
    EXPECT_TRUE(run(helper_plan({"exit", std::to_string(code)})).exited(code)) << code;
  }
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGKILL, SIGSEGV, SIGPIPE,
                           SIGALRM, SIGTERM, SIGUSR1, SIGXCPU}) {
    EXPECT_TRUE(run(helper_plan({"raise", std::to_string(signal)})).killed_by(signal)) << signal;
  }
}

TEST_F(LaunchTest, AMissingProgramIsToldWithTheStep) {
  EXPECT_EQ(run(plan_of({"no-such-program"})).error,
            "exec no-such-program: No such file or directory");
  EXPECT_EQ(run(helper_plan({"x"})).exited(64), true);
  LaunchPlan plan = plan_of({"/etc/passwd"});
  EXPECT_EQ(run(plan).error, "exec /etc/passwd: Permission denied");
}

TEST_F(LaunchTest, AMissingMountSourceIsToldByName) {
  LaunchPlan plan = shell_plan("true");
  plan.mounts[0].source = home() + "/none";
  EXPECT_TRUE(has(run(plan).error, "mount /home/tester: open " + home() + "/none: No such file"));
  plan.mounts[0].if_missing = IfMissing::skip;
  const Outcome outcome = run(plan);
  EXPECT_TRUE(outcome.exited(0));
  ASSERT_EQ(outcome.notes.size(), 1U);
  EXPECT_TRUE(has(outcome.notes[0], "left out"));
}

TEST_F(LaunchTest, RlimitsAreSetAndClamped) {
  LaunchPlan plan = shell_plan("ulimit -n; ulimit -Hn; umask");
  plan.process.rlimits = {{RLIMIT_NOFILE, 100, kUnlimited}};
  plan.process.umask = 027;
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.output, "100\n" + std::to_string(own_hard_limit(RLIMIT_NOFILE)) + "\n0027\n");
  ASSERT_EQ(outcome.notes.size(), 1U);
  EXPECT_TRUE(has(outcome.notes[0], "rlimit nofile: unlimited asked"));
}

TEST_F(LaunchTest, SignalsGoToTheProgramByItsMonitor) {
  Result<Pipe> pipe = make_pipe();
  LaunchPlan plan = helper_plan({"catch", std::to_string(SIGUSR1)});
  plan.process.stdio.out = pipe->write.get();
  Result<Process> process = engine().launch(plan);
  pipe->write.reset();
  ASSERT_TRUE(process.ok()) << process.error().text;
  char ready[6] = {};
  ASSERT_EQ(::read(pipe->read.get(), ready, sizeof ready), 6);
  EXPECT_FALSE(process->poll_exit()->has_value());
  ASSERT_TRUE(process->signal(SIGUSR1, Process::Target::group).ok());
  const Outcome outcome = collect(std::move(process), pipe->read);
  EXPECT_EQ(outcome.output, "got 10\n");
  EXPECT_TRUE(outcome.exited(3));
}

// Kills every child that this process has, over and over, until it is killed itself; waits up to
// `longest` in between, to meet a launch at another step each time.
pid_t start_assassin(std::chrono::nanoseconds longest) {
  const pid_t target = ::getpid();
  const pid_t assassin = ::fork();
  if (assassin != 0) return assassin;
  const std::string list =
      "/proc/" + std::to_string(target) + "/task/" + std::to_string(target) + "/children";
  for (unsigned round = 0;; ++round) {
    const timespec pause{.tv_sec = 0, .tv_nsec = longest.count() / 40 * (round % 40)};
    ::ppoll(nullptr, 0, &pause, nullptr);
    const Result<Bytes> children = read_file(list, 4096);
    if (!children.ok()) ::_exit(0);
    for (const std::string_view word : split_words(*children)) {
      const Result<pid_t> pid = parse_number<pid_t>(word, 1);
      if (pid.ok() && *pid != ::getpid()) ::kill(*pid, SIGKILL);
    }
  }
}

// A job ran twice: its monitor was killed between the exec and the report of it, the launch
// was told as failed, and what has failed to launch is launched again.
TEST_F(LaunchTest, AnErrorMeansThatTheProgramHasNotRun) {
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(run(shell_plan("true")).exited(0));
  const pid_t assassin = start_assassin((std::chrono::steady_clock::now() - before) * 3);
  ASSERT_GT(assassin, 0);
  int errors = 0;
  int launched = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string mark = "ran." + std::to_string(i);
    const Outcome outcome = run(shell_plan("echo ran >/home/tester/" + mark));
    const bool ran = ::access((home() + "/" + mark).c_str(), F_OK) == 0;
    const bool failed = !outcome.error.empty();
    EXPECT_FALSE(failed && ran) << outcome.error;
    (failed ? errors : launched) += 1;
  }
  ::kill(assassin, SIGKILL);
  ::waitpid(assassin, nullptr, 0);
  EXPECT_GT(errors, 0);  // or it proves nothing
  EXPECT_GT(launched, 0);
}

TEST_F(LaunchTest, WhatTheProgramLeavesRunningDiesWithIt) {
  const Outcome outcome = run(shell_plan("sleep 1000 & setsid sleep 1000 & echo started"));
  EXPECT_EQ(outcome.output, "started\n");  // drain() saw the end: nobody holds the pipe
  EXPECT_TRUE(outcome.exited(0));
}

TEST_F(LaunchTest, ATerminalIsTheUsersOwnAndInTheForeground) {
  LaunchPlan plan = shell_plan("tty; stty size; stat -c %u $(tty); test -t 0 && exit 5");
  plan.process.stdio = {};
  plan.process.stdio.terminal = TerminalSize{33, 101};
  Result<Process> process = engine().launch(plan);
  ASSERT_TRUE(process.ok()) << process.error().text;
  const UniqueFd master = process->take_terminal();
  ASSERT_TRUE(master.valid());
  std::string text;
  char buffer[256];
  for (ssize_t count = 0; (count = ::read(master.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(count));  // ends with EIO when the last one closed
  }
  EXPECT_EQ(text, "/dev/pts/0\r\n33 101\r\n64001\r\n");
  const Result<ExitReport> report = process->wait(kWaitMs);
  EXPECT_EQ(WEXITSTATUS(report->wait_status), 5);
}

TEST_F(LaunchTest, CtrlCReachesTheForegroundProgram) {
  LaunchPlan plan = helper_plan({"sleep"});
  plan.process.stdio = {};
  plan.process.stdio.terminal = TerminalSize{};
  Result<Process> process = engine().launch(plan);
  ASSERT_TRUE(process.ok()) << process.error().text;
  const UniqueFd master = process->take_terminal();
  ASSERT_EQ(::write(master.get(), "\x03", 1), 1);
  const Result<ExitReport> report = process->wait(kWaitMs);
  EXPECT_TRUE(WIFSIGNALED(report->wait_status));
  EXPECT_EQ(WTERMSIG(report->wait_status), SIGINT);
}

TEST_F(LaunchTest, NoNetworkMeansNoInterfaceButTheLoopback) {
  LaunchPlan plan = shell_plan("cd /sys/class/net; ls; cat lo/flags");
  plan.network = Network::none;
  EXPECT_EQ(run(plan).output, "lo\n0x9\n");
}

}  // namespace
}  // namespace gd::container
