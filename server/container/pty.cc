// Terminal calls, each with its error.
#include "server/container/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace gd::container {

Result<PtyPair> make_pty(TerminalSize size) {
  PtyPair pair;
  pair.master = TRY(open_file("/dev/ptmx", O_RDWR | O_NOCTTY));
  const int unlock = 0;
  if (::ioctl(pair.master.get(), TIOCSPTLCK, &unlock) != 0) return os_error("unlock terminal");
  const int slave = ::ioctl(pair.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return os_error("open terminal's other side");
  pair.slave.reset(slave);
  TRY(set_window_size(pair.master.get(), size));
  return pair;
}

Result<void> set_window_size(int terminal_fd, TerminalSize size) {
  const winsize window{size.rows, size.columns, 0, 0};
  if (::ioctl(terminal_fd, TIOCSWINSZ, &window) != 0) return os_error("set window size");
  return {};
}

Result<TerminalSize> window_size(int terminal_fd) {
  winsize window{};
  if (::ioctl(terminal_fd, TIOCGWINSZ, &window) != 0) return os_error("get window size");
  return TerminalSize{window.ws_row, window.ws_col};
}

Result<pid_t> foreground_group(int master_fd) {
  pid_t group = 0;
  if (::ioctl(master_fd, TIOCGPGRP, &group) != 0) return os_error("get foreground group");
  return group;
}

Result<RawMode> RawMode::enter(int terminal_fd) {
  termios saved{};
  if (::tcgetattr(terminal_fd, &saved) != 0) return os_error("get terminal mode");
  termios raw = saved;
  ::cfmakeraw(&raw);
  if (::tcsetattr(terminal_fd, TCSADRAIN, &raw) != 0) return os_error("set terminal mode");
  return RawMode(terminal_fd, saved);
}

RawMode::RawMode(RawMode&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), saved_(other.saved_) {}

RawMode::~RawMode() {
  restore();
}

void RawMode::restore() {
  if (fd_ < 0) return;
  (void)::tcsetattr(fd_, TCSADRAIN, &saved_);  // the terminal may be gone: nothing to do then
  fd_ = -1;
}

}  // namespace gd::container
