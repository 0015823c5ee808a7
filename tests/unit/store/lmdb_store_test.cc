// What only a store on a disk has: a folder of its own, a lock, a map that grows.
#include "server/store/lmdb_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "tests/support/temp_dir.h"

namespace gd::store {
namespace {

std::unique_ptr<LmdbStore> open(const LmdbOptions& options) {
  auto store = LmdbStore::open(options);
  EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().text);
  return std::move(store).take();
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

size_t count_rows(Snapshot& snapshot) {
  size_t count = 0;
  EXPECT_TRUE(snapshot
                  .scan(Table::jobs, "",
                        [&](auto, auto) {
                          ++count;
                          return Visit::next;
                        })
                  .ok());
  return count;
}

TEST(LmdbStoreTest, ReopensWithWhatWasThere) {
  const test::TempDir dir;
  ASSERT_TRUE(open({.folder = dir / "db"})->commit({{Table::jobs, "a", "1"}}).ok());
  const auto store = open({.folder = dir / "db"});
  EXPECT_EQ(store->snapshot().take()->find(Table::jobs, "a").take(), "1");
}

TEST(LmdbStoreTest, FolderAndFilesAreTheOwnersAlone) {
  const test::TempDir dir;
  const auto store = open({.folder = dir / "db"});
  EXPECT_EQ(mode_of(dir / "db"), 0700U);
  for (const char* file : {"/data.mdb", "/lock.mdb", "/lock"}) {
    EXPECT_EQ(mode_of((dir / "db") + file), 0600U) << file;
  }
}

TEST(LmdbStoreTest, ASecondProcessIsRefusedWithThePidOfTheFirst) {
  const test::TempDir dir;
  auto store = open({.folder = dir / "db"});
  const auto second = LmdbStore::open({.folder = dir / "db"});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_EQ(second.error().text, "state folder " + (dir / "db") +
                                     " is in use by the process with pid " +
                                     std::to_string(::getpid()));
  store.reset();
  EXPECT_TRUE(LmdbStore::open({.folder = dir / "db"}).ok());
}

TEST(LmdbStoreTest, TheMapGrowsByDoublingAndStaysGrown) {
  const test::TempDir dir;
  auto store = open({.folder = dir / "db", .first_map_mib = 1});
  EXPECT_EQ(store->map_mib(), 1U);
  ASSERT_TRUE(store->commit({{Table::blobs, "big", std::string(5 << 20, 'x')}}).ok());
  EXPECT_EQ(store->map_mib(), 8U);
  store.reset();
  store = open({.folder = dir / "db", .first_map_mib = 1});
  EXPECT_EQ(store->snapshot().take()->find(Table::blobs, "big").take()->size(), size_t{5} << 20);
}

TEST(LmdbStoreTest, TheMapDoesNotGrowPastItsLimit) {
  const test::TempDir dir;
  const auto store = open({.folder = dir / "db", .first_map_mib = 1, .max_map_mib = 2});
  const auto done = store->commit({{Table::blobs, "big", std::string(5 << 20, 'x')}});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().text, "store: map is 2 MiB and may not grow past 2 MiB");
  EXPECT_TRUE(store->commit({{Table::blobs, "small", "x"}}).ok());
  EXPECT_EQ(LmdbOptions{}.max_map_mib, kMaxMapMib);
}

// Two readers look all the time while the map doubles eight times under them.
TEST(LmdbStoreTest, ReadersSeeWholeBatchesWhileTheMapGrows) {
  const test::TempDir dir;
  const auto store = open({.folder = dir / "db", .first_map_mib = 1});
  std::atomic<bool> stop = false;
  std::atomic<size_t> torn = 0;
  const auto read = [&] {
    while (!stop) torn += count_rows(*store->snapshot().take()) % 10;
  };
  std::thread first(read);
  std::thread second(read);
  for (int i = 0; i < 100; ++i) {
    Batch batch;
    for (int j = 0; j < 10; ++j) {
      batch.push_back({Table::jobs, std::to_string(i * 10 + j), std::string(150'000, 'x')});
    }
    ASSERT_TRUE(store->commit(batch).ok());
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(count_rows(*store->snapshot().take()), 1000U);
  EXPECT_GE(store->map_mib(), 256U);
}

TEST(LmdbStoreTest, SaysThatTheDiskIsLow) {
  const test::TempDir dir;
  const auto store = open({.folder = dir / "db"});
  EXPECT_TRUE(store->check_space().ok());
  store->set_low_disk_mib(uint64_t{1} << 40);
  const auto done = store->check_space();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_NE(done.error().text.find("low_disk_mib is 1099511627776"), std::string::npos);
}

}  // namespace
}  // namespace gd::store
