// Scripts and environments: once on the disk however many jobs share them, and
// not in memory but for a small cache of those just launched.
//
// A blob lives as long as a live job refers to it, and fades for replay_age after that: then a
// finished job can be submitted again. References are counted in memory, by job, and built
// again from the records at load; how long a blob fades is in the store. Blobs that neither are
// referred to nor fade are swept then. Cost: about 60 bytes a job, 100 a fading blob.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "proto/job_record.h"
#include "server/store/store.h"

namespace gd::controller {

inline constexpr size_t kMaxBlobCacheBytes = size_t{16} << 20;
inline constexpr size_t kMaxFading = 200'000;   // one more goes at once
inline constexpr char kFadePrefix[] = "fade:";  // + hex digest, in meta: seconds of the epoch

class Blobs {
 public:
  // A submission's script or environment: its digest, and the write if it is new.
  // The job that refers to it must come in the same batch.
  Digest add(const Bytes& bytes, store::Batch& batch);

  // The record as this batch stores it, or as it was loaded (nullptr: no longer live).
  void job_stored(JobId id, const JobRecord* job);
  // At the end of a batch: what lost its last reference in it is deleted, or fades until
  // `until`; what add() wrote for submissions that were refused after all is deleted.
  void settle(store::Batch& batch, std::optional<TimePoint> until = {});
  // Deletes what has faded.
  void expire(store::Batch& batch, TimePoint now);
  // Before sweep(): which fade, and how long.
  Result<void> load_fading(store::Snapshot& snapshot);
  // After a load: deletes what is in the store and nobody refers to.
  Result<void> sweep(store::Snapshot& snapshot, store::Batch& batch);

  // From the cache, or the store.
  Result<Bytes> read(const Digest& digest, store::Snapshot& snapshot);

  [[nodiscard]] size_t count() const { return entries_.size(); }
  [[nodiscard]] size_t fading() const { return fading_.size(); }

 private:
  struct Entry {
    uint32_t references = 0;
  };
  using Entries = std::map<Digest, Entry>;
  using Held = std::vector<const Digest*>;  // keys of entries_: stable

  Held hold(const JobRecord& job);
  void remember(const Digest& digest, const Bytes& bytes);
  void keep_or_erase(const Digest& digest, std::optional<TimePoint> until, store::Batch& batch);

  Entries entries_;
  std::map<Digest, TimePoint> fading_;  // on disk, of no live job; until when
  std::unordered_map<uint32_t, Held> by_job_;
  std::vector<Digest> added_;           // in this batch
  std::vector<const Digest*> leaving_;  // references given up in this batch
  struct Cached {
    Digest digest;
    Bytes bytes;
  };
  std::list<Cached> cache_;  // newest first
  std::map<Digest, std::list<Cached>::iterator> cached_;
  size_t cache_bytes_ = 0;
};

}  // namespace gd::controller
