// Messages over a unix stream socket, between gdnoded and its shepherds.
//
//   frame = length (4 bytes, little endian, 1..kMaxFrameBytes) body (encode()d message)
//
// FrameBuffer is the pure half: octets in, whole bodies out. FrameChannel owns a
// descriptor that does not block: what cannot be written at once is kept, and the owner
// of the loop asks wants_write(). A channel whose peer does not read is not fed any more:
// look at backlog() before producing.
//
// Sockets are named by their folder's descriptor, so the length of a path does not matter
// (a unix address holds 107 octets).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages.h"

namespace gd::agent {

inline constexpr size_t kMaxFrameBytes = kMaxMessageBytes;
inline constexpr size_t kFrameReadBytes = size_t{256} << 10;  // taken from a socket at once

class FrameBuffer {
 public:
  void append(std::string_view octets) { octets_.append(octets); }
  // A whole body, or nothing yet. An error is final: the stream makes no sense any more.
  Result<std::optional<Bytes>> next();
  [[nodiscard]] size_t size() const { return octets_.size() - taken_; }

 private:
  std::string octets_;
  size_t taken_ = 0;
};

std::string frame_of(std::string_view body);

class FrameChannel {
 public:
  FrameChannel() = default;
  explicit FrameChannel(UniqueFd fd) : fd_(std::move(fd)) {}  // made non-blocking

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool open() const { return fd_.valid(); }
  void close() { fd_.reset(); }

  // Reads what is there. False: the other side has closed.
  Result<bool> fill();
  Result<std::optional<Bytes>> next_body() { return in_.next(); }
  Result<std::optional<Message>> next();

  // Never blocks. An error means that the other side is gone.
  Result<void> send(const Message& message);
  Result<void> send_body(std::string_view body);
  Result<void> flush();
  [[nodiscard]] size_t backlog() const { return out_.size() - written_; }
  [[nodiscard]] bool wants_write() const { return backlog() > 0; }

 private:
  UniqueFd fd_;
  FrameBuffer in_;
  std::string out_;
  size_t written_ = 0;
};

Result<void> set_nonblocking(int fd);

// A listening socket at folder/name, mode 0600; an old one of that name is replaced.
Result<UniqueFd> listen_at(const std::string& folder, const std::string& name);
Result<UniqueFd> connect_at(const std::string& folder, const std::string& name);
// The next connection, or nothing when none is waiting.
Result<std::optional<UniqueFd>> accept_from(int listener);

}  // namespace gd::agent
