// A ticket lets one client open the streams of one step at one node.
//
// It is signed with the controller's Ed25519 key, names the client's CURVE key
// (the node compares it with the key of the connection) and a launch number, so
// it needs no clock: it is worth nothing to another key, another node or a later
// life of the job.   bytes = signature (64) + msgpack of Ticket
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd {

struct Ticket {
  JobId job;
  LaunchNumber launch;
  StepId step;
  Uid uid = 0;
  std::string node;
  std::string client_key;  // Z85
  bool operator==(const Ticket&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("step", self.step);
    field("uid", self.uid);
    field("node", self.node);
    field("ckey", self.client_key);
  }
};

struct TicketKeys {
  Bytes public_key;  // 32 bytes
  Bytes secret_key;  // 64 bytes
};

TicketKeys make_ticket_keys();
Bytes sign_ticket(const Ticket& ticket, const Bytes& secret_key);
Result<Ticket> open_ticket(const Bytes& signed_ticket, const Bytes& public_key);

}  // namespace gd
