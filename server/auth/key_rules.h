// What keys and join tokens may come to be: pure functions from evidence to the
// records that the controller commits. Durable first, then told.
//
//   const KeyChange change = TRY(enrol_user(book, evidence, lifetime, now));
//   ... put and erase in one store batch, commit ...; apply(book, change); publish
//
// Rules: a public key is bound to one identity and never moves to another; only
// a local process of root on the controller's host gets a key for uid 0; a user
// who has kMaxKeysPerUser loses the oldest for a new one (nobody is locked out by
// lost keys); a node name has one key, replaced only by a new token.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "proto/join_token.h"
#include "proto/messages_identity.h"
#include "proto/node_record.h"
#include "server/auth/key_table.h"

namespace gd::auth {

inline constexpr size_t kMaxKeysPerUser = 32;
inline constexpr size_t kMaxJoinTokens = 1024;      // that have not expired
inline constexpr Seconds kMaxTokenLifetime = 720h;  // 30 days
inline constexpr Seconds kKeptAfterExpiry = 720h;   // so that an expired key cannot change hands

// KeyRecord::made_by.
inline constexpr char kMadeByPam[] = "pam";
inline constexpr char kMadeByPeer[] = "peer";       // SO_PEERCRED on the controller's host
inline constexpr char kMadeByVouch[] = "vouched:";  // + node
inline constexpr char kMadeByToken[] = "token";
inline constexpr char kMadeByJob[] = "job";

struct KeyChange {
  std::vector<KeyRecord> put;
  std::vector<std::string> erase;  // public keys
  bool operator==(const KeyChange&) const = default;
};

void apply(KeyBook& book, const KeyChange& change);

struct UserEvidence {
  Uid uid = 0;
  Gid gid = 0;
  std::string user;
  std::string public_key;
  std::string made_by;  // one of the above
};

// lifetime zero: the key does not expire. The first of `put` is the new key.
Result<KeyChange> enrol_user(const KeyBook& book, const UserEvidence& evidence, Seconds lifetime,
                             TimePoint now);

// A key for a job that starts; revoke_job() when it has ended. It has its owner's rights over
// jobs for so long, and may neither administer nor deal with keys (permission.cc).
Result<KeyChange> enrol_job(const KeyBook& book, const UserEvidence& owner, JobId job,
                            TimePoint now);
KeyChange revoke_job(const KeyBook& book, JobId job);
// Key in the store's `keys` table of the secret half; no public key begins with it.
inline constexpr char kJobKeyPrefix[] = "~job~";
std::string job_key_store_key(JobId job);

// KeyRevokeRequest; `caller` limits a user to his own keys unless he administers.
struct Revoker {
  Uid uid = 0;
  bool administrator = false;
};
Result<KeyChange> revoke_keys(const KeyBook& book, const Revoker& caller,
                              const std::string& fingerprint, const std::string& user);

// Keys that expired more than kKeptAfterExpiry ago.
KeyChange sweep_keys(const KeyBook& book, TimePoint now);

// ---- nodes

struct NewJoinToken {
  JoinTokenRecord record;  // to be stored, by token_store_key()
  std::string text;        // to be told, once
};
// `secret` is kJoinSecretBytes of random_bytes(): randomness is a parameter here.
Result<NewJoinToken> make_join_token(const NodeTokenRequest& request, Uid made_by,
                                     const JoinToken& controller_and_secret, size_t existing,
                                     TimePoint now);
Digest join_token_digest(const Bytes& secret);
// Key in the store's `keys` table; no public key begins with it.
inline constexpr char kJoinTokenPrefix[] = "~join~";
std::string token_store_key(const Digest& digest);

// `token` is the stored record for the digest of what the node sent, or nullptr.
// The caller erases the token in the same commit.
Result<KeyChange> join_node(const KeyBook& book, const JoinTokenRecord* token,
                            const std::string& node, const std::string& public_key, TimePoint now);

}  // namespace gd::auth
