// What every store promises, over both of them.
#include "server/store/store.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/store/lmdb_store.h"
#include "server/store/memory_store.h"
#include "tests/support/temp_dir.h"

namespace gd::store {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

struct Kind {
  const char* name;
  std::unique_ptr<Store> (*open)(const std::string& folder);
};

std::unique_ptr<Store> open_memory(const std::string&) {
  return std::make_unique<MemoryStore>();
}
std::unique_ptr<Store> open_lmdb(const std::string& folder) {
  auto store = LmdbStore::open({.folder = folder, .first_map_mib = 1});
  EXPECT_TRUE(store.ok());
  return std::move(store).take();
}

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  Rows scan(Snapshot& snapshot, Table table, const std::string& from = "") {
    Rows rows;
    const auto done = snapshot.scan(table, from, [&](std::string_view key, std::string_view value) {
      rows.emplace_back(key, value);
      return Visit::next;
    });
    EXPECT_TRUE(done.ok());
    return rows;
  }
  std::string back(Snapshot& snapshot, const std::string& before, size_t most = SIZE_MAX) {
    std::string keys;
    const auto done = snapshot.scan_back(Table::jobs, before, [&](std::string_view key, auto) {
      keys += key;
      return keys.size() < most ? Visit::next : Visit::stop;
    });
    EXPECT_TRUE(done.ok());
    return keys;
  }
  std::unique_ptr<Snapshot> now() { return store_->snapshot().take(); }
  void put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(store_->commit({{Table::jobs, key, value}}).ok());
  }

  test::TempDir dir_;
  std::unique_ptr<Store> store_ = GetParam().open(dir_.path());
};

TEST_P(StoreTest, ReturnsWhatWasCommittedInOrderOfKeys) {
  put("b", "2");
  put("a", "1");
  put("c", "3");
  EXPECT_EQ(scan(*now(), Table::jobs), (Rows{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(scan(*now(), Table::jobs, "b"), (Rows{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(scan(*now(), Table::jobs, "d"), Rows{});
  EXPECT_EQ(scan(*now(), Table::nodes), Rows{});
}

TEST_P(StoreTest, ScansBackFromBelowAKey) {
  for (const char* key : {"b", "d", "f"}) put(key, "x");
  EXPECT_EQ(back(*now(), ""), "fdb");
  EXPECT_EQ(back(*now(), "f"), "db");
  EXPECT_EQ(back(*now(), "e"), "db");
  EXPECT_EQ(back(*now(), "g"), "fdb");
  EXPECT_EQ(back(*now(), "b"), "");
  EXPECT_EQ(back(*now(), "a"), "");
  EXPECT_EQ(back(*now(), "", 2), "fd");
}

TEST_P(StoreTest, LaterWritesOfABatchWin) {
  put("gone", "old");
  ASSERT_TRUE(store_
                  ->commit({{Table::jobs, "a", "1"},
                            {Table::jobs, "a", "2"},
                            {Table::jobs, "gone", std::nullopt},
                            {Table::jobs, "never", std::nullopt},
                            {Table::nodes, "a", "other table"},
                            {Table::jobs, "empty", ""}})
                  .ok());
  EXPECT_EQ(scan(*now(), Table::jobs), (Rows{{"a", "2"}, {"empty", ""}}));
  EXPECT_EQ(scan(*now(), Table::nodes), (Rows{{"a", "other table"}}));
}

TEST_P(StoreTest, FindsOneKey) {
  put("a", std::string(100'000, 'x'));  // several pages
  const auto snapshot = now();
  EXPECT_EQ(snapshot->find(Table::jobs, "a").take(), std::string(100'000, 'x'));
  EXPECT_EQ(snapshot->find(Table::jobs, "b").take(), std::nullopt);
}

TEST_P(StoreTest, SnapshotsDoNotChange) {
  put("a", "old");
  const auto before = now();
  put("a", "new");
  put("b", "2");
  EXPECT_EQ(scan(*before, Table::jobs), (Rows{{"a", "old"}}));
  EXPECT_EQ(scan(*now(), Table::jobs), (Rows{{"a", "new"}, {"b", "2"}}));
}

TEST_P(StoreTest, TakesTheLongestKeyAndRefusesALongerOneWhole) {
  put(std::string(kMaxKeyBytes, 'k'), "fits");
  const auto done = store_->commit(
      {{Table::jobs, "a", "1"}, {Table::jobs, std::string(kMaxKeyBytes + 1, 'k'), "too long"}});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(scan(*now(), Table::jobs).size(), 1U);  // not even "a"
}

TEST_P(StoreTest, RefusesAnEmptyKey) {
  EXPECT_FALSE(store_->commit({{Table::jobs, "", "1"}}).ok());
}

// ---- format version

Format format(uint32_t version, std::vector<UpgradeStep> steps) {
  return {.version = version, .steps = std::move(steps), .program = "gdctld 9"};
}

Result<Batch> append_x(Snapshot& now) {
  Batch batch;
  TRY(now.scan(Table::jobs, "", [&](std::string_view key, std::string_view value) {
    batch.push_back({Table::jobs, Bytes(key), Bytes(value) + "x"});
    return Visit::next;
  }));
  return batch;
}

TEST_P(StoreTest, StampsAnEmptyStoreOnce) {
  ASSERT_TRUE(adopt_format(*store_, format(1, {})).ok());
  ASSERT_TRUE(adopt_format(*store_, format(1, {})).ok());
  EXPECT_EQ(now()->find(Table::meta, "format").take(), "1");
}

TEST_P(StoreTest, UpgradesStepByStep) {
  ASSERT_TRUE(adopt_format(*store_, format(1, {})).ok());
  put("a", "1");
  ASSERT_TRUE(adopt_format(*store_, format(3, {append_x, append_x})).ok());
  EXPECT_EQ(scan(*now(), Table::jobs), (Rows{{"a", "1xx"}}));
  ASSERT_TRUE(adopt_format(*store_, format(3, {append_x, append_x})).ok());
  EXPECT_EQ(scan(*now(), Table::jobs), (Rows{{"a", "1xx"}}));  // not again
}

TEST_P(StoreTest, RefusesANewerFormatAndNamesBoth) {
  ASSERT_TRUE(adopt_format(*store_, format(2, {append_x})).ok());
  const auto done = adopt_format(*store_, format(1, {}));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text,
            "store has format 2, gdctld 9 knows formats up to 1; install the release that wrote "
            "it, or a newer one");
}

TEST_P(StoreTest, RefusesRecordsWithoutAFormat) {
  put("a", "1");
  EXPECT_FALSE(adopt_format(*store_, format(1, {})).ok());
}

TEST_P(StoreTest, AFailedUpgradeLeavesTheOldFormat) {
  ASSERT_TRUE(adopt_format(*store_, format(1, {})).ok());
  put("a", "1");
  const auto fail = [](Snapshot&) -> Result<Batch> { return Error{ErrorCode::internal, "no"}; };
  const auto done = adopt_format(*store_, format(3, {append_x, fail}));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text, "upgrade of the store from format 2 to 3: no");
  EXPECT_EQ(now()->find(Table::meta, "format").take(), "2");
  EXPECT_EQ(scan(*now(), Table::jobs), (Rows{{"a", "1x"}}));
}

INSTANTIATE_TEST_SUITE_P(Both, StoreTest,
                         testing::Values(Kind{"memory", open_memory}, Kind{"lmdb", open_lmdb}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace gd::store
