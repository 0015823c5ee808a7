// The text that `gdctl node token` prints and `gdnoded --join` takes: all that a
// new node needs.
//
//   text = "gdjoin-" base64( secret (16 octets) controller-key (40, Z85) address )
//
// The controller keeps only the secret's digest (JoinTokenRecord). Whoever has the
// text may join one node until it expires; it says nothing else.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace gd {

inline constexpr size_t kJoinSecretBytes = 16;
inline constexpr size_t kMaxAddressBytes = 255;  // host:port

struct JoinToken {
  Bytes secret;                // kJoinSecretBytes
  std::string controller;      // host:port
  std::string controller_key;  // Z85
  bool operator==(const JoinToken&) const = default;
};

std::string format_join_token(const JoinToken& token);
Result<JoinToken> parse_join_token(std::string_view text);

}  // namespace gd
