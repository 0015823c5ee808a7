// Who is at the other end of a connection, as the ZAP handler established it.
//
// The handler turns a CURVE public key into a line of text (libzmq's User-Id) that
// libzmq attaches to every message of that connection; parse_peer reads it back.
// Nothing in a message can change it.
//
//   line = kind " " public-key " " uid " " gid " " job " " name
//   kind = "user" | "node" | "job" | "nobody"
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/ids.h"

namespace gd {

enum class PeerKind : uint8_t {
  nobody = 0,  // a key that is not enrolled: may log in or join, and nothing else
  user = 1,
  node = 2,
  job = 3,  // a job's own key: its user's rights for the job's lifetime
};

struct Peer {
  PeerKind kind = PeerKind::nobody;
  std::string public_key;  // Z85, 40 characters
  Uid uid = 0;             // user, job
  Gid gid = 0;
  JobId job;            // job
  std::string name;     // of the user or the node
  std::string address;  // IP address, from libzmq; for logs and for slowing down logins
  bool operator==(const Peer&) const = default;
};

std::string format_peer(const Peer& peer);  // without the address
Result<Peer> parse_peer(std::string_view line);

}  // namespace gd
