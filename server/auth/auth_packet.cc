// See auth_packet.h for the grammar. This parser reads, as root, what an
// unprivileged process sent: it is short on purpose.
#include "server/auth/auth_packet.h"

#include <sys/socket.h>

#include <array>

#include "base/check.h"

namespace gd::auth {

namespace {

template <class Number>
void put_number(std::string& out, Number value) {
  for (size_t i = 0; i < sizeof value; ++i) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

template <class Number>
Number get_number(std::string_view& in) {  // the caller has checked that it is there
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  }
  in.remove_prefix(sizeof(Number));
  return static_cast<Number>(value);
}

bool is_kind(uint8_t value) {
  return (value >= 1 && value <= 5) || (value >= 64 && value <= 68);
}

Error not_a_packet(const char* why) {
  return {ErrorCode::invalid, std::string("authentication packet ") + why};
}

}  // namespace

SecretString format_packet(const Packet& packet) {
  const std::string_view text = packet.text.reveal();
  GD_CHECK(text.size() <= kMaxPacketText, text.size());
  GD_CHECK(packet.extra.size() <= kMaxPacketExtra, packet.extra.size());
  std::string out;
  out.reserve(kMaxPacketBytes);  // no second buffer that a password would stay in
  put_number(out, static_cast<uint8_t>(packet.kind));
  put_number(out, packet.id);
  put_number(out, packet.code);
  put_number(out, packet.uid);
  put_number(out, packet.gid);
  put_number(out, static_cast<uint16_t>(text.size()));
  out += text;
  put_number(out, static_cast<uint16_t>(packet.extra.size()));
  out += packet.extra;
  return SecretString(std::move(out));
}

Result<Packet> parse_packet(std::string_view bytes) {
  if (bytes.size() < kPacketHeaderBytes) return not_a_packet("is cut short");
  if (bytes.size() > kMaxPacketBytes) return not_a_packet("is too long");
  const auto kind = get_number<uint8_t>(bytes);
  if (!is_kind(kind)) return not_a_packet("is of no known kind");
  Packet packet;
  packet.kind = static_cast<PacketKind>(kind);
  packet.id = get_number<uint64_t>(bytes);
  packet.code = get_number<uint8_t>(bytes);
  packet.uid = get_number<uint32_t>(bytes);
  packet.gid = get_number<uint32_t>(bytes);
  const auto text = get_number<uint16_t>(bytes);
  if (text > kMaxPacketText || bytes.size() < size_t{text} + 2) {
    return not_a_packet("has a bad text");
  }
  packet.text = SecretString(std::string(bytes.substr(0, text)));
  bytes.remove_prefix(text);
  const auto extra = get_number<uint16_t>(bytes);
  if (extra > kMaxPacketExtra || bytes.size() != extra) return not_a_packet("has a bad end");
  packet.extra = std::string(bytes);
  return packet;
}

Result<void> send_packet(int socket, const Packet& packet) {
  const SecretString bytes = format_packet(packet);
  const std::string_view view = bytes.reveal();
  ssize_t sent = -1;
  do {
    sent = ::send(socket, view.data(), view.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent == static_cast<ssize_t>(view.size())) return {};
  Error error = os_error("send authentication packet");
  error.code = ErrorCode::unavailable;
  return error;
}

Result<std::optional<Packet>> receive_packet(int socket) {
  std::array<char, kMaxPacketBytes + 1> buffer;  // one more, so that too much is seen as such
  ssize_t count = -1;
  do {
    count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<Packet>{};
  if (count < 0 && errno != ECONNRESET) return os_error("receive authentication packet");
  if (count <= 0) return Error{ErrorCode::unavailable, "the other end has gone"};
  Result<Packet> packet = parse_packet({buffer.data(), static_cast<size_t>(count)});
  wipe(buffer.data(), static_cast<size_t>(count));
  if (!packet.ok()) return std::move(packet).error();
  return std::optional<Packet>(std::move(packet).take());
}

}  // namespace gd::auth
