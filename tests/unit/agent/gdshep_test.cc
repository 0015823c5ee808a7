// gdshep alone, as root, over its folder and its socket: how steps start, end and are ended,
// and that nothing of them is left.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "proto/step_name.h"
#include "server/agent/shepherd_door.h"
#include "tests/unit/agent/shepherd_harness.h"

namespace gd::agent::test {
namespace {

class GdshepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  Shepherds& shepherds() {
    if (!shepherds_) shepherds_.emplace();
    return *shepherds_;
  }
  void wait_for_file(const std::string& name) {
    const Deadline deadline = Deadline::after(kPatience);
    while (::access((shepherds().work() + "/" + name).c_str(), F_OK) != 0) {
      ASSERT_FALSE(deadline.passed()) << name;
      (void)::poll(nullptr, 0, 2);
    }
  }
  void wait_for_text(const std::string& name, std::string_view text) {
    const Deadline deadline = Deadline::after(kPatience);
    while (shepherds().output(name).find(text) == std::string::npos) {
      ASSERT_FALSE(deadline.passed()) << name << ": " << shepherds().output(name);
      (void)::poll(nullptr, 0, 2);
    }
  }
  std::optional<Shepherds> shepherds_;
};

ShepherdOrder signal_order(int number, uint64_t serial) {
  return {.signal = SignalOrder{.signal = number, .batch_only = true, .serial = serial}};
}

TEST_F(GdshepTest, BatchScriptRunsAsItsUserInItsFolder) {
  StepLaunch launch =
      shepherds().batch("#!/bin/sh\nid -un; pwd; echo $SLURM_JOB_ID \"$@\"; exit 0\n");
  launch.spec.argv = {"a b", "c"};
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::exited) << status.error;
  EXPECT_EQ(status.exit, (ExitStatus{0, 0}));
  EXPECT_EQ(shepherds().output("out"), "games\n" + shepherds().work() + "\n1 a b c\n");
  struct stat about {};
  ASSERT_EQ(::stat((shepherds().work() + "/out").c_str(), &about), 0);
  EXPECT_EQ(about.st_uid, shepherds().user().uid);
}

TEST_F(GdshepTest, ExitCodesAndSignalsAreExact) {
  EXPECT_EQ(shepherds().run(shepherds().batch("#!/bin/sh\nexit 37\n")).exit, (ExitStatus{37, 0}));
  EXPECT_EQ(shepherds().run(shepherds().batch("#!/bin/sh\nkill -USR1 $$\n")).exit,
            (ExitStatus{0, SIGUSR1}));
}

TEST_F(GdshepTest, TellsWhatTheStepUsesAndKeepsTheSeries) {
  shepherds().settings.sample_interval = 1s;
  const Shepherds::Step& step =
      shepherds().start(shepherds().batch("#!/bin/sh\nsleep 1000 & end=$(($(date +%s) + 3))\nwhile "
                                          "[ $(date +%s) -lt $end ]; do :; done\n"));
  Line line = shepherds().agent(step);
  const std::optional<StepSample> sample = line.await<StepSample>();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->step, kBatchStep);
  EXPECT_GT(sample->cpu_milli, 20U);
  EXPECT_LT(sample->cpu_milli, 64'000U);
  EXPECT_GT(sample->memory_mib, 0U);
  EXPECT_GE(sample->pids, 3U);  // pid 1, the script, its sleep
  EXPECT_LT(sample->pids, 20U);
  const StepStatus status = shepherds().await(line, StepPhase::ended);
  EXPECT_GE(status.usage.pids_peak, 3U);
  EXPECT_GT(status.usage.memory_peak_mib, 0U);
  EXPECT_GT(status.usage.cpu_user_ms + status.usage.cpu_system_ms, 100U);
  EXPECT_EQ(status.series.spacing, 1s);
  EXPECT_GE(status.series.cpu_milli.size(), 2U);
  EXPECT_EQ(step.folder.read_status()->series, status.series);
}

TEST_F(GdshepTest, NothingIsLeftAfterAnEnd) {
  const StepStatus status =
      shepherds().run(shepherds().batch("#!/bin/sh\nsetsid sleep 1000 &\nsleep 1000 &\nexit 0\n"));
  EXPECT_EQ(status.cause, EndCause::exited) << status.error;
  EXPECT_EQ(status.exit, (ExitStatus{0, 0}));
  EXPECT_TRUE(shepherds().processes().empty());
  EXPECT_TRUE(shepherds().groups().empty());
}

TEST_F(GdshepTest, ForgetRemovesTheFolderAndEndsTheShepherd) {
  const Shepherds::Step& step = shepherds().start(shepherds().batch("#!/bin/sh\nexit 0\n"));
  Line line = shepherds().agent(step);
  (void)shepherds().await(line, StepPhase::ended);
  EXPECT_EQ(step.folder.read_status()->phase, StepPhase::ended);
  line.send(ShepherdOrder{.forget = true});
  EXPECT_EQ(step.shepherd.wait()->exit_code, 0);
  EXPECT_NE(::access(step.folder.path().c_str(), F_OK), 0);
}

TEST_F(GdshepTest, TimeLimitEndsAProgramThatHearsTerm) {
  StepLaunch launch =
      shepherds().batch("#!/bin/sh\ntrap 'echo term; exit 3' TERM\nwhile :; do sleep 0.02; done\n");
  launch.time_limit = 1s;
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::time_limit) << status.error;
  EXPECT_EQ(status.exit, (ExitStatus{3, 0}));
  EXPECT_TRUE(shepherds().output("out").ends_with("term\n")) << shepherds().output("out");
}

TEST_F(GdshepTest, ProgramThatIgnoresTermIsKilledAfterKillWait) {
  const Shepherds::Step& step = shepherds().start(
      shepherds().batch("#!/bin/sh\ntrap '' TERM\necho > up\nwhile :; do sleep 1000; done\n"));
  Line line = shepherds().agent(step);
  wait_for_file("up");
  line.send(ShepherdOrder{.end = EndOrder{}});
  const StepStatus status = shepherds().await(line, StepPhase::ended);
  EXPECT_EQ(status.cause, EndCause::ordered);
  EXPECT_EQ(status.exit, (ExitStatus{0, SIGKILL}));
  EXPECT_TRUE(shepherds().groups().empty());
}

// A long grace is cut short by an order that gives less, and not made longer by one that gives
// more.
TEST_F(GdshepTest, ALaterOrderToEndCanOnlyBringTheKillForward) {
  const Shepherds::Step& step = shepherds().start(
      shepherds().batch("#!/bin/sh\ntrap '' TERM\necho > up\nwhile :; do sleep 1000; done\n"));
  Line line = shepherds().agent(step);
  wait_for_file("up");
  line.send(ShepherdOrder{.end = EndOrder{.step = {}, .at_once = false, .grace = Seconds{3600}}});
  line.send(ShepherdOrder{.end = EndOrder{.step = {}, .at_once = false, .grace = Seconds{1}}});
  line.send(ShepherdOrder{.end = EndOrder{.step = {}, .at_once = false, .grace = Seconds{7200}}});
  const StepStatus status = shepherds().await(line, StepPhase::ended);
  EXPECT_EQ(status.cause, EndCause::ordered);
  EXPECT_EQ(status.exit, (ExitStatus{0, SIGKILL}));
}

TEST_F(GdshepTest, NewTimeLimitCountsFromTheStart) {
  const Shepherds::Step& step =
      shepherds().start(shepherds().batch("#!/bin/sh\nwhile :; do sleep 1000; done\n"));
  Line line = shepherds().agent(step);
  (void)shepherds().await(line, StepPhase::running);
  line.send(ShepherdOrder{.limit = LimitOrder{.time_limit = 1s}});
  const StepStatus status = shepherds().await(line, StepPhase::ended);
  EXPECT_EQ(status.cause, EndCause::time_limit);
  EXPECT_EQ(status.time_limit, Seconds{1});
}

TEST_F(GdshepTest, WarningSignalComesBeforeTheLimit) {
  StepLaunch launch = shepherds().batch(
      "#!/bin/sh\ntrap 'echo warned; exit 0' USR1\nwhile :; do sleep 0.02; done\n");
  launch.time_limit = 60s;
  launch.spec.warn_signal = SIGUSR1;
  launch.spec.warn_before = 60s;
  launch.spec.warn_batch_only = true;
  // The warning is due at once, maybe before the trap is set: then the signal itself ends it.
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::exited);
  EXPECT_TRUE(shepherds().output("out") == "warned\n" || status.exit.signal == SIGUSR1);
}

TEST_F(GdshepTest, SignalsAreDeliveredOnceBySerial) {
  const Shepherds::Step& step = shepherds().start(
      shepherds().batch("#!/bin/sh\ntrap 'echo one' USR1\ntrap 'exit 5' USR2\necho > up\n"
                        "while :; do sleep 0.02; done\n"));
  Line line = shepherds().agent(step);
  wait_for_file("up");
  line.send(signal_order(SIGUSR1, 7));
  while (shepherds().output("out") != "one\n") (void)::poll(nullptr, 0, 2);
  line.send(signal_order(SIGUSR1, 7));
  line.send(signal_order(SIGUSR2, 8));
  const StepStatus status = shepherds().await(line, StepPhase::ended);
  EXPECT_EQ(status.exit, (ExitStatus{5, 0}));
  EXPECT_EQ(status.signal_serial, 8U);
  EXPECT_EQ(shepherds().output("out"), "one\n");
}

TEST_F(GdshepTest, MemoryBombIsCalledOutOfMemory) {
  StepLaunch launch =
      shepherds().batch("#!/bin/sh\nexec perl -e '$x = \"a\" x (512 << 20); sleep 1000'\n");
  launch.held.memory_mib = 64;
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::out_of_memory) << status.error;
  EXPECT_EQ(status.exit.signal, SIGKILL);
}

TEST_F(GdshepTest, ScriptWithoutInterpreterNeverRuns) {
  const StepStatus status = shepherds().run(shepherds().batch("echo hello\n"));
  EXPECT_EQ(status.cause, EndCause::refused);
  EXPECT_NE(status.error.find("does not look like a batch script"), std::string::npos);
  EXPECT_TRUE(shepherds().groups().empty());
}

TEST_F(GdshepTest, UserOfAnotherNumberIsRefused) {
  StepLaunch launch = shepherds().batch("#!/bin/sh\n");
  launch.uid += 1;
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::launch_failed);
  EXPECT_EQ(status.error, "user games has uid 5 on this node, 6 at the controller");
}

TEST_F(GdshepTest, OutputFilesAreOpenedWithTheUsersRights) {
  StepLaunch launch = shepherds().batch("#!/bin/sh\necho pwned\n");
  const std::string secret = shepherds().jobs() + "/../secret";
  ASSERT_TRUE(replace_file(secret, "root's", 0600).ok());
  ASSERT_EQ(::symlink(secret.c_str(), (shepherds().work() + "/out").c_str()), 0);
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::refused);
  EXPECT_NE(status.error.find("/out: Permission denied"), std::string::npos) << status.error;
  EXPECT_EQ(*read_file(secret), "root's");
}

TEST_F(GdshepTest, ErrorJoinsOutputUnlessItHasAName) {
  StepLaunch launch = shepherds().batch("#!/bin/sh\necho out; echo err >&2\n");
  (void)shepherds().run(launch);
  EXPECT_EQ(shepherds().output("out"), "out\nerr\n");
  launch = shepherds().batch("#!/bin/sh\necho out; echo err >&2\n");
  launch.spec.output = "o.%j";
  launch.spec.error = "e.%x";
  (void)shepherds().run(launch);
  EXPECT_EQ(shepherds().output("o.2"), "out\n");
  EXPECT_EQ(shepherds().output("e.test"), "err\n");
}

TEST_F(GdshepTest, KilledShepherdTakesTheContainerAlong) {
  const Shepherds::Step& step = shepherds().start(
      shepherds().batch("#!/bin/sh\nsetsid sleep 1000 &\necho > up\nsleep 1000\n"));
  Line line = shepherds().agent(step);
  (void)shepherds().await(line, StepPhase::running);
  wait_for_file("up");
  EXPECT_GE(shepherds().processes().size(), 3U);
  ASSERT_TRUE(step.shepherd.send_signal(SIGKILL).ok());
  (void)step.shepherd.wait().ok();
  const Deadline deadline = Deadline::after(kPatience);
  while (!shepherds().processes().empty() && !deadline.passed()) (void)::poll(nullptr, 0, 2);
  EXPECT_TRUE(shepherds().processes().empty());
  EXPECT_FALSE(step.folder.lock_holder()->has_value());
  EXPECT_EQ(step.folder.read_status()->phase, StepPhase::running);
}

TEST_F(GdshepTest, SecondShepherdOfAFolderIsSentAway) {
  const Shepherds::Step& step =
      shepherds().start(shepherds().batch("#!/bin/sh\necho > up; sleep 1000\n"));
  Line line = shepherds().agent(step);
  wait_for_file("up");
  const Captured second = *run_and_capture({GDSHEP_PROGRAM, step.folder.path()}, CaptureOptions{});
  EXPECT_EQ(second.status.exit_code, 1);
  EXPECT_NE(second.err.find("another shepherd has it"), std::string::npos) << second.err;
}

TEST_F(GdshepTest, AStepIsNotRunTwice) {
  const Shepherds::Step& step = shepherds().start(shepherds().batch("#!/bin/sh\nexit 4\n"));
  Line line = shepherds().agent(step);
  (void)shepherds().await(line, StepPhase::ended);
  ASSERT_TRUE(step.shepherd.send_signal(SIGKILL).ok());
  (void)step.shepherd.wait().ok();
  const Captured second = *run_and_capture({GDSHEP_PROGRAM, step.folder.path()}, CaptureOptions{});
  EXPECT_EQ(second.status.exit_code, 1);
  EXPECT_NE(second.err.find("was run before"), std::string::npos) << second.err;
}

TEST_F(GdshepTest, StepsJoinTheJobsContainer) {
  StepLaunch first = shepherds().batch("#!/bin/sh\necho mark > /tmp/mark; echo > up; sleep 1000\n");
  const Shepherds::Step& owner = shepherds().start(first);
  Line owner_line = shepherds().agent(owner);
  wait_for_file("up");
  StepLaunch second = first;
  second.step = StepId{0};
  second.join_container = true;
  second.argv = {"/bin/cat", "/tmp/mark"};
  second.spec.output = "joined";
  const StepStatus status = shepherds().run(second);
  EXPECT_EQ(status.cause, EndCause::exited) << status.error;
  EXPECT_EQ(shepherds().output("joined"), "mark\n");
  owner_line.send(ShepherdOrder{.end = EndOrder{.at_once = true}});
  EXPECT_EQ(shepherds().await(owner_line, StepPhase::ended).exit, (ExitStatus{0, SIGKILL}));
  EXPECT_TRUE(shepherds().groups().empty());
}

// Has it begun, in the process group that its terminal's Ctrl-C goes to? A child that the
// shell has only forked has neither, and would miss it.
bool in_foreground(pid_t pid, std::string_view program) {
  const Result<Bytes> stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat.ok()) return false;
  const size_t name_end = stat->rfind(')');
  if (stat->find("(" + std::string(program) + ")") == std::string::npos) return false;
  const auto fields = split_words(std::string_view(*stat).substr(name_end + 1));
  constexpr size_t kGroup = 2;
  constexpr size_t kForeground = 5;
  return fields.size() > kForeground && fields[kGroup] == fields[kForeground];
}

TEST_F(GdshepTest, TerminalHasJobControlAndOutlivesItsClient) {
  StepLaunch launch = shepherds().command({"/bin/sh", "-i"});
  launch.pty = true;
  const Shepherds::Step& step = shepherds().start(launch);
  Line client = shepherds().client(step, {.size = TerminalSize{40, 100}});
  ASSERT_TRUE(client.await<StreamOpened>());
  uint64_t position = 0;
  const auto type = [&](Line& line, const std::string& text) {
    line.send(StreamData{.stream = StreamId::input, .position = position, .bytes = text});
    position += text.size();
  };
  const auto await_text = [&](Line& line, std::string_view wanted) {
    std::string seen;
    while (seen.find(wanted) == std::string::npos) {
      const std::optional<StreamData> data = line.await<StreamData>();
      if (!data) return false;
      seen += data->bytes;
    }
    return true;
  };
  type(client, "PS1='$ '; stty size; tty\n");
  EXPECT_TRUE(await_text(client, "40 100"));
  type(client, "sleep 1000\n");
  EXPECT_TRUE(await_text(client, "sleep 1000"));
  const Deadline deadline = Deadline::after(kPatience);
  const auto sleeps = [&] {
    return std::ranges::any_of(shepherds().processes(),
                               [](pid_t pid) { return in_foreground(pid, "sleep"); });
  };
  while (!sleeps() && !deadline.passed()) (void)::poll(nullptr, 0, 5);
  type(client, "\x03");  // Ctrl-C ends it, not the shell
  type(client, "echo al''ive\n");
  EXPECT_TRUE(await_text(client, "alive"));
  client.close();
  Line again = shepherds().client(step, {.size = TerminalSize{20, 80}});
  EXPECT_EQ(again.await<StreamOpened>()->input_at, position);
  EXPECT_TRUE(await_text(again, "alive"));  // the screen
  type(again, "stty size; exit 11\n");
  EXPECT_TRUE(await_text(again, "20 80"));
  EXPECT_EQ(again.await<StreamExit>()->exit.code, 11);
}

TEST_F(GdshepTest, StreamsOfACommandAreKeptApart) {
  const Shepherds::Step& step = shepherds().start(
      shepherds().command({"/bin/sh", "-c", "cat; echo bad > /dev/stderr; kill -9 $$"}));
  Line client = shepherds().client(step);
  client.send(StreamData{.stream = StreamId::input, .bytes = "through"});
  client.send(StreamEnd{.stream = StreamId::input});
  EXPECT_EQ(client.await<StreamData>()->bytes, "through");
  const std::optional<StreamData> error = client.await<StreamData>();
  EXPECT_EQ(error->stream, StreamId::error);
  EXPECT_EQ(error->bytes, "bad\n");
  EXPECT_EQ(client.await<StreamExit>()->exit.signal, SIGKILL);
}

TEST_F(GdshepTest, CommandWhoseClientLeavesOnPurposeIsEnded) {
  const Shepherds::Step& step = shepherds().start(shepherds().command({"/bin/sleep", "1000"}));
  Line line = shepherds().agent(step);
  Line client = shepherds().client(step);
  ASSERT_TRUE(client.await<StreamOpened>());
  client.send(StreamPing{.bye = true});
  EXPECT_EQ(shepherds().await(line, StepPhase::ended).cause, EndCause::client_gone);
}

TEST_F(GdshepTest, DoorHasRoomForSoManyAndNoMore) {
  const Shepherds::Step& step = shepherds().start(shepherds().batch("#!/bin/sh\nsleep 1000\n"));
  std::vector<Line> lines;
  for (size_t i = 0; i < kMaxDoorConnections; ++i) {
    lines.push_back(shepherds().agent(step));
    ASSERT_TRUE(lines.back().await<ShepherdStatus>()) << i;
  }
  Result<UniqueFd> more = connect_at(step.folder.path(), kShepherdSocket);
  ASSERT_TRUE(more.ok());
  EXPECT_FALSE(Line(FrameChannel(std::move(more).take())).next());  // closed at once
}

TEST_F(GdshepTest, ReadOnlyRootIsSealedAlsoForRootInside) {
  StepLaunch launch =
      shepherds().batch("#!/bin/sh\ntouch /sealed 2>/dev/null && exit 1\ntouch /tmp/open\n");
  launch.spec.image.read_only = true;
  launch.spec.image.root_inside = true;
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::exited);
  EXPECT_EQ(status.exit.code, 0);
  launch = shepherds().batch("#!/bin/sh\ntouch /open\n");
  launch.spec.image.root_inside = true;
  EXPECT_EQ(shepherds().run(launch).exit.code, 0);
}

TEST_F(GdshepTest, ExternStepIsAPlaceForOthers) {
  StepLaunch place = shepherds().batch("");
  place.step = kExternStep;
  place.spec.kind = JobKind::allocation;
  place.stream = true;  // as the controller says of every step but the script
  const Shepherds::Step& owner = shepherds().start(place);
  Line owner_line = shepherds().agent(owner);
  ASSERT_EQ(shepherds().await(owner_line, StepPhase::running).phase, StepPhase::running);
  StepLaunch second = place;
  second.step = StepId{0};
  second.join_container = true;
  second.argv = {"/bin/sh", "-c", "exit 9"};
  second.stream = false;
  EXPECT_EQ(shepherds().run(second).exit, (ExitStatus{9, 0}));
  owner_line.send(ShepherdOrder{.end = EndOrder{}});
  EXPECT_EQ(shepherds().await(owner_line, StepPhase::ended).cause, EndCause::ordered);
  EXPECT_TRUE(shepherds().groups().empty());
}

class SessionTest : public GdshepTest {
 protected:
  StepLaunch session(const std::string& script) {
    shepherds().settings.screen_program = GDSCREEN_PROGRAM;
    StepLaunch launch = shepherds().command({"/bin/sh", "-c", script});
    launch.pty = true;
    return launch;
  }
  // What the program has shown before the client came is in the answer to its coming.
  static void read_until(Line& line, std::string_view text) {
    std::string seen;
    while (seen.find(text) == std::string::npos) {
      const std::optional<Message> message = line.next();
      ASSERT_TRUE(message) << seen;
      if (const auto* opened = std::get_if<StreamOpened>(&*message)) seen += opened->screen;
      if (const auto* data = std::get_if<StreamData>(&*message)) seen += data->bytes;
    }
  }
};

TEST_F(SessionTest, WhoComesBackIsGivenTheScreenAndWhatFollows) {
  const Shepherds::Step& step = shepherds().start(
      session("printf '\\033[?1049h\\033[2Jfull screen'; read x; printf \"more-$x\"; read y"));
  {
    Line first = shepherds().client(step, {.size = TerminalSize{.rows = 10, .columns = 40}});
    read_until(first, "full screen");
    first.close();  // lost, without a word
  }
  Line second = shepherds().client(step, {.size = TerminalSize{.rows = 12, .columns = 50}});
  const std::optional<StreamOpened> opened = second.await<StreamOpened>();
  ASSERT_TRUE(opened);
  EXPECT_NE(opened->screen.find("\x1b[?1049h"), std::string::npos);
  EXPECT_NE(opened->screen.find("full screen"), std::string::npos);
  second.send(StreamData{.stream = StreamId::input, .position = opened->input_at, .bytes = "x\n"});
  read_until(second, "more-x");
  // The same client again, who has seen all of that: no screen, nothing twice.
  Line again = shepherds().client(step, {.output_from = opened->output_at});
  const std::optional<StreamOpened> reopened = again.await<StreamOpened>();
  ASSERT_TRUE(reopened);
  EXPECT_EQ(reopened->screen, "");
  EXPECT_EQ(reopened->output_at, opened->output_at);
  read_until(again, "more-x");
}

TEST_F(SessionTest, ASessionIsRecordedIntoAFileOfItsUser) {
  StepLaunch launch = session("printf shown");
  launch.record = "%j-%s.cast";
  const StepStatus status = shepherds().run(launch);
  EXPECT_EQ(status.cause, EndCause::exited) << status.error;
  const std::string name =
      std::to_string(launch.job.value) + "-" + step_name(launch.step) + ".cast";
  struct stat about {};
  ASSERT_EQ(::stat((shepherds().work() + "/" + name).c_str(), &about), 0) << name;
  EXPECT_EQ(about.st_uid, shepherds().user().uid);
  EXPECT_EQ(about.st_mode & 07777, 0600U);
  wait_for_text(name, "shown");
  // It is never written over.
  StepLaunch second = session("printf shown");
  second.record = name;
  const StepStatus refused = shepherds().run(second);
  EXPECT_EQ(refused.cause, EndCause::refused);
  EXPECT_NE(refused.error.find("File exists"), std::string::npos) << refused.error;
}

TEST_F(SessionTest, AnIdleSessionIsWarnedAndEnded) {
  StepLaunch launch = session("read x");
  launch.partition = "batch";
  launch.session_idle = 2s;
  const Shepherds::Step& step = shepherds().start(launch);
  Line agent = shepherds().agent(step);
  Line client = shepherds().client(step);
  const std::optional<StreamNotice> notice = client.await<StreamNotice>();
  ASSERT_TRUE(notice);
  EXPECT_NE(notice->text.find("ends in 1s"), std::string::npos) << notice->text;
  const StepStatus status = shepherds().await(agent, StepPhase::ended);
  EXPECT_EQ(status.cause, EndCause::idle);
  EXPECT_EQ(status.error, "idle for 2s, the most that partition batch allows");
}

TEST_F(SessionTest, WhoComputesIsNotIdle) {
  shepherds().settings.sample_interval = 1s;
  StepLaunch launch =
      session("end=$(($(date +%s) + 5)); while [ $(date +%s) -lt $end ]; do :; done");
  launch.session_idle = 3s;
  EXPECT_EQ(shepherds().run(launch).cause, EndCause::exited);
}

}  // namespace
}  // namespace gd::agent::test
