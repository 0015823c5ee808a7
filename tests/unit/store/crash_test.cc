// kill -9 in the middle of commits, then open again: every batch that was told to
// be durable is there as a whole, and of the one after it all or nothing.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/store/lmdb_store.h"
#include "tests/support/temp_dir.h"

namespace gd::store {
namespace {

constexpr uint32_t kRowsPerBatch = 8;

std::string row_key(uint32_t batch, uint32_t row) {
  return std::to_string(1'000'000 + batch) + "." + std::to_string(row);
}

// In the child: batch after batch; one byte to `told` after each that is durable.
[[noreturn]] void commit_until_killed(const std::string& folder, uint32_t first, int told) {
  auto store = LmdbStore::open({.folder = folder, .first_map_mib = 1});
  if (!store.ok()) ::_exit(3);
  for (uint32_t batch = first;; ++batch) {
    Batch writes;
    for (uint32_t row = 0; row < kRowsPerBatch; ++row) {
      writes.push_back({Table::jobs, row_key(batch, row), std::string(500 * row, 'x')});
    }
    writes.push_back({Table::meta, "last", std::to_string(batch)});
    if (!(*store)->commit(writes).ok() || ::write(told, "+", 1) != 1) ::_exit(4);
  }
}

uint32_t last_batch(Snapshot& now) {
  const auto text = now.find(Table::meta, "last").take();
  return text ? static_cast<uint32_t>(std::stoul(std::string(*text))) : 0;
}

void check_whole_batches(Snapshot& now, uint32_t last) {
  uint32_t batch = 1;
  uint32_t row = 0;
  const auto done = now.scan(Table::jobs, "", [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(key, row_key(batch, row));
    EXPECT_EQ(value.size(), 500 * row);
    row = (row + 1) % kRowsPerBatch;
    if (row == 0) ++batch;
    return Visit::next;
  });
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(row, 0U);
  EXPECT_EQ(batch, last + 1);
}

TEST(CrashTest, KillNineLosesNothingThatWasTold) {
  const test::TempDir dir;
  uint32_t last = 0;
  for (uint32_t round = 0; round < 20; ++round) {
    Pipe pipe = make_pipe().take();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_until_killed(dir / "db", last + 1, pipe.write.get());
    pipe.write.reset();
    uint32_t told = 0;
    char byte = 0;
    for (; told < 5 + round * 7 % 11; ++told) ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe.read.get(), &byte, 1) == 1) ++told;

    auto store = LmdbStore::open({.folder = dir / "db", .first_map_mib = 1});
    ASSERT_TRUE(store.ok()) << store.error().text;
    const auto now = (*store)->snapshot().take();
    const uint32_t found = last_batch(*now);
    EXPECT_GE(found, last + told);
    EXPECT_LE(found, last + told + 1);
    check_whole_batches(*now, found);
    last = found;
  }
}

}  // namespace
}  // namespace gd::store
