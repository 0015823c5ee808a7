// Tables are shared between the store and its snapshots, and copied on the first
// write after a snapshot was taken.
#include "server/store/memory_store.h"

#include <algorithm>
#include <utility>

namespace gd::store {
namespace {

class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(MemoryStore::Tables tables) : tables_(std::move(tables)) {}

  Result<std::optional<std::string_view>> find(Table table, std::string_view key) override {
    const auto row = rows(table).find(key);
    if (row == rows(table).end()) return std::optional<std::string_view>{};
    return std::optional<std::string_view>{row->second};
  }

  Result<void> scan(Table table, std::string_view from, const Visitor& visit) override {
    for (auto row = rows(table).lower_bound(from); row != rows(table).end(); ++row) {
      if (visit(row->first, row->second) == Visit::stop) break;
    }
    return {};
  }

  Result<void> scan_back(Table table, std::string_view before, const Visitor& visit) override {
    const MemoryStore::Rows& all = rows(table);
    auto row = before.empty() ? all.end() : all.lower_bound(before);
    while (row != all.begin()) {
      --row;
      if (visit(row->first, row->second) == Visit::stop) break;
    }
    return {};
  }

 private:
  [[nodiscard]] const MemoryStore::Rows& rows(Table table) const {
    return *tables_[static_cast<size_t>(table)];
  }

  const MemoryStore::Tables tables_;
};

}  // namespace

MemoryStore::Tables MemoryStore::make_tables() {
  Tables tables;
  for (auto& table : tables) table = std::make_shared<Rows>();
  return tables;
}

// A table that nobody else looks at is changed in place; else a copy is.
void MemoryStore::apply(Tables& tables, const Batch& batch) {
  for (const Write& write : batch) {
    std::shared_ptr<Rows>& table = tables[static_cast<size_t>(write.table)];
    if (table.use_count() > 1) table = std::make_shared<Rows>(*table);
    if (write.value) {
      table->insert_or_assign(write.key, *write.value);
    } else {
      table->erase(write.key);
    }
  }
}

Result<void> MemoryStore::commit(const Batch& batch) {
  for (const Write& write : batch) {
    if (write.key.empty() || write.key.size() > kMaxKeyBytes) {
      return Error{ErrorCode::internal, std::string("store: key of table ") +
                                            table_name(write.table) + " has " +
                                            std::to_string(write.key.size()) + " bytes"};
    }
  }
  const CommitFault fault = std::exchange(fault_, CommitFault::none);
  if (fault == CommitFault::lost) return Error{ErrorCode::internal, "commit: fault asked for"};
  {
    const std::lock_guard lock(mutex_);
    apply(now_, batch);
  }
  if (sync_mode_ == Sync::held) unsynced_.push_back(batch);
  if (fault == CommitFault::kept) return Error{ErrorCode::internal, "commit: fault asked for"};
  return {};
}

Result<std::unique_ptr<Snapshot>> MemoryStore::snapshot() {
  const std::lock_guard lock(mutex_);
  return std::unique_ptr<Snapshot>(std::make_unique<MemorySnapshot>(now_));
}

Result<void> MemoryStore::check_space() {
  if (full_.empty()) return {};
  return Error{ErrorCode::unavailable, full_};
}

void MemoryStore::sync() {
  for (const Batch& batch : unsynced_) apply(durable_, batch);
  unsynced_.clear();
}

void MemoryStore::crash(size_t survivors) {
  if (sync_mode_ == Sync::each_commit) return;  // nothing was at risk
  unsynced_.resize(std::min(survivors, unsynced_.size()));
  sync();
  const std::lock_guard lock(mutex_);
  now_ = durable_;
}

}  // namespace gd::store
