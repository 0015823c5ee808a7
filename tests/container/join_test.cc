// A second program in a container, containers that wait for one, and what a dead shepherd
// leaves.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/container/fixture.h"

namespace gd::container {
namespace {

class JoinTest : public ContainerTest {
 protected:
  // A container without a program of its own.
  Result<Process> holder() {
    LaunchPlan plan = plan_of({});
    plan.lifetime = Lifetime::until_closed;
    plan.hostname = "holder";
    return engine().launch(plan);
  }

  Outcome join_shell(const Process& container, const std::string& script) {
    Result<Pipe> pipe = make_pipe();
    LaunchPlan plan = shell_plan(script);
    plan.process.stdio.out = pipe->write.get();
    plan.process.stdio.err = pipe->write.get();
    Result<Process> process = join(container.pidfd(), plan.identity, plan.process, {});
    pipe->write.reset();
    return collect(std::move(process), pipe->read);
  }
};

TEST_F(JoinTest, TheProgramIsInTheSameContainer) {
  Result<Process> container = holder();
  ASSERT_TRUE(container.ok()) << container.error().text;
  EXPECT_EQ(join_shell(*container, "echo here > /tmp/mark; hostname; id -u").output,
            "holder\n64001\n");
  const Outcome second = join_shell(*container, "cat /tmp/mark; pwd; cat /proc/self/uid_map");
  EXPECT_EQ(second.output.substr(0, 19), "here\n/home/tester\n ") << second.error;
  EXPECT_NE(second.output.find("1900000000"), std::string::npos);
  EXPECT_TRUE(join_shell(*container, "exit 9").exited(9));
  EXPECT_TRUE(join_shell(*container, "kill -SEGV $$").killed_by(SIGSEGV));
  EXPECT_FALSE(container->poll_exit()->has_value());
  ASSERT_TRUE(container->end().ok());
  EXPECT_TRUE(container->wait(kWaitMs).ok());
}

TEST_F(JoinTest, AJoinedProgramIsConfinedAsTheFirst) {
  Result<Process> container = holder();
  ASSERT_TRUE(container.ok()) << container.error().text;
  const Outcome outcome = join_shell(*container,
                                     "grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' "
                                     "/proc/self/status | tr -d '\\t\\n '");
  EXPECT_EQ(outcome.output,
            "CapPrm:0000000000000000CapEff:0000000000000000CapBnd:0000000000000000"
            "CapAmb:0000000000000000NoNewPrivs:1Seccomp:2");
}

TEST_F(JoinTest, AJoinedTerminalIsTheContainers) {
  Result<Process> container = holder();
  ASSERT_TRUE(container.ok()) << container.error().text;
  LaunchPlan plan = shell_plan("tty");
  plan.process.stdio.terminal = TerminalSize{};
  Result<Process> process = join(container->pidfd(), plan.identity, plan.process, {});
  ASSERT_TRUE(process.ok()) << process.error().text;
  const UniqueFd master = process->take_terminal();
  char buffer[64] = {};
  ASSERT_GT(::read(master.get(), buffer, sizeof buffer - 1), 0);
  EXPECT_STREQ(buffer, "/dev/pts/0\r\n");
  EXPECT_TRUE(process->wait(kWaitMs).ok());
}

TEST_F(JoinTest, JoiningADeadContainerIsAnError) {
  Result<Process> container = holder();
  ASSERT_TRUE(container.ok()) << container.error().text;
  ASSERT_TRUE(container->kill().ok());
  ASSERT_TRUE(container->wait(kWaitMs).ok());
  EXPECT_NE(join_shell(*container, "true").error.find("enter namespaces"), std::string::npos);
}

// The kernel closes the pipe's last writer when the last process is dead.
TEST_F(JoinTest, WhenTheShepherdIsKilledTheContainerAndTheJoinedProgramDie) {
  Result<Pipe> alive = make_pipe();
  ASSERT_TRUE(alive.ok());
  Result<Pipe> ready = make_pipe();
  const pid_t shepherd = ::fork();
  if (shepherd == 0) {
    LaunchPlan plan = shell_plan("sleep 1000 & sleep 1000");
    plan.process.stdio.out = alive->write.get();
    Result<Process> first = engine().launch(plan);
    Result<Process> second = join(first->pidfd(), plan.identity, plan.process, {});
    const char fine = first.ok() && second.ok() ? 'y' : 'n';
    (void)!::write(ready->write.get(), &fine, 1);
    for (;;) ::pause();
  }
  alive->write.reset();
  char fine = 0;
  ASSERT_EQ(::read(ready->read.get(), &fine, 1), 1);
  EXPECT_EQ(fine, 'y');
  ASSERT_EQ(::kill(shepherd, SIGKILL), 0);
  ASSERT_EQ(::waitpid(shepherd, nullptr, 0), shepherd);
  pollfd end{alive->read.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, kWaitMs), 1) << "somebody still lives";
  char byte = 0;
  EXPECT_EQ(::read(alive->read.get(), &byte, 1), 0);
}

}  // namespace
}  // namespace gd::container
