// Keys, join tokens, and logins on their way through gdauthd.
//
// A login belongs to the connection that started it and ends with its answer, its
// refusal, or kLoginPatience. What is enrolled is the key of that connection.
#include "proto/codec.h"
#include "proto/join_token.h"
#include "server/controller/handlers.h"

namespace gd::controller {
namespace {

const char* const kNoAuth = "logins are not possible: gdauthd is not running";

std::vector<KeyRecord> keys_of(const Hub& hub, const auth::Caller& caller,
                               const std::string& user) {
  std::vector<KeyRecord> out;
  for (const auth::KeyPointer& key : hub.keys.all()) {
    const bool own = key->kind == KeyKind::user && key->uid == caller.uid;
    const bool wanted = user.empty() ? own : user == "*" || key->name == user;
    if (wanted && (own || caller.administrator)) out.push_back(*key);
  }
  return out;
}

// Durable with the turn; the client hears after.
void finish_login(Hub& hub, const LoginSession& session, const auth::UserEvidence& evidence) {
  const Result<auth::KeyChange> change =
      auth::enrol_user(hub.keys, evidence, hub.settings().key_lifetime, hub.now);
  if (!change.ok()) return hub.refuse(session.origin, change.error());
  hub.change_keys(*change);
  hub.reply(session.origin, LoginDone{evidence.user, evidence.uid, change->put.front().expires});
}

std::optional<LoginSession> take_login(Hub& hub, uint64_t id) {
  const auto found = hub.logins.find(id);
  if (found == hub.logins.end()) return std::nullopt;
  LoginSession session = std::move(found->second);
  hub.logins.erase(found);
  return session;
}

Result<uint64_t> new_login(Hub& hub, LoginSession session) {
  if (hub.logins.size() >= kMaxLoginSessions) {
    return Error{ErrorCode::unavailable,
                 std::to_string(kMaxLoginSessions) + " logins are under way already; try again"};
  }
  if (hub.parts.auth == nullptr) return Error{ErrorCode::unavailable, kNoAuth};
  session.until = hub.now + kLoginPatience;
  const uint64_t id = ++hub.last_login;
  hub.logins.emplace(id, std::move(session));
  return id;
}

struct AuthEvents {
  Hub& hub;

  void operator()(auth::LoginPrompted&& event) {
    const auto session = hub.logins.find(event.id);
    if (session == hub.logins.end()) return;
    hub.reply(session->second.origin, LoginPrompt{event.kind, event.text});
  }
  void operator()(auth::LoginSucceeded&& event) {
    const std::optional<LoginSession> session = take_login(hub, event.id);
    if (!session) return;
    finish_login(
        hub, *session,
        {event.uid, event.gid, event.user, session->origin.peer.public_key, auth::kMadeByPam});
  }
  void operator()(auth::AccountAllowed&& event) {
    const std::optional<LoginSession> session = take_login(hub, event.id);
    if (!session || !session->vouched) return;
    if (session->vouched->uid != event.uid) {
      return hub.refuse(
          session->origin,
          {ErrorCode::denied, "user " + event.user + " has uid " + std::to_string(event.uid) +
                                  " here, not " + std::to_string(session->vouched->uid)});
    }
    finish_login(hub, *session,
                 {event.uid, event.gid, event.user, session->vouched->public_key,
                  auth::kMadeByVouch + session->origin.caller.name});
  }
  void operator()(auth::AuthRefused&& event) {
    const std::optional<LoginSession> session = take_login(hub, event.id);
    if (session) hub.refuse(session->origin, event.error);
  }
  void operator()(auth::EnrolAsked&& event) {
    Result<auth::KeyChange> change = auth::enrol_user(
        hub.keys, {event.uid, event.gid, event.user, event.public_key, auth::kMadeByPeer},
        hub.settings().key_lifetime, hub.now);
    Result<EnrolAnswer> answer = EnrolAnswer{};
    if (change.ok()) {
      hub.change_keys(*change);
      answer = EnrolAnswer{event.user, change->put.front().expires, hub.settings().controller,
                           hub.parts.public_key};
    } else {
      answer = change.error();
    }
    hub.turn.after.emplace_back([&all = hub, id = event.id, answer = std::move(answer)] {
      // A gdauthd that has gone is heard of by receive(); this answer is lost with it.
      if (all.parts.auth != nullptr) (void)all.parts.auth->answer_enrol(id, answer).ok();
    });
  }
};

}  // namespace

void on_key_list(Hub& hub, const Origin& origin, KeyListRequest&& request) {
  if (!request.user.empty() && request.user != origin.caller.name && !origin.caller.administrator) {
    return hub.refuse(origin, {ErrorCode::denied, "only administrators list others' keys"});
  }
  hub.reply(origin, KeyListReply{keys_of(hub, origin.caller, request.user)});
}

void on_key_revoke(Hub& hub, const Origin& origin, KeyRevokeRequest&& request) {
  const Result<auth::KeyChange> change =
      auth::revoke_keys(hub.keys, {origin.caller.uid, origin.caller.administrator},
                        request.fingerprint, request.user);
  if (!change.ok()) return hub.refuse(origin, change.error());
  for (const std::string& key : change->erase) {
    hub.audit(origin.caller, "revoke key " + std::string(auth::fingerprint(key)));
  }
  hub.change_keys(*change);
  hub.reply(origin, OkReply{});
}

void on_node_token(Hub& hub, const Origin& origin, NodeTokenRequest&& request) {
  std::erase_if(hub.tokens, [&](const auto& each) {
    if (each.second.expires > hub.now) return false;
    hub.turn.writes.push_back({store::Table::keys, each.first, std::nullopt});
    return true;
  });
  const JoinToken secret{random_bytes(kJoinSecretBytes), hub.settings().controller,
                         hub.parts.public_key};
  const Result<auth::NewJoinToken> token =
      auth::make_join_token(request, origin.caller.uid, secret, hub.tokens.size(), hub.now);
  if (!token.ok()) return hub.refuse(origin, token.error());
  const std::string key = auth::token_store_key(token->record.digest);
  hub.tokens.emplace(key, token->record);
  hub.turn.writes.push_back({store::Table::keys, key, encode_record(token->record)});
  hub.audit(origin.caller, "join token for " +
                               (request.node.empty() ? "any node" : "node " + request.node) +
                               (request.may_vouch ? ", may vouch" : ""));
  hub.reply(origin, NodeTokenReply{token->text, token->record.expires});
}

void on_node_join(Hub& hub, const Origin& origin, NodeJoin&& request) {
  const Result<JoinToken> parsed = parse_join_token(request.token);
  const std::string key =
      parsed.ok() ? auth::token_store_key(auth::join_token_digest(parsed->secret)) : "";
  const auto token = hub.tokens.find(key);
  const JoinTokenRecord* record = token == hub.tokens.end() ? nullptr : &token->second;
  const Result<auth::KeyChange> change =
      auth::join_node(hub.keys, record, request.node, origin.peer.public_key, hub.now);
  if (!change.ok()) return hub.refuse(origin, change.error());
  if (record != nullptr) {
    if (record->may_vouch) {  // until its first hello there is no record to say so in
      hub.vouch_when_known.insert(request.node);
      hub.turn.writes.push_back({store::Table::meta, kVouchPrefix + request.node, Bytes{}});
    }
    hub.turn.writes.push_back({store::Table::keys, key, std::nullopt});
    hub.tokens.erase(token);
  }
  hub.change_keys(*change);
  hub.audit({.kind = PeerKind::node, .name = request.node}, "joined from " + origin.peer.address);
  hub.reply(origin, NodeJoined{hub.settings().cluster});
}

void on_login_start(Hub& hub, const Origin& origin, LoginStart&& request) {
  std::erase_if(hub.logins, [&](const auto& each) {  // one login a connection: the newest
    if (each.second.origin.route != origin.route || each.second.vouched) return false;
    (void)hub.parts.auth->cancel_login(each.first).ok();
    return true;
  });
  const Result<uint64_t> id = new_login(hub, {.origin = origin});
  if (!id.ok()) return hub.refuse(origin, id.error());
  const Result<void> started = hub.parts.auth->start_login(*id, request.user, origin.peer.address);
  if (started.ok()) return;
  hub.logins.erase(*id);
  hub.refuse(origin, started.error());
}

void on_login_answer(Hub& hub, const Origin& origin, LoginAnswer&& request) {
  SecretString answer(std::move(request.text));
  for (auto& [id, session] : hub.logins) {
    if (session.origin.route != origin.route || session.vouched) continue;
    session.origin.tag = origin.tag;  // the next prompt answers this message
    const Result<void> sent = hub.parts.auth->answer_login(id, std::move(answer));
    if (!sent.ok()) hub.refuse(origin, sent.error());
    return;
  }
  hub.refuse(origin, {ErrorCode::conflict, "no login is under way here; start again"});
}

void on_enrol(Hub& hub, const Origin& origin, EnrolRequest&& request) {
  const core::NodeEntry* node = hub.cluster.find_node(origin.caller.name);
  if (node == nullptr || !node->record.may_vouch) {
    return hub.refuse(origin, {ErrorCode::denied, "node " + origin.caller.name +
                                                      " is not trusted to vouch for its users"});
  }
  const std::string user = request.user;
  const Result<uint64_t> id = new_login(hub, {.origin = origin, .vouched = std::move(request)});
  if (!id.ok()) return hub.refuse(origin, id.error());
  const Result<void> asked = hub.parts.auth->check_account(*id, user);
  if (asked.ok()) return;
  hub.logins.erase(*id);
  hub.refuse(origin, asked.error());
}

void on_auth_event(Hub& hub, auth::AuthEvent&& event) {
  std::visit(AuthEvents{hub}, std::move(event));
}

void expire_logins(Hub& hub) {
  std::erase_if(hub.logins, [&](const auto& each) {
    if (each.second.until > hub.now) return false;
    if (hub.parts.auth != nullptr) (void)hub.parts.auth->cancel_login(each.first).ok();
    hub.refuse(each.second.origin, {ErrorCode::unavailable, "the login took too long"});
    return true;
  });
}

}  // namespace gd::controller
