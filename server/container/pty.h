// Pseudo terminals on the node's side: window size, foreground group, raw mode.
//
// The pair of a container is made inside it, by launch() and join(); these work on its
// master side, or on the user's own terminal.
#pragma once

#include <termios.h>

#include "base/fd.h"
#include "server/container/launch_plan.h"

namespace gd::container {

struct PtyPair {
  UniqueFd master;
  UniqueFd slave;
};

Result<PtyPair> make_pty(TerminalSize size);  // from the node's own /dev/ptmx
Result<void> set_window_size(int terminal_fd, TerminalSize size);
Result<TerminalSize> window_size(int terminal_fd);

// Process group in the foreground, as numbered by the caller's pid namespace (0: not visible).
Result<pid_t> foreground_group(int master_fd);

// The terminal is raw while this lives.
class RawMode {
 public:
  static Result<RawMode> enter(int terminal_fd);
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();
  void restore();

 private:
  RawMode(int fd, const termios& saved) : fd_(fd), saved_(saved) {}
  int fd_ = -1;
  termios saved_{};
};

}  // namespace gd::container
