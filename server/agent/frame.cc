#include "server/agent/frame.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "proto/codec.h"

namespace gd::agent {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr size_t kCompactBytes = size_t{64} << 10;  // move the rest down once so much is used up

uint32_t read_length(std::string_view octets) {
  uint32_t length = 0;
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    length |= static_cast<uint32_t>(static_cast<unsigned char>(octets[i])) << (8 * i);
  }
  return length;
}

struct Address {
  sockaddr_un name{};
  UniqueFd folder;  // keeps the number in the name meaningful
};

Result<Address> address_at(const std::string& folder, const std::string& name) {
  Address address;
  address.folder = TRY(open_file(folder, O_PATH | O_DIRECTORY));
  const std::string path = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" + name;
  if (path.size() >= sizeof address.name.sun_path) {
    return Error{ErrorCode::invalid, "socket name " + name + " has " + std::to_string(name.size()) +
                                         " characters, too many for an address"};
  }
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> stream_socket() {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.valid()) return os_error("socket");
  return fd;
}

}  // namespace

Result<std::optional<Bytes>> FrameBuffer::next() {
  const std::string_view left = std::string_view(octets_).substr(taken_);
  if (left.size() < kHeaderBytes) return std::optional<Bytes>{};
  const uint32_t length = read_length(left);
  if (length == 0 || length > kMaxFrameBytes) {
    return Error{ErrorCode::invalid, "frame of " + std::to_string(length) + " bytes, 1 to " +
                                         std::to_string(kMaxFrameBytes) + " are possible"};
  }
  if (left.size() < kHeaderBytes + length) return std::optional<Bytes>{};
  std::optional<Bytes> body{Bytes(left.substr(kHeaderBytes, length))};
  taken_ += kHeaderBytes + length;
  if (taken_ == octets_.size() || taken_ >= kCompactBytes) {
    octets_.erase(0, taken_);
    taken_ = 0;
  }
  return body;
}

std::string frame_of(std::string_view body) {
  std::string frame;
  frame.reserve(kHeaderBytes + body.size());
  for (size_t i = 0; i < kHeaderBytes; ++i) {
    frame.push_back(static_cast<char>((body.size() >> (8 * i)) & 0xff));
  }
  frame.append(body);
  return frame;
}

Result<bool> FrameChannel::fill() {
  std::array<char, 65536> chunk;
  for (size_t total = 0; total < kFrameReadBytes;) {
    const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got == 0) return false;
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return true;
      if (errno == ECONNRESET) return false;
      return os_error("receive");
    }
    in_.append({chunk.data(), static_cast<size_t>(got)});
    total += static_cast<size_t>(got);
  }
  return true;
}

Result<std::optional<Message>> FrameChannel::next() {
  const std::optional<Bytes> body = TRY(in_.next());
  if (!body) return std::optional<Message>{};
  return std::optional<Message>{TRY(decode(*body))};
}

Result<void> FrameChannel::send(const Message& message) {
  return send_body(encode(message));
}

Result<void> FrameChannel::send_body(std::string_view body) {
  if (body.empty() || body.size() > kMaxFrameBytes) {
    return Error{ErrorCode::invalid, "frame of " + std::to_string(body.size()) + " bytes, 1 to " +
                                         std::to_string(kMaxFrameBytes) + " are possible"};
  }
  out_.append(frame_of(body));
  return flush();
}

Result<void> FrameChannel::flush() {
  while (backlog() > 0) {
    const ssize_t sent =
        ::send(fd_.get(), out_.data() + written_, backlog(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return os_error("send");
    }
    written_ += static_cast<size_t>(sent);
  }
  if (written_ == out_.size() || written_ >= kCompactBytes) {
    out_.erase(0, written_);
    written_ = 0;
  }
  return {};
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return os_error("fcntl");
  return {};
}

Result<UniqueFd> listen_at(const std::string& folder, const std::string& name) {
  const Address address = TRY(address_at(folder, name));
  UniqueFd fd = TRY(stream_socket());
  if (::unlinkat(address.folder.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return os_error("remove " + folder + "/" + name);
  }
  // The mode of the socket file is that of its inode at bind: nobody may slip in before a chmod.
  if (::fchmod(fd.get(), 0600) != 0) return os_error("chmod of a socket");
  const auto* bound = reinterpret_cast<const sockaddr*>(&address.name);
  if (::bind(fd.get(), bound, sizeof address.name) != 0) {
    return os_error("bind " + folder + "/" + name);
  }
  if (::listen(fd.get(), 16) != 0) return os_error("listen " + folder + "/" + name);
  return fd;
}

Result<UniqueFd> connect_at(const std::string& folder, const std::string& name) {
  const Address address = TRY(address_at(folder, name));
  UniqueFd fd = TRY(stream_socket());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.name), sizeof address.name) !=
      0) {
    return os_error("connect " + folder + "/" + name);
  }
  return fd;
}

Result<std::optional<UniqueFd>> accept_from(int listener) {
  UniqueFd fd{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (fd.valid()) return std::optional<UniqueFd>{std::move(fd)};
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return std::optional<UniqueFd>{};
  return os_error("accept");
}

}  // namespace gd::agent
