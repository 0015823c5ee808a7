// Keys, joining and logging in: how an identity comes to be known. See proto/messages.h for
// the form, and server/auth/ for what counts as evidence.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/message_type.h"
#include "proto/node_record.h"

namespace gd {

struct KeyListRequest {
  static constexpr MessageType kType = MessageType::key_list_request;
  std::string user;  // empty: one's own; "*": everybody's, for administrators
  bool operator==(const KeyListRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("user", self.user); }
};

struct KeyListReply {
  static constexpr MessageType kType = MessageType::key_list_reply;
  std::vector<KeyRecord> keys;
  bool operator==(const KeyListReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("keys", self.keys); }
};

struct KeyRevokeRequest {
  static constexpr MessageType kType = MessageType::key_revoke_request;
  std::string fingerprint;  // first characters of the public key, at least 8, one key only
  std::string user;         // or all keys of a user
  bool operator==(const KeyRevokeRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("fp", self.fingerprint);
    field("user", self.user);
  }
};

struct NodeTokenRequest {
  static constexpr MessageType kType = MessageType::node_token_request;
  std::string node;  // the name that may join with it; empty: any one node
  Seconds lifetime{3600};
  bool may_vouch = false;
  bool operator==(const NodeTokenRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("life", self.lifetime);
    field("vouch", self.may_vouch);
  }
};

struct NodeTokenReply {
  static constexpr MessageType kType = MessageType::node_token_reply;
  std::string token;  // also names the controller's address and key: all that a node needs
  TimePoint expires{};
  bool operator==(const NodeTokenReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("token", self.token);
    field("expires", self.expires);
  }
};

// PAM, question by question. The key that is enrolled is the one the
// connection itself uses: it is never in a message.
struct LoginStart {
  static constexpr MessageType kType = MessageType::login_start;
  std::string user;
  bool operator==(const LoginStart&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("user", self.user); }
};

enum class PromptKind : uint8_t { secret = 0, visible = 1, info = 2, error = 3 };

struct LoginPrompt {
  static constexpr MessageType kType = MessageType::login_prompt;
  PromptKind kind = PromptKind::secret;  // info and error are answered by an empty LoginAnswer
  std::string text;
  bool operator==(const LoginPrompt&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("kind", self.kind);
    field("text", self.text);
  }
};

struct LoginAnswer {
  static constexpr MessageType kType = MessageType::login_answer;
  std::string text;  // wiped after use
  bool operator==(const LoginAnswer&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("text", self.text); }
};

struct LoginDone {
  static constexpr MessageType kType = MessageType::login_done;
  std::string user;
  Uid uid = 0;
  TimePoint expires{};
  bool operator==(const LoginDone&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("user", self.user);
    field("uid", self.uid);
    field("expires", self.expires);
  }
};

// From a node that may vouch, or from gdauthd: a local process of this uid holds
// this key. The evidence is SO_PEERCRED there.
struct EnrolRequest {
  static constexpr MessageType kType = MessageType::enrol_request;
  Uid uid = 0;
  Gid gid = 0;
  std::string user;
  std::string public_key;
  bool operator==(const EnrolRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("uid", self.uid);
    field("gid", self.gid);
    field("user", self.user);
    field("key", self.public_key);
  }
};

struct NodeJoin {  // over a connection with the node's new key
  static constexpr MessageType kType = MessageType::node_join;
  std::string token;
  std::string node;
  bool operator==(const NodeJoin&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("token", self.token);
    field("node", self.node);
  }
};

struct NodeJoined {
  static constexpr MessageType kType = MessageType::node_joined;
  std::string cluster;
  bool operator==(const NodeJoined&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("cluster", self.cluster); }
};

}  // namespace gd
