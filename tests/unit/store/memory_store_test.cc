// What only the memory store can do: lose what was not synced, and fail on demand.
#include "server/store/memory_store.h"

#include <gtest/gtest.h>

namespace gd::store {
namespace {

std::string keys(Store& store) {
  std::string all;
  const auto snapshot = store.snapshot().take();
  EXPECT_TRUE(snapshot
                  ->scan(Table::jobs, "",
                         [&](std::string_view key, auto) {
                           all += key;
                           return Visit::next;
                         })
                  .ok());
  return all;
}

TEST(MemoryStoreTest, ACrashLosesWhatWasNotSynced) {
  MemoryStore store(Sync::held);
  ASSERT_TRUE(store.commit({{Table::jobs, "a", "1"}}).ok());
  store.sync();
  ASSERT_TRUE(store.commit({{Table::jobs, "b", "1"}}).ok());
  ASSERT_TRUE(store.commit({{Table::jobs, "c", "1"}, {Table::jobs, "a", std::nullopt}}).ok());
  EXPECT_EQ(keys(store), "bc");
  store.crash();
  EXPECT_EQ(keys(store), "a");
  EXPECT_EQ(store.unsynced(), 0U);
}

TEST(MemoryStoreTest, ACrashMayKeepTheFirstOfTheUnsyncedCommits) {
  MemoryStore store(Sync::held);
  for (const char* key : {"a", "b", "c"}) {
    ASSERT_TRUE(store.commit({{Table::jobs, key, "1"}}).ok());
  }
  store.crash(2);
  EXPECT_EQ(keys(store), "ab");
  ASSERT_TRUE(store.commit({{Table::jobs, "d", "1"}}).ok());
  store.crash();
  EXPECT_EQ(keys(store), "ab");
}

TEST(MemoryStoreTest, WithoutHeldSyncsACrashLosesNothing) {
  MemoryStore store;
  ASSERT_TRUE(store.commit({{Table::jobs, "a", "1"}}).ok());
  store.crash();
  EXPECT_EQ(keys(store), "a");
}

TEST(MemoryStoreTest, AFailedCommitLeavesAllOrNothing) {
  MemoryStore store;
  store.fail_next_commit(CommitFault::lost);
  EXPECT_FALSE(store.commit({{Table::jobs, "a", "1"}, {Table::jobs, "b", "1"}}).ok());
  EXPECT_EQ(keys(store), "");
  store.fail_next_commit(CommitFault::kept);
  EXPECT_FALSE(store.commit({{Table::jobs, "a", "1"}, {Table::jobs, "b", "1"}}).ok());
  EXPECT_EQ(keys(store), "ab");
  EXPECT_TRUE(store.commit({{Table::jobs, "c", "1"}}).ok());
}

TEST(MemoryStoreTest, SaysThatItIsFull) {
  MemoryStore store;
  EXPECT_TRUE(store.check_space().ok());
  store.set_full("disk is low");
  EXPECT_EQ(store.check_space().error(), (Error{ErrorCode::unavailable, "disk is low"}));
}

}  // namespace
}  // namespace gd::store
