// Output towards a descriptor that may be slow, without blocking the session: a terminal
// that Ctrl-S has stopped must not stop the pings. The descriptor stays blocking, since it
// is shared with others; so small pieces are written when it says that it has room.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <string_view>

#include "base/poller.h"
#include "base/result.h"

namespace gd::cmd {

class FdWriter {
 public:
  explicit FdWriter(int fd) : fd_(fd) {}

  void start(Poller& poller, std::function<void(size_t)> on_written) {
    poller_ = &poller;
    on_written_ = std::move(on_written);
  }
  void add(std::string_view bytes) {
    waiting_ += bytes;
    if (!watched_) watch();
  }
  [[nodiscard]] bool idle() const { return at_ == waiting_.size(); }
  // errno of the first write that a full disk or a quota refused; 0: none.
  [[nodiscard]] int error() const { return error_; }

 private:
  static constexpr size_t kPiece = 4096;  // a pipe that is writable takes as much at once

  void watch() {
    // Files cannot be waited for, and need not be: they are written at once.
    if (!poller_->add(fd_, EPOLLOUT, [this](uint32_t) { write_piece(); }).ok()) {
      while (!idle()) write_piece();
      return;
    }
    watched_ = true;
  }
  void write_piece() {
    const size_t size = std::min(kPiece, waiting_.size() - at_);
    const ssize_t count = size == 0 ? 0 : ::write(fd_, waiting_.data() + at_, size);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    const bool full = count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
    if (full && error_ == 0) error_ = errno;
    // A reader that has gone: what it does not want is taken as written.
    const size_t done = count < 0 ? size : static_cast<size_t>(count);
    at_ += done;
    if (done > 0) on_written_(done);
    if (!idle()) return;
    waiting_.clear();
    at_ = 0;
    if (watched_) poller_->remove(fd_);
    watched_ = false;
  }

  int fd_;
  Poller* poller_ = nullptr;
  std::function<void(size_t)> on_written_;
  std::string waiting_;
  size_t at_ = 0;  // written up to here
  bool watched_ = false;
  int error_ = 0;
};

}  // namespace gd::cmd
