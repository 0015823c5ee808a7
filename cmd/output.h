// Standard output and standard error of a command, gathered into large writes.
//
// A reader that has gone (`gdstat | head`) is no failure: write errors are kept and
// asked for once, at the end. Tests give a negative descriptor and read text().
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gd::cmd {

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { (void)flush(); }

  Output& operator<<(std::string_view text) {
    text_ += text;
    if (text_.size() >= kFlushAt && fd_ >= 0) (void)flush();
    return *this;
  }
  void line(std::string_view text) { *this << text << "\n"; }
  // False: the other end is gone, or the disk is full: see broken_pipe().
  bool flush();
  [[nodiscard]] bool failed() const { return error_ != 0; }
  [[nodiscard]] bool broken_pipe() const;
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  static constexpr size_t kFlushAt = size_t{64} << 10;
  int fd_;
  int error_ = 0;
  std::string text_;
};

// Width of the terminal behind fd, or 0: not a terminal. COLUMNS counts first.
int terminal_width(int fd);
// Colour: a terminal, and neither NO_COLOR nor TERM=dumb.
bool wants_colour(int fd);

}  // namespace gd::cmd
