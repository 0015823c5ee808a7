// The store without a disk, for tests and the simulator: the same order of keys,
// the same snapshots, and a crash that can be had at will.
//
// With Sync::held a commit is visible at once but "on the disk" only after sync();
// crash() forgets what was not synced, as a power cut would. fail_next_commit()
// makes one commit return an error, with or without the batch having taken hold.
// Cost: a commit copies a table that an open snapshot still looks at.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "server/store/store.h"

namespace gd::store {

enum class Sync : uint8_t { each_commit, held };
enum class CommitFault : uint8_t { none, lost, kept };  // the batch of the failing commit

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(Sync sync = Sync::each_commit) : sync_mode_(sync) {}

  Result<void> commit(const Batch& batch) override;
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> snapshot() override;
  [[nodiscard]] Result<void> check_space() override;

  void sync();
  // Back to the last sync and, of the commits since, the first `survivors`.
  void crash(size_t survivors = 0);
  [[nodiscard]] size_t unsynced() const { return unsynced_.size(); }
  void fail_next_commit(CommitFault fault) { fault_ = fault; }
  void set_full(std::string text) { full_ = std::move(text); }  // "": there is room

  using Rows = std::map<Bytes, Bytes, std::less<>>;
  using Tables = std::array<std::shared_ptr<Rows>, kTables>;  // changed only when not shared

 private:
  static void apply(Tables& tables, const Batch& batch);

  const Sync sync_mode_;
  std::mutex mutex_;  // guards now_: snapshots are taken by other threads
  Tables now_ = make_tables();
  Tables durable_ = make_tables();  // with Sync::held only
  std::vector<Batch> unsynced_;
  CommitFault fault_ = CommitFault::none;
  std::string full_;

  static Tables make_tables();
};

}  // namespace gd::store
