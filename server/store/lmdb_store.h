// The store on a disk: LMDB, one synced transaction a batch.
//
// The folder is the owner's alone (0700, files 0600) and one process at a time
// may have it open: a second one is refused with the pid of the first. The map
// grows by doubling when it is full; that waits for the snapshots that are open.
// A crash at any point leaves the last batch there as a whole, or not at all.
#pragma once

#include <memory>
#include <string>

#include "server/store/store.h"

namespace gd::store {

inline constexpr uint64_t kFirstMapMib = 64;
inline constexpr uint64_t kMaxMapMib = uint64_t{1} << 20;  // 1 TiB of address space

struct LmdbOptions {
  std::string folder;         // made if it is not there
  uint64_t low_disk_mib = 0;  // check_space(); 0: never low
  uint64_t first_map_mib = kFirstMapMib;
  uint64_t max_map_mib = kMaxMapMib;
};

class LmdbStore final : public Store {
 public:
  static Result<std::unique_ptr<LmdbStore>> open(const LmdbOptions& options);
  ~LmdbStore() override;
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  Result<void> commit(const Batch& batch) override;
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> snapshot() override;
  [[nodiscard]] Result<void> check_space() override;

  void set_low_disk_mib(uint64_t mib);
  [[nodiscard]] uint64_t map_mib() const;

  struct Impl;
  explicit LmdbStore(std::unique_ptr<Impl> impl);  // for open()

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace gd::store
