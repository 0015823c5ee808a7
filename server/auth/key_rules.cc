// See key_rules.h. What is refused here is refused before anything is stored.
#include "server/auth/key_rules.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "proto/enrol.h"

namespace gd::auth {

namespace {

std::string named(std::string_view public_key) {
  return "key " + std::string(fingerprint(public_key)) + "...";
}

Result<void> check_key_text(const std::string& public_key) {
  if (is_key_text(public_key)) return {};
  return Error{ErrorCode::invalid, "'" + printable(public_key, 60) + "' is no CURVE public key"};
}

// A key stays with whom it was first bound to, expired or not: who has seen another
// person's public key could otherwise make her commands act as himself.
Result<void> check_free_for(const KeyBook& book, const std::string& public_key, KeyKind kind,
                            Uid uid) {
  const KeyPointer bound = book.find(public_key);
  if (!bound) return {};
  if (bound->kind == kind && kind == KeyKind::user && bound->uid == uid) return {};
  return Error{ErrorCode::exists, named(public_key) + " is bound to another identity"};
}

Result<void> check_root_evidence(const UserEvidence& evidence) {
  if (evidence.uid != 0 || evidence.made_by == kMadeByPeer) return {};
  return Error{ErrorCode::denied, "uid 0 gets a key only on the controller's own host, not by '" +
                                      evidence.made_by + "'"};
}

KeyRecord user_record(const UserEvidence& evidence, Seconds lifetime, TimePoint now) {
  KeyRecord record;
  record.public_key = evidence.public_key;
  record.kind = KeyKind::user;
  record.uid = evidence.uid;
  record.gid = evidence.gid;
  record.name = evidence.user;
  record.made = now;
  record.expires = lifetime == Seconds{0} ? TimePoint{} : now + lifetime;
  record.made_by = evidence.made_by;
  return record;
}

KeyChange erase_of(const std::vector<KeyPointer>& keys) {
  KeyChange change;
  for (const KeyPointer& key : keys) change.erase.push_back(key->public_key);
  return change;
}

Result<KeyChange> revoke_user(const KeyBook& book, const Revoker& caller, const std::string& user) {
  KeyChange change;
  for (const KeyPointer& key : book.all()) {
    if (key->kind != KeyKind::user || key->name != user) continue;
    if (!caller.administrator && key->uid != caller.uid) continue;
    change.erase.push_back(key->public_key);
  }
  if (change.erase.empty()) {
    return Error{ErrorCode::not_found,
                 "no key of user '" + printable(user) + "' that you may revoke"};
  }
  return change;
}

}  // namespace

void apply(KeyBook& book, const KeyChange& change) {
  for (const std::string& public_key : change.erase) book.erase(public_key);
  for (const KeyRecord& record : change.put) book.put(record);
}

Result<KeyChange> enrol_user(const KeyBook& book, const UserEvidence& evidence, Seconds lifetime,
                             TimePoint now) {
  TRY(check_key_text(evidence.public_key));
  TRY(check_root_evidence(evidence));
  TRY(check_free_for(book, evidence.public_key, KeyKind::user, evidence.uid));
  KeyChange change;
  change.put.push_back(user_record(evidence, lifetime, now));

  std::vector<KeyPointer> others = book.of_user(evidence.uid);
  std::erase_if(others,
                [&](const KeyPointer& key) { return key->public_key == evidence.public_key; });
  for (size_t i = 0; i + kMaxKeysPerUser <= others.size(); ++i) {
    change.erase.push_back(others[i]->public_key);  // oldest first
  }
  return change;
}

Result<KeyChange> enrol_job(const KeyBook& book, const UserEvidence& owner, JobId job,
                            TimePoint now) {
  TRY(check_key_text(owner.public_key));
  if (book.find(owner.public_key)) {
    return Error{ErrorCode::exists, named(owner.public_key) + " is bound already"};
  }
  KeyRecord record = user_record(owner, Seconds{0}, now);
  record.kind = KeyKind::job;
  record.job = job.value;
  record.made_by = kMadeByJob;
  KeyChange change = revoke_job(book, job);  // of an earlier life of the job
  change.put.push_back(std::move(record));
  return change;
}

KeyChange revoke_job(const KeyBook& book, JobId job) {
  return erase_of(book.of_job(job));
}

std::string job_key_store_key(JobId job) {
  return kJobKeyPrefix + std::to_string(job.value);
}

Result<KeyChange> revoke_keys(const KeyBook& book, const Revoker& caller,
                              const std::string& fingerprint, const std::string& user) {
  if (fingerprint.empty() == user.empty()) {
    return Error{ErrorCode::invalid,
                 "name either one key or one user whose keys are to be revoked"};
  }
  if (!user.empty()) return revoke_user(book, caller, user);
  const KeyPointer key = TRY(book.by_fingerprint(fingerprint));
  const bool own = key->kind == KeyKind::user && key->uid == caller.uid;
  if (!own && !caller.administrator) {
    return Error{ErrorCode::denied, named(key->public_key) + " is not yours"};
  }
  return erase_of({key});
}

KeyChange sweep_keys(const KeyBook& book, TimePoint now) {
  KeyChange change;
  change.erase = book.expired_by(now - kKeptAfterExpiry);
  return change;
}

Result<NewJoinToken> make_join_token(const NodeTokenRequest& request, Uid made_by,
                                     const JoinToken& controller_and_secret, size_t existing,
                                     TimePoint now) {
  GD_CHECK(controller_and_secret.secret.size() == kJoinSecretBytes,
           controller_and_secret.secret.size());
  if (existing >= kMaxJoinTokens) {
    return Error{ErrorCode::exhausted, std::to_string(existing) + " join tokens are open, " +
                                           std::to_string(kMaxJoinTokens) +
                                           " are allowed; wait until some expire"};
  }
  if (request.lifetime <= Seconds{0} || request.lifetime > kMaxTokenLifetime) {
    return Error{ErrorCode::invalid,
                 "token lifetime of " + std::to_string(request.lifetime.count()) +
                     " s is not between 1 and " + std::to_string(kMaxTokenLifetime.count())};
  }
  NewJoinToken made;
  made.record.digest = join_token_digest(controller_and_secret.secret);
  made.record.node = request.node;
  made.record.may_vouch = request.may_vouch;
  made.record.expires = now + request.lifetime;
  made.record.made_by = made_by;
  made.text = format_join_token(controller_and_secret);
  return made;
}

Digest join_token_digest(const Bytes& secret) {
  return digest_of("gd join token " + secret);
}

std::string token_store_key(const Digest& digest) {
  return kJoinTokenPrefix + digest.hex();
}

Result<KeyChange> join_node(const KeyBook& book, const JoinTokenRecord* token,
                            const std::string& node, const std::string& public_key, TimePoint now) {
  TRY(check_key_text(public_key));
  // One text for never made, used and expired: a guesser learns nothing from it.
  if (token == nullptr || now >= token->expires) {
    return Error{ErrorCode::denied,
                 "join token is not known, was used, or has expired; make one with "
                 "gdctl node token"};
  }
  if (!token->node.empty() && token->node != node) {
    return Error{ErrorCode::denied,
                 "join token is for node '" + token->node + "', not '" + printable(node) + "'"};
  }
  const KeyPointer bound = book.find(public_key);
  if (bound && !(bound->kind == KeyKind::node && bound->name == node)) {
    return Error{ErrorCode::exists, named(public_key) + " is bound to another identity"};
  }
  KeyChange change = erase_of(book.of_node(node));
  KeyRecord record;
  record.public_key = public_key;
  record.kind = KeyKind::node;
  record.name = node;
  record.made = now;
  record.made_by = kMadeByToken;
  change.put.push_back(std::move(record));
  return change;
}

}  // namespace gd::auth
