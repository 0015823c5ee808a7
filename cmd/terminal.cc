#include "cmd/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>

#include "base/check.h"

namespace gd::cmd {
namespace {

// What a signal handler or atexit() needs; written before the terminal is changed.
struct Saved {
  termios settings{};
  std::atomic<int> fd{-1};
};
Saved saved;

void restore() {
  const int fd = saved.fd.exchange(-1);
  if (fd >= 0) (void)::tcsetattr(fd, TCSADRAIN, &saved.settings);
}

void restore_and_die(int signal) {
  restore();
  (void)::raise(signal);  // SA_RESETHAND: this time it kills
}

}  // namespace

Result<RawTerminal> RawTerminal::enter(int fd) {
  GD_CHECK(saved.fd.load() < 0);
  if (::tcgetattr(fd, &saved.settings) != 0) return os_error("the terminal's settings");
  static const int registered = std::atexit(restore);
  if (registered != 0)
    return Error{ErrorCode::internal, "cannot register the terminal's restoring"};
  struct sigaction action {};
  action.sa_handler = restore_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPIPE}) {
    (void)::sigaction(signal, &action, nullptr);
  }
  saved.fd = fd;
  termios raw = saved.settings;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSADRAIN, &raw) != 0) {
    saved.fd = -1;
    return os_error("making the terminal raw");
  }
  return RawTerminal(fd);
}

RawTerminal::~RawTerminal() {
  if (fd_ >= 0) restore();
}

std::optional<TerminalSize> terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    return std::nullopt;
  }
  return TerminalSize{.rows = size.ws_row, .columns = size.ws_col};
}

EscapeFilter::Taken EscapeFilter::take(std::string_view typed) {
  Taken taken;
  for (const char c : typed) {
    if (state_ == State::after_tilde) {
      state_ = State::in_line;
      if (c == 'd') {
        taken.detach = true;
        return taken;
      }
      if (c == '?') {
        taken.help = true;
        state_ = State::line_start;
        continue;
      }
      taken.to_send += '~';
      if (c == '~') continue;
    } else if (state_ == State::line_start && c == '~') {
      state_ = State::after_tilde;
      continue;
    }
    taken.to_send += c;
    state_ = c == '\r' || c == '\n' ? State::line_start : State::in_line;
  }
  return taken;
}

}  // namespace gd::cmd
