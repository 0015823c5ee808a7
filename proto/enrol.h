// Silent enrolment over a unix socket: the few lines that a client and a daemon
// on the same machine exchange. Who the client is comes from SO_PEERCRED.
//
//   client:  "gd1 " public-key "\n"
//   daemon:  "ok " user " " expiry " " controller-address " " controller-key "\n"
//         or "no " reason "\n"
//
//   expiry = seconds since 1970, 0: never      controller-address = host:port
//
// One question a connection. The daemon's side is proto/enrol_listener.h. No
// ZeroMQ and no msgpack here: gdauthd reads these lines as root.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxEnrolAsk = 64;          // bytes of the client's line, its end included
inline constexpr size_t kMaxEnrolAnswer = 1024;     // of the daemon's
inline constexpr Milliseconds kEnrolTimeout = 20s;  // of the client: PAM may have to ask a server

struct EnrolAnswer {
  std::string user;
  TimePoint expires{};         // zero: never
  std::string controller;      // host:port
  std::string controller_key;  // Z85
  bool operator==(const EnrolAnswer&) const = default;
};

[[nodiscard]] bool is_key_text(std::string_view text);  // 40 characters of Z85

std::string format_enrol_ask(std::string_view public_key);
Result<std::string> parse_enrol_ask(std::string_view line);  // the key; line without its end

// A refusal travels as "no REASON" and comes back as ErrorCode::denied.
std::string format_enrol_answer(const Result<EnrolAnswer>& answer);
Result<EnrolAnswer> parse_enrol_answer(std::string_view line);

// The client: asks at `socket_path`. ErrorCode::unavailable if nobody listens
// there or no answer came; denied if the daemon refused. The process that
// listens must be root's or our own user's, or anybody could hand us his
// controller.
Result<EnrolAnswer> enrol_at(const std::string& socket_path, const std::string& public_key,
                             Milliseconds timeout = kEnrolTimeout);

}  // namespace gd
