// The format stamp, over any store. An upgrade step and its stamp are one commit,
// so a crash between steps goes on where it was.
#include "server/store/store.h"

#include <array>
#include <charconv>

#include "base/check.h"

namespace gd::store {
namespace {

constexpr std::string_view kFormatKey = "format";

constexpr std::array<const char*, kTables> kTableNames = {
    "jobs",   "finished", "finished_by_end", "blobs",        "nodes",    "keys",    "meta",
    "events", "arrays",   "usage",           "reservations", "accounts", "crontabs"};

// 0: no stamp yet.
Result<uint32_t> stamped_version(Store& store) {
  const std::unique_ptr<Snapshot> now = TRY(store.snapshot());
  const std::optional<std::string_view> text = TRY(now->find(Table::meta, kFormatKey));
  if (!text) return uint32_t{0};
  uint32_t version = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), version);
  if (error != std::errc{} || end != text->data() + text->size() || version == 0) {
    return Error{ErrorCode::internal, "format version of the store is not a number"};
  }
  return version;
}

Result<bool> is_empty(Store& store) {
  const std::unique_ptr<Snapshot> now = TRY(store.snapshot());
  bool found = false;
  for (size_t i = 0; i < kTables && !found; ++i) {
    TRY(now->scan(static_cast<Table>(i), "", [&](std::string_view, std::string_view) {
      found = true;
      return Visit::stop;
    }));
  }
  return !found;
}

Write stamp(uint32_t version) {
  return {Table::meta, Bytes(kFormatKey), std::to_string(version)};
}

Result<void> upgrade(Store& store, const Format& format, uint32_t from) {
  Batch batch;
  {
    const std::unique_ptr<Snapshot> now = TRY(store.snapshot());
    Result<Batch> writes = format.steps[from - 1](*now);
    if (!writes.ok()) {
      return std::move(writes).error().in("upgrade of the store from format " +
                                          std::to_string(from) + " to " + std::to_string(from + 1));
    }
    batch = std::move(writes).take();
  }
  batch.push_back(stamp(from + 1));
  return store.commit(batch);
}

}  // namespace

const char* table_name(Table table) {
  return kTableNames[static_cast<size_t>(table)];
}

Result<void> adopt_format(Store& store, const Format& format) {
  GD_CHECK(format.steps.size() + 1 == format.version, format.steps.size(), format.version);
  uint32_t version = TRY(stamped_version(store));
  if (version == 0) {
    if (!TRY(is_empty(store))) {
      return Error{ErrorCode::invalid,
                   "store holds records but no format version: it is not one of ours"};
    }
    return store.commit({stamp(format.version)});
  }
  if (version > format.version) {
    return Error{ErrorCode::invalid, "store has format " + std::to_string(version) + ", " +
                                         format.program + " knows formats up to " +
                                         std::to_string(format.version) +
                                         "; install the release that wrote it, or a newer one"};
  }
  for (; version < format.version; ++version) TRY(upgrade(store, format, version));
  return {};
}

}  // namespace gd::store
