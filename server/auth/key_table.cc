// See key_table.h. The shard of a key is a hash of its text; which one is nobody's
// business outside this file.
#include "server/auth/key_table.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace gd::auth {

namespace {

size_t shard_of(const std::string& public_key) {
  return std::hash<std::string>{}(public_key) % kKeyShards;
}

template <class Index, class Name>
void remove_from(Index& index, const Name& name, const std::string& public_key) {
  const auto found = index.find(name);
  if (found == index.end()) return;
  found->second.erase(public_key);
  if (found->second.empty()) index.erase(found);
}

template <class Index, class Name>
std::vector<KeyPointer> records_in(const Index& index, const Name& name,
                                   const std::map<std::string, KeyPointer>& by_key) {
  std::vector<KeyPointer> records;
  const auto found = index.find(name);
  if (found == index.end()) return records;
  for (const std::string& public_key : found->second) records.push_back(by_key.at(public_key));
  return records;
}

PeerKind peer_kind(KeyKind kind) {
  switch (kind) {
    case KeyKind::user: return PeerKind::user;
    case KeyKind::node: return PeerKind::node;
    case KeyKind::job: return PeerKind::job;
  }
  return PeerKind::nobody;  // a record of a later release: it may do nothing here
}

}  // namespace

bool expired(const KeyRecord& key, TimePoint now) {
  return key.expires != TimePoint{} && now >= key.expires;
}

std::string_view fingerprint(std::string_view public_key) {
  return public_key.substr(0, kFingerprintLength);
}

KeyPointer KeyTable::find(const std::string& public_key, TimePoint now) const {
  const std::shared_ptr<const Shard>& shard = shards_[shard_of(public_key)];
  if (!shard) return nullptr;
  const auto found = shard->find(public_key);
  if (found == shard->end() || expired(*found->second, now)) return nullptr;
  return found->second;
}

Peer KeyTable::identify(const std::string& public_key, const std::string& address,
                        TimePoint now) const {
  Peer peer;
  peer.public_key = public_key;
  peer.address = address;
  const KeyPointer key = find(public_key, now);
  if (!key) return peer;
  peer.kind = peer_kind(key->kind);
  if (peer.kind == PeerKind::nobody) return peer;
  peer.uid = key->uid;
  peer.gid = key->gid;
  peer.job = JobId{key->job};
  peer.name = key->name;
  return peer;
}

void KeyBook::put(KeyRecord record) {
  erase(record.public_key);
  const std::string public_key = record.public_key;
  const auto pointer = std::make_shared<const KeyRecord>(std::move(record));
  by_key_[public_key] = pointer;
  index(*pointer);
  change_shard(public_key, pointer);
}

void KeyBook::erase(const std::string& public_key) {
  const auto found = by_key_.find(public_key);
  if (found == by_key_.end()) return;
  const KeyPointer record = found->second;  // keeps public_key alive, which may be a part of it
  unindex(*record);
  change_shard(record->public_key, nullptr);
  by_key_.erase(found);
}

void KeyBook::index(const KeyRecord& record) {
  switch (record.kind) {
    case KeyKind::user: by_user_[record.uid].insert(record.public_key); break;
    case KeyKind::node: by_node_[record.name].insert(record.public_key); break;
    case KeyKind::job: by_job_[JobId{record.job}].insert(record.public_key); break;
  }
  if (record.expires != TimePoint{}) by_expiry_.emplace(record.expires, record.public_key);
}

void KeyBook::unindex(const KeyRecord& record) {
  switch (record.kind) {
    case KeyKind::user: remove_from(by_user_, record.uid, record.public_key); break;
    case KeyKind::node: remove_from(by_node_, record.name, record.public_key); break;
    case KeyKind::job: remove_from(by_job_, JobId{record.job}, record.public_key); break;
  }
  by_expiry_.erase({record.expires, record.public_key});
}

void KeyBook::change_shard(const std::string& public_key, KeyPointer record) {
  std::shared_ptr<const KeyTable::Shard>& shard = table_.shards_[shard_of(public_key)];
  auto changed =
      shard ? std::make_shared<KeyTable::Shard>(*shard) : std::make_shared<KeyTable::Shard>();
  if (record) {
    (*changed)[public_key] = std::move(record);
  } else {
    changed->erase(public_key);
  }
  shard = std::move(changed);
}

KeyPointer KeyBook::find(const std::string& public_key) const {
  const auto found = by_key_.find(public_key);
  return found == by_key_.end() ? nullptr : found->second;
}

std::vector<KeyPointer> KeyBook::of_user(Uid uid) const {
  std::vector<KeyPointer> keys = records_in(by_user_, uid, by_key_);
  std::stable_sort(keys.begin(), keys.end(),
                   [](const KeyPointer& a, const KeyPointer& b) { return a->made < b->made; });
  return keys;
}

std::vector<KeyPointer> KeyBook::of_job(JobId job) const {
  return records_in(by_job_, job, by_key_);
}

std::vector<KeyPointer> KeyBook::of_node(const std::string& name) const {
  return records_in(by_node_, name, by_key_);
}

std::vector<KeyPointer> KeyBook::all() const {
  std::vector<KeyPointer> keys;
  keys.reserve(by_key_.size());
  for (const auto& [public_key, record] : by_key_) keys.push_back(record);
  return keys;
}

Result<KeyPointer> KeyBook::by_fingerprint(std::string_view first) const {
  if (first.size() < kFingerprintLength) {
    return Error{ErrorCode::invalid, "key '" + printable(first) + "' has " +
                                         std::to_string(first.size()) + " characters, at least " +
                                         std::to_string(kFingerprintLength) + " are needed"};
  }
  const auto found = by_key_.lower_bound(std::string(first));
  if (found == by_key_.end() || !found->first.starts_with(first)) {
    return Error{ErrorCode::not_found, "no key begins with '" + printable(first) + "'"};
  }
  if (const auto next = std::next(found); next != by_key_.end() && next->first.starts_with(first)) {
    return Error{ErrorCode::invalid,
                 "more than one key begins with '" + printable(first) + "'; give more characters"};
  }
  return found->second;
}

std::vector<std::string> KeyBook::expired_by(TimePoint now) const {
  std::vector<std::string> keys;
  for (const auto& [expires, public_key] : by_expiry_) {
    if (expires > now) break;
    keys.push_back(public_key);
  }
  return keys;
}

std::shared_ptr<const KeyTable> KeyBook::snapshot() const {
  return std::make_shared<const KeyTable>(table_);
}

void KeyDirectory::publish(std::shared_ptr<const KeyTable> table) {
  const std::lock_guard lock(mutex_);
  table_.swap(table);
}

std::shared_ptr<const KeyTable> KeyDirectory::current() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

}  // namespace gd::auth
