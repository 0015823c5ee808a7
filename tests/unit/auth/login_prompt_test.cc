// StandardPrompter on a true pseudo-terminal, and on a pipe.
#include "cmd/login_prompt.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>

#include <csignal>
#include <thread>

namespace gd::cmd {
namespace {

bool echoes(int terminal) {
  termios state{};
  EXPECT_EQ(::tcgetattr(terminal, &state), 0);
  return (state.c_lflag & ECHO) != 0;
}

std::string read_until(int fd, const std::string& wanted) {
  std::string text;
  char c = 0;
  while (text.find(wanted) == std::string::npos && ::read(fd, &c, 1) == 1) text.push_back(c);
  return text;
}

class OnTerminal : public testing::Test {
 protected:
  void SetUp() override {
    int master = -1;
    int slave = -1;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
    master_.reset(master);
    slave_.reset(slave);
  }
  UniqueFd master_;
  UniqueFd slave_;
};

TEST_F(OnTerminal, ASecretIsNotEchoedAndTheEchoComesBack) {
  Result<std::string> answer = std::string{};
  std::thread asker([&] {
    StandardPrompter prompter(slave_.get(), slave_.get());
    answer = prompter.ask(PromptKind::secret, "Password: ");
  });
  EXPECT_EQ(read_until(master_.get(), "Password: "), "Password: ");
  EXPECT_FALSE(echoes(slave_.get()));
  ASSERT_TRUE(write_all(master_.get(), "hush\n", "terminal").ok());
  asker.join();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, "hush");
  EXPECT_TRUE(echoes(slave_.get()));
  EXPECT_EQ(read_until(master_.get(), "\n"), "\r\n");
}

TEST_F(OnTerminal, AVisibleAnswerIsEchoed) {
  Result<std::string> answer = std::string{};
  std::thread asker([&] {
    StandardPrompter prompter(slave_.get(), slave_.get());
    answer = prompter.ask(PromptKind::visible, "Code: ");
  });
  EXPECT_EQ(read_until(master_.get(), "Code: "), "Code: ");
  ASSERT_TRUE(write_all(master_.get(), "42\n", "terminal").ok());
  EXPECT_EQ(read_until(master_.get(), "\n"), "42\r\n");
  asker.join();
  EXPECT_EQ(*answer, "42");
}

TEST_F(OnTerminal, ASignalGivesTheEchoBackBeforeItEndsTheProcess) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const pid_t child = ::fork();
    if (child == 0) {
      StandardPrompter prompter(slave_.get(), slave_.get());
      (void)prompter.ask(PromptKind::secret, "Password: ").ok();
      ::_exit(0);
    }
    read_until(master_.get(), "Password: ");
    EXPECT_FALSE(echoes(slave_.get()));
    ASSERT_EQ(::kill(child, signal), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    EXPECT_TRUE(echoes(slave_.get())) << signal;
  }
}

TEST(OnPipe, EachQuestionTakesALine) {
  Pipe in = std::move(make_pipe()).take();
  Pipe out = std::move(make_pipe()).take();
  ASSERT_TRUE(write_all(in.write.get(), "first\nsecond", "pipe").ok());
  in.write.reset();
  StandardPrompter prompter(in.read.get(), out.write.get());
  EXPECT_EQ(*prompter.ask(PromptKind::secret, "Password: "), "first");
  EXPECT_TRUE(prompter.ask(PromptKind::info, "soon to expire\x1b[2J").ok());
  EXPECT_EQ(*prompter.ask(PromptKind::secret, "Again: "), "second");
  EXPECT_EQ(prompter.ask(PromptKind::secret, "Again: ").error().code, ErrorCode::unavailable);
  out.write.reset();
  EXPECT_EQ(*read_all(out.read.get(), "pipe"), "soon to expire\\x1b[2J\n");
}

TEST(OnPipe, AnAnswerHasALengthLimit) {
  Pipe in = std::move(make_pipe()).take();
  const std::string longest(kMaxTypedBytes, 'x');
  ASSERT_TRUE(write_all(in.write.get(), longest + "\n" + longest + "x\n", "pipe").ok());
  StandardPrompter prompter(in.read.get(), 2);
  EXPECT_EQ(*prompter.ask(PromptKind::secret, ""), longest);
  EXPECT_EQ(prompter.ask(PromptKind::secret, "").error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace gd::cmd
