// What gdctld and gdauthd, and gdauthd and its PAM children, say to each other
// over a SOCK_SEQPACKET pair: one packet each, one shape for all kinds.
//
//   packet = kind (1) id (8) code (1) uid (4) gid (4) length (2) text length (2) extra
//   Numbers are little-endian; nothing may follow.
//
// Same build on both ends, so there is no version. A packet that does not parse is
// a bug or a break-in: the reader gives up the connection. An id names one
// conversation; gdctld picks those of its own requests, gdauthd those of enrolments
// (bit 63 set), none is used twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/fd.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd::auth {

enum class PacketKind : uint8_t {
  // gdctld -> gdauthd
  login_start = 1,    // text: user; extra: the client's address
  login_answer = 2,   // text: the answer
  login_cancel = 3,   // the client has gone
  account_check = 4,  // text: user
  enrol_answer = 5,   // text: the line for the client, without its end
  // gdauthd -> gdctld
  login_prompt = 64,  // code: PromptKind; text
  login_done = 65,    // text: user, uid, gid
  account_done = 66,  // the same
  refused = 67,       // code: ErrorCode; text: why; ends a login or an account check
  enrol_ask = 68,     // uid, gid; text: user; extra: public key
};

inline constexpr size_t kMaxPacketText = 1024;
inline constexpr size_t kMaxPacketExtra = 256;
inline constexpr size_t kPacketHeaderBytes = 22;
inline constexpr size_t kMaxPacketBytes = kPacketHeaderBytes + kMaxPacketText + kMaxPacketExtra;
inline constexpr uint64_t kEnrolIdBit = uint64_t{1} << 63;

struct Packet {
  PacketKind kind = PacketKind::refused;
  uint64_t id = 0;
  uint8_t code = 0;
  Uid uid = 0;
  Gid gid = 0;
  SecretString text;  // may be a password: wiped when the packet goes
  std::string extra;
};

SecretString format_packet(const Packet& packet);  // GD_CHECKs the limits
Result<Packet> parse_packet(std::string_view bytes);

// Never blocks. unavailable: the queue is full or the other end has gone.
Result<void> send_packet(int socket, const Packet& packet);
// Nothing: none is waiting. Error: the other end has gone (unavailable), or what
// came is no packet (invalid).
Result<std::optional<Packet>> receive_packet(int socket);

}  // namespace gd::auth
