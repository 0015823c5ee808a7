// Who this node is towards its controller: its own key, and the controller's.
//
//   <spool>/node.key     0600  "PUBLIC SECRET\n"
//   <spool>/controller   0644  "HOST:PORT KEY\n"
//
// Both are written by `gdnoded --join`: the key is new, the token is spent with it, and the
// files are there only if the controller has said yes. Orders are taken from that key alone.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "proto/socket.h"

namespace gd::agent {

inline constexpr Milliseconds kJoinAnswer = 15s;  // for the controller to answer

struct NodeIdentity {
  CurveKeys keys;
  std::string controller;      // host:port
  std::string controller_key;  // Z85
};

Result<NodeIdentity> load_identity(const std::string& spool_dir);
Result<void> store_identity(const std::string& spool_dir, const NodeIdentity& identity);

// Spends the token. Gives the cluster's name.
Result<std::string> join_cluster(const std::string& token, const std::string& node,
                                 const std::string& spool_dir);

}  // namespace gd::agent
