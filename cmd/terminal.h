// The user's terminal: raw while a session has it, and given back whatever happens.
//
// RawTerminal's destructor restores; so do the ends that no destructor sees, exit() and
// the signals that kill, through a copy of the settings kept for an async-signal-safe
// tcsetattr(). One at a time.
#pragma once

#include <termios.h>

#include <optional>

#include "base/result.h"
#include "proto/messages_stream.h"

namespace gd::cmd {

class RawTerminal {
 public:
  static Result<RawTerminal> enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();

 private:
  explicit RawTerminal(int fd) : fd_(fd) {}
  int fd_;
};

std::optional<TerminalSize> terminal_size(int fd);

// "Enter ~ d" in a session leaves it, the job goes on; "Enter ~ ~" is one "~".
// "Enter ~ ?" shows both. Fed with what is typed, gives what is to be sent.
class EscapeFilter {
 public:
  struct Taken {
    Bytes to_send;
    bool detach = false;
    bool help = false;
  };
  Taken take(std::string_view typed);

 private:
  enum class State : uint8_t { line_start, in_line, after_tilde };
  State state_ = State::line_start;
};

}  // namespace gd::cmd
