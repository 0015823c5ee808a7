// Who may do what: one table over message types, and one over actions on jobs.
// Pure. Everything that the controller serves goes through may_send(), and what
// touches a job also through may_act().
//
// Nobody (a key that is not enrolled) may log in and join, nothing else.
// A job's key has its user's rights, but never administers and never manages keys.
// A key that a node vouched for never administers: else one such node would be root
// of the cluster. Uid 0 submits nothing unless allowed, and administers with a key
// from the controller's own host only.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/message_type.h"
#include "proto/node_record.h"
#include "proto/peer.h"

namespace gd::auth {

// Resolved when the configuration is read: names and "@group" from the name service.
struct Administrators {
  std::set<Uid> users;
  std::set<Gid> groups;  // by primary group of the key
  bool operator==(const Administrators&) const = default;
};
// `own_uid`: the user that a controller without root runs as administers it.
Result<Administrators> resolve_administrators(const std::vector<std::string>& names,
                                              std::optional<Uid> own_uid);

struct Caller {
  PeerKind kind = PeerKind::nobody;
  Uid uid = 0;
  Gid gid = 0;
  JobId job;         // of a job key
  std::string name;  // of the user or the node
  bool administrator = false;
  bool operator==(const Caller&) const = default;
};

// key: what KeyTable::find() gave for the connection's key; nullptr: nobody.
Caller make_caller(const KeyRecord* key, const Administrators& administrators);

struct AccessRules {  // from the configuration
  bool allow_root_jobs = false;
  bool private_data = false;
};

// May this caller send such a message at all? ErrorCode::unauthenticated for
// nobody, denied for the others.
Result<void> may_send(const Caller& caller, MessageType type);

enum class Action : uint8_t {
  submit,   // as oneself
  see,      // that it exists, its state
  read,     // script and environment
  cancel,   // signals too
  control,  // hold, release, requeue, update
  raise,    // what only lifts limits: priority up, administrator's hold off
  attach,   // steps, streams: processes as the owner, so an administrator may not
};

// On a job of `owner` (for submit: the uid it would have).
Result<void> may_act(const Caller& caller, Action action, Uid owner, const AccessRules& rules);

// For listings: nothing means all jobs may be shown, else only those of this uid.
[[nodiscard]] std::optional<Uid> sees_only(const Caller& caller, const AccessRules& rules);

// The table, for tests and documentation.
struct SendRule {
  MessageType type;
  bool nobody, user, job, node;  // which kinds of peer
  bool administrators_only;
};
std::span<const SendRule> send_rules();

}  // namespace gd::auth
