// See login_prompt.h.
#include "cmd/login_prompt.h"

#include <poll.h>
#include <termios.h>

#include <array>
#include <csignal>

#include "base/digest.h"
#include "base/text.h"

namespace gd::cmd {

namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
volatile std::sig_atomic_t caught_signal = 0;

extern "C" void note_signal(int signal) {
  caught_signal = signal;
}

// While it lives, signals arrive only inside wait_for_input(), so that none is lost just
// before a read() that then sleeps on. They are sent again afterwards.
class HeldSignals {
 public:
  HeldSignals() {
    caught_signal = 0;
    sigset_t held;
    ::sigemptyset(&held);
    for (const int signal : kSignals) ::sigaddset(&held, signal);
    ::sigprocmask(SIG_BLOCK, &held, &old_mask_);
    struct sigaction action {};
    action.sa_handler = note_signal;
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &action, &old_[i]);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() {
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &old_[i], nullptr);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);  // one that came since acts now
  }

  // False: a signal came first.
  [[nodiscard]] bool wait_for_input(int fd) const {
    while (caught_signal == 0) {
      pollfd item{fd, POLLIN, 0};
      if (::ppoll(&item, 1, nullptr, &old_mask_) >= 0) return true;
      if (errno != EINTR) return true;  // read() tells what is wrong
    }
    return false;
  }

 private:
  sigset_t old_mask_{};
  std::array<struct sigaction, kSignals.size()> old_{};
};

class EchoOff {
 public:
  explicit EchoOff(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal_, &old_) != 0) return;
    termios quiet = old_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &old_);
  }
  [[nodiscard]] bool works() const { return changed_; }

 private:
  int terminal_;
  termios old_{};
  bool changed_ = false;
};

}  // namespace

Result<std::string> StandardPrompter::read_line() {
  std::string line;
  line.reserve(kMaxTypedBytes + 1);  // no second buffer that a secret would stay in
  for (;;) {
    char c = 0;
    const ssize_t count = ::read(input_, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read the answer");
    if (count == 0 && line.empty()) {
      return Error{ErrorCode::unavailable, "no answer: standard input has ended"};
    }
    if (count == 0 || c == '\n') return line;
    if (line.size() == kMaxTypedBytes) {
      wipe(line);
      return Error{ErrorCode::invalid,
                   "the answer has more than " + std::to_string(kMaxTypedBytes) + " bytes"};
    }
    line.push_back(c);
  }
}

Result<std::string> StandardPrompter::read_secret(const std::string& text) {
  for (;;) {
    int signal = 0;
    {
      const HeldSignals held;
      const EchoOff quiet(input_);
      if (!quiet.works()) return os_error("switch the terminal's echo off");
      TRY(write_all(output_, text, "terminal"));
      if (held.wait_for_input(input_)) return read_line();  // a terminal gives whole lines
      signal = caught_signal;
    }
    // The echo is on and the signals are as they were: now let it happen.
    (void)write_all(output_, "\n", "terminal").ok();
    ::raise(signal);
    if (signal != SIGTSTP) return Error{ErrorCode::unavailable, "interrupted"};
  }
}

Result<std::string> StandardPrompter::ask(PromptKind kind, const std::string& text) {
  const std::string shown = printable(text, 1000);
  if (kind == PromptKind::info || kind == PromptKind::error) {
    TRY(write_all(output_, shown + "\n", "terminal"));
    return std::string{};
  }
  if (::isatty(input_) == 0) return read_line();
  // printable() keeps blanks: "Password: " comes out as it was meant.
  if (kind == PromptKind::secret) return read_secret(shown);
  TRY(write_all(output_, shown, "terminal"));
  return read_line();
}

}  // namespace gd::cmd
