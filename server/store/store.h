// What is durable: tables of bytes, changed by whole batches, read from snapshots.
//
// A batch is on the disk, all of it, when commit() has returned ok; if it returns
// an error, none or all of it is there, and the process must stop and load again.
// One thread commits; any thread may take a snapshot and read it. A snapshot never
// changes, and neither side waits for the other, except that the rare growth of
// the map waits for the snapshots that are open: keep them short.
//
// The store knows no records: server/store/tables.h says what stands in a table,
// the codec what the bytes mean. Cost: a commit is one or two disk syncs however
// large the batch is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace gd::store {

// On the disk by name (see table_name()): never rename or reuse.
enum class Table : uint8_t {
  jobs,
  finished,
  finished_by_end,
  blobs,
  nodes,
  keys,
  meta,
  events,
  arrays,
  usage,
  reservations,
  accounts,
  crontabs
};
inline constexpr size_t kTables = 13;
[[nodiscard]] const char* table_name(Table table);

inline constexpr size_t kMaxKeyBytes = 511;  // LMDB's

struct Write {
  Table table;
  Bytes key;
  std::optional<Bytes> value;  // nullopt: delete; a key that is not there is no error
  bool operator==(const Write&) const = default;
};
using Batch = std::vector<Write>;  // in order: a later write of a key wins

enum class Visit : uint8_t { next, stop };
using Visitor = std::function<Visit(std::string_view key, std::string_view value)>;

// One moment of the store. Used by one thread at a time; what a visitor is given,
// and what find() returns, lives as long as the snapshot.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  [[nodiscard]] virtual Result<std::optional<std::string_view>> find(Table table,
                                                                     std::string_view key) = 0;
  // Keys in order of their bytes, from the first that is not below `from`.
  virtual Result<void> scan(Table table, std::string_view from, const Visitor& visit) = 0;
  // Backwards, from the last key that is below `before`; "" begins at the end.
  virtual Result<void> scan_back(Table table, std::string_view before, const Visitor& visit) = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<void> commit(const Batch& batch) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;
  // An error (unavailable, with the numbers) while too little disk is free for
  // new jobs to be taken. What is there already can still be changed: the limit
  // leaves room for that.
  [[nodiscard]] virtual Result<void> check_space() = 0;
};

// ---- format version: what the records in the tables look like

inline constexpr uint32_t kFormatVersion = 1;

// Brings a store from one version to the next: the writes, from what is there.
using UpgradeStep = std::function<Result<Batch>(Snapshot&)>;

struct Format {
  uint32_t version = kFormatVersion;
  std::vector<UpgradeStep> steps;  // steps[i] leads from version i + 1 to i + 2
  std::string program;             // for errors: "gdctld 0.1.0"
};

// Stamps an empty store, upgrades an older one step by step (each step and its
// stamp are one commit), and refuses a newer one with an error that names both.
Result<void> adopt_format(Store& store, const Format& format);

}  // namespace gd::store
