// Which processors a job gets, and which of them its tasks.
#include "server/agent/processors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "server/agent/inventory.h"
#include "server/agent/processor_claim.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

// Two sockets of four cores of two threads, numbered as Linux numbers them: first threads first.
std::vector<Core> two_sockets() {
  std::vector<Core> cores;
  for (uint32_t core = 0; core < 8; ++core) cores.push_back({core / 4, {core, core + 8}});
  return cores;
}

std::string chosen(const Processors& taken, uint32_t count) {
  const std::optional<Processors> got = choose_processors(two_sockets(), taken, count);
  return got ? format_processors(*got) : "nothing";
}

TEST(ProcessorsTest, ListsAreTheKernels) {
  for (const char* text : {"0", "0-3", "0-3,8", "1,3,5-7"}) {
    EXPECT_EQ(format_processors(*parse_processors(text)), text);
  }
  EXPECT_EQ(processor_mask({0}), "0x1");
  EXPECT_EQ(processor_mask({0, 1, 8}), "0x103");
  EXPECT_EQ(processor_mask({1, 2, 3, 66}), "0x4000000000000000E");
  EXPECT_EQ(*parse_processors("3,1-2,2\n"), (Processors{1, 2, 3}));
  for (const char* text : {"", "x", "3-1", "1,", "16384", "0-16384", "-1"}) {
    EXPECT_FALSE(parse_processors(text).ok()) << text;
  }
  EXPECT_EQ(*parse_core(format_core({1, {3, 11}})), (Core{1, {3, 11}}));
  EXPECT_FALSE(parse_core("1").ok());
  EXPECT_FALSE(parse_core("1 ").ok());
}

TEST(ProcessorsTest, WholeCoresOfOneSocketGoToAJob) {
  EXPECT_EQ(chosen({}, 1), "0");
  EXPECT_EQ(chosen({}, 2), "0,8");
  EXPECT_EQ(chosen({}, 4), "0-1,8-9");
  EXPECT_EQ(chosen({}, 8), "0-3,8-11");
  EXPECT_EQ(chosen({}, 10), "0-4,8-12");
  EXPECT_EQ(chosen({}, 16), "0-15");
  EXPECT_EQ(chosen({}, 17), "nothing");
}

TEST(ProcessorsTest, WhatIsBrokenIntoIsUsedUpFirst) {
  EXPECT_EQ(chosen({0}, 1), "8");      // the other thread, not a fresh core
  EXPECT_EQ(chosen({0}, 2), "1,9");    // not two halves
  EXPECT_EQ(chosen({0}, 3), "1,8-9");  // a core and a half
  EXPECT_EQ(chosen({0, 1}, 2), "2,10");
  EXPECT_EQ(chosen({0, 1, 2, 3}, 2), "8-9");  // only halves are left on this socket: it fits best
}

TEST(ProcessorsTest, TheSocketThatIsFilledBestIsTaken) {
  EXPECT_EQ(chosen({0, 1, 8, 9}, 4), "2-3,10-11");
  EXPECT_EQ(chosen({0, 1, 8, 9}, 6), "4-6,12-14");
  EXPECT_EQ(chosen({0, 1, 8, 9}, 10), "2,4-7,10,12-15");  // none has room: the emptiest first
}

TEST(ProcessorsTest, TasksGetUnitsOfTheirOwn) {
  const std::vector<Core> cores = two_sockets();
  const auto shares = [&](const Processors& mine, CpuBind unit, uint32_t tasks, uint32_t each) {
    std::string text;
    for (const Processors& own : share_out_processors(cores, mine, unit, tasks, each)) {
      text += (text.empty() ? "" : " ") + format_processors(own);
    }
    return text;
  };
  const Processors half = {0, 1, 2, 3, 8, 9, 10, 11};
  EXPECT_EQ(shares(half, CpuBind::none, 2, 1), "0-3,8-11 0-3,8-11");
  EXPECT_EQ(shares(half, CpuBind::threads, 3, 1), "0 8 1");
  EXPECT_EQ(shares(half, CpuBind::cores, 3, 1), "0,8 1,9 2,10");
  EXPECT_EQ(shares(half, CpuBind::cores, 2, 3), "0-1,8-9 2-3,10-11");
  EXPECT_EQ(shares(half, CpuBind::sockets, 1, 1), "0-3,8-11");
  // Not enough units: as Slurm does, all of it to each.
  EXPECT_EQ(shares(half, CpuBind::cores, 5, 1), shares(half, CpuBind::none, 5, 1));
  EXPECT_EQ(shares({0, 4}, CpuBind::sockets, 2, 1), "0 4");
}

TEST(ProcessorsTest, CoresAreReadFromTheKernel) {
  const test::TempDir dir;
  const auto put = [&](const std::string& cpu, const char* socket, const char* core) {
    const std::string folder = dir / cpu + "/topology";
    ASSERT_TRUE(make_directories(folder, 0755).ok());
    std::ofstream(folder + "/physical_package_id") << socket << "\n";
    std::ofstream(folder + "/core_id") << core << "\n";
  };
  put("cpu0", "0", "0");
  put("cpu1", "0", "1");
  put("cpu2", "0", "0");
  put("cpu3", "1", "0");
  EXPECT_EQ(read_cores(dir.path(), {0, 1, 2, 3}),
            (std::vector<Core>{{0, {0, 2}}, {0, {1}}, {1, {3}}}));
  EXPECT_EQ(read_cores(dir.path(), {1, 2}), (std::vector<Core>{{0, {1}}, {0, {2}}}));
  // A kernel that says nothing of a processor: a core, a socket of its own kind.
  EXPECT_EQ(read_cores(dir.path(), {0, 7}), (std::vector<Core>{{0, {0}}, {0, {7}}}));
}

TEST(ProcessorClaimTest, NobodyHasWhatAnotherHas) {
  const test::TempDir dir;
  const std::string path = dir / "processors";
  const std::vector<Core> cores = two_sockets();
  auto first = ProcessorClaim::take(path, cores, 4);
  ASSERT_TRUE(first.ok() && *first);
  EXPECT_EQ(format_processors((*first)->processors()), "0-1,8-9");
  auto second = ProcessorClaim::take(path, cores, 4);
  ASSERT_TRUE(second.ok() && *second);
  EXPECT_EQ(format_processors((*second)->processors()), "2-3,10-11");
  EXPECT_EQ(format_processors(*taken_processors(path)), "0-3,8-11");
  EXPECT_FALSE(*ProcessorClaim::take(path, cores, 9));
  first->reset();
  EXPECT_EQ(format_processors(*taken_processors(path)), "2-3,10-11");
  auto third = ProcessorClaim::take(path, cores, 9);
  ASSERT_TRUE(third.ok() && *third);
  EXPECT_EQ((*third)->processors().size(), 9U);
}

TEST(ProcessorClaimTest, ManyAtOnceGetAllThereIs) {
  const test::TempDir dir;
  const std::string path = dir / "processors";
  const std::vector<Core> cores = two_sockets();
  std::vector<std::optional<ProcessorClaim>> claims(16);
  std::vector<std::thread> threads;
  threads.reserve(claims.size());
  for (std::optional<ProcessorClaim>& claim : claims) {
    threads.emplace_back([&] {
      auto got = ProcessorClaim::take(path, cores, 1);
      if (got.ok()) claim = std::move(*got);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Processors all;
  for (const std::optional<ProcessorClaim>& claim : claims) {
    if (claim) all.insert(all.end(), claim->processors().begin(), claim->processors().end());
  }
  std::ranges::sort(all);
  EXPECT_EQ(format_processors(all), "0-15");
}

}  // namespace
}  // namespace gd::agent
