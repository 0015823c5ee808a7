// Which key speaks as whom.
//
// KeyBook belongs to the controller's owner thread and changes only by records
// that are durable already. KeyTable is an immutable snapshot of it, KeyDirectory
// hands the newest one to other threads (ZAP's).
//
// What ZAP's line in Peer proves is the key; who that key speaks for is looked up
// again for each message: identify(peer.public_key, peer.address, now). So a
// revocation or an expiry counts from the next message on, and a login needs no
// new connection.
//
// Cost: the table is cut in kKeyShards; put and erase copy one shard (n / 256
// pointers), snapshot() copies 256 pointers; identify is one hash look-up.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/ids.h"
#include "proto/node_record.h"
#include "proto/peer.h"

namespace gd::auth {

inline constexpr size_t kKeyShards = 256;
inline constexpr size_t kFingerprintLength = 8;  // characters of the public key that name it

using KeyPointer = std::shared_ptr<const KeyRecord>;

[[nodiscard]] bool expired(const KeyRecord& key, TimePoint now);  // from `expires` on
[[nodiscard]] std::string_view fingerprint(std::string_view public_key);

class KeyTable {
 public:
  // Nothing for a key that was never enrolled, was revoked, or has expired.
  [[nodiscard]] KeyPointer find(const std::string& public_key, TimePoint now) const;
  // PeerKind::nobody in the same cases.
  [[nodiscard]] Peer identify(const std::string& public_key, const std::string& address,
                              TimePoint now) const;

 private:
  friend class KeyBook;
  using Shard = std::unordered_map<std::string, KeyPointer>;
  std::array<std::shared_ptr<const Shard>, kKeyShards> shards_;
};

class KeyBook {
 public:
  void put(KeyRecord record);                 // replaces one of the same public key
  void erase(const std::string& public_key);  // what is not there is erased already

  // Expired ones are found too, until they are swept.
  [[nodiscard]] KeyPointer find(const std::string& public_key) const;
  [[nodiscard]] std::vector<KeyPointer> of_user(Uid uid) const;  // user keys, oldest first
  [[nodiscard]] std::vector<KeyPointer> of_job(JobId job) const;
  [[nodiscard]] std::vector<KeyPointer> of_node(const std::string& name) const;
  [[nodiscard]] std::vector<KeyPointer> all() const;  // by public key
  // By the first characters of a public key, at least kFingerprintLength: exactly one.
  [[nodiscard]] Result<KeyPointer> by_fingerprint(std::string_view first) const;
  [[nodiscard]] std::vector<std::string> expired_by(TimePoint now) const;
  [[nodiscard]] size_t size() const { return by_key_.size(); }

  [[nodiscard]] const KeyTable& table() const { return table_; }  // for the owner thread
  [[nodiscard]] std::shared_ptr<const KeyTable> snapshot() const;

 private:
  void change_shard(const std::string& public_key, KeyPointer record);
  void index(const KeyRecord& record);
  void unindex(const KeyRecord& record);

  std::map<std::string, KeyPointer> by_key_;
  std::map<Uid, std::set<std::string>> by_user_;
  std::map<JobId, std::set<std::string>> by_job_;
  std::map<std::string, std::set<std::string>> by_node_;
  std::set<std::pair<TimePoint, std::string>> by_expiry_;
  KeyTable table_;
};

// The newest snapshot, for any thread.
class KeyDirectory {
 public:
  void publish(std::shared_ptr<const KeyTable> table);
  [[nodiscard]] std::shared_ptr<const KeyTable> current() const;  // never null

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyTable> table_ = std::make_shared<const KeyTable>();
};

}  // namespace gd::auth
