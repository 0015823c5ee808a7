// File descriptors with one owner, and the reads and writes that retry EINTR.
//
// Every descriptor is born close-on-exec. Errors carry the path or the context
// that the caller gave.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace gd {

using Bytes = std::string;  // octets; std::string for its small-buffer and its literals

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  explicit operator bool() const = delete;  // fd 0 is a descriptor like any other
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe(int flags = 0);  // O_CLOEXEC is added
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
Result<SocketPair> make_socket_pair(int type);  // AF_UNIX; SOCK_CLOEXEC is added

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);
Result<UniqueFd> open_at(int dir_fd, const std::string& name, int flags, mode_t mode = 0);
Result<UniqueFd> duplicate(int fd);

// Whole files. `limit` is the most that will be read; one byte more is an error
// (ErrorCode::invalid) that names both numbers.
inline constexpr size_t kMaxFileBytes = size_t{64} << 20;
Result<Bytes> read_file(const std::string& path, size_t limit = kMaxFileBytes);
Result<Bytes> read_all(int fd, std::string_view context, size_t limit = kMaxFileBytes);
Result<void> write_all(int fd, std::string_view bytes, std::string_view context);
Result<void> write_file(const std::string& path, std::string_view bytes);  // of /sys, say

// Writes beside the target, syncs file and folder, renames: after a crash the
// file is the old one or the new one. The mode is set before the rename.
Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode);

Result<void> make_directories(const std::string& path, mode_t mode);  // like mkdir -p
Result<void> remove_tree(const std::string& path);  // never crosses into another file system

}  // namespace gd
