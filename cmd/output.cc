#include "cmd/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/process.h"
#include "base/text.h"

namespace gd::cmd {

bool Output::flush() {
  if (fd_ < 0) return true;
  size_t done = 0;
  while (error_ == 0 && done < text_.size()) {
    const ssize_t count = ::write(fd_, text_.data() + done, text_.size() - done);
    if (count >= 0)
      done += static_cast<size_t>(count);
    else if (errno != EINTR)
      error_ = errno;
  }
  text_.clear();
  return error_ == 0;
}

bool Output::broken_pipe() const {
  return error_ == EPIPE;
}

int terminal_width(int fd) {
  if (fd < 0 || ::isatty(fd) == 0) return 0;
  constexpr int kLeast = 20;
  if (const auto columns = get_env("COLUMNS")) {
    const Result<int> width = parse_number<int>(*columns, kLeast, 10000);
    if (width.ok()) return *width;
  }
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= kLeast) return size.ws_col;
  return 80;
}

bool wants_colour(int fd) {
  if (fd < 0 || ::isatty(fd) == 0) return false;
  const auto forbidden = get_env("NO_COLOR");
  if (forbidden && !forbidden->empty()) return false;
  return get_env("TERM").value_or("dumb") != "dumb";
}

}  // namespace gd::cmd
