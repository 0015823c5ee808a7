// Sets of elements against plain std::set, and the two grammars.
#include "proto/index_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "proto/dependency.h"

namespace gd {
namespace {

std::string text_of(std::string_view text) {
  const Result<ArraySpec> array = parse_array_spec(text);
  return array.ok() ? format_array_spec(*array) : "refused: " + array.error().text;
}

TEST(IndexSet, IsWrittenAsSlurmWritesIt) {
  EXPECT_EQ(text_of("7,1,4,8,9"), "1,4,7-9");
  EXPECT_EQ(text_of("0-100:4%3"), "0-100:4%3");
  EXPECT_EQ(text_of("[1-10]%2"), "1-10%2");
  EXPECT_EQ(text_of("[1-10%2]"), "1-10%2");
  EXPECT_EQ(text_of("1,3,5"), "1,3,5");
  EXPECT_EQ(text_of("0-20:2,1-21:2"), "0-21");
  EXPECT_EQ(text_of("1-3,2-5,5"), "1-5");
  for (const char* wrong : {"", "a", "3-1", "1,", "1-2:0", "-1", "4000001", "1%", "1%x", "1-"}) {
    EXPECT_TRUE(text_of(wrong).starts_with("refused")) << wrong;
  }
  EXPECT_EQ(parse_array_spec("1-100")->elements.text(4), "1...");
}

TEST(IndexSet, AMillionElementsAreOneRun) {
  const IndexSet all = parse_array_spec("0-999999")->elements;
  EXPECT_EQ(all.runs.size(), 1u);
  EXPECT_EQ(all.size(), 1'000'000u);
  EXPECT_EQ(all.minus(IndexSet::of(0)).text(), "1-999999");
  EXPECT_EQ(all.minus(IndexSet::range(10, 19)).text(), "0-9,20-999999");
  EXPECT_EQ(all.minus(IndexSet::range(0, 999999, 2)).text(), "1-999999:2");
}

TEST(IndexSet, LimitsHold) {
  EXPECT_TRUE(parse_array_spec(std::to_string(kMaxArrayIndex)).ok());
  EXPECT_FALSE(parse_array_spec(std::to_string(kMaxArrayIndex + 1)).ok());
  IndexSet many;
  uint32_t at = 0;
  for (size_t i = 0; i < kMaxIndexRuns + 1; ++i) many.runs.push_back({at += 3, at, 1});
  EXPECT_FALSE(many.is_valid());
  many.runs.pop_back();
  EXPECT_TRUE(many.is_valid());
}

TEST(IndexSet, OperationsAgreeWithASetOfNumbers) {
  std::mt19937 dice(7);
  const auto roll = [&](uint32_t most) { return static_cast<uint32_t>(dice() % (most + 1)); };
  const auto some = [&] {
    std::pair<IndexSet, std::set<uint32_t>> both;
    for (uint32_t i = roll(4); i > 0; --i) {
      const uint32_t first = roll(40);
      const IndexSet run = IndexSet::range(first, first + roll(30), 1 + roll(4));
      both.first = both.first.united(run);
      run.for_each([&](uint32_t element) { both.second.insert(element); });
    }
    return both;
  };
  const auto plain = [](const IndexSet& set) {
    std::set<uint32_t> elements;
    set.for_each([&](uint32_t element) { elements.insert(element); });
    return elements;
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto [a, as] = some();
    const auto [b, bs] = some();
    std::set<uint32_t> common;
    std::set<uint32_t> rest;
    for (const uint32_t element : as) (bs.contains(element) ? common : rest).insert(element);
    ASSERT_TRUE(a.is_valid()) << a.text();
    ASSERT_EQ(plain(a), as);
    ASSERT_EQ(a.size(), as.size());
    ASSERT_EQ(plain(a.common(b)), common) << a.text() << " and " << b.text();
    ASSERT_EQ(plain(a.minus(b)), rest) << a.text() << " without " << b.text();
    if (a.empty()) continue;
    ASSERT_EQ(plain(parse_array_spec(a.text())->elements), as) << a.text();
  }
}

TEST(Dependency, IsReadAndShown) {
  const auto shown = [](std::string_view text) {
    const Result<Dependency> dependency = parse_dependency(text);
    return dependency.ok() ? format_dependency(*dependency) : "refused";
  };
  EXPECT_EQ(shown("afterok:7:8_3,singleton"),
            "afterok:7(unfulfilled),afterok:8_3(unfulfilled),singleton(unfulfilled)");
  EXPECT_EQ(shown("after:7+10?afternotok:8_*"),
            "after:7+10(unfulfilled)?afternotok:8_*(unfulfilled)");
  EXPECT_EQ(shown(""), "");
  for (const char* wrong : {"afterok", "afterok:", "afterok:x", "sometime:7", "afterok:7+1",
                            "singleton:3", "afterok:1,afterany:2?after:3", "7", "afterok:0"}) {
    EXPECT_EQ(shown(wrong), "refused") << wrong;
  }
  std::string many = "afterok";
  for (size_t i = 0; i < kMaxDependencyTerms; ++i) many += ":7";
  EXPECT_TRUE(parse_dependency(many).ok());
  EXPECT_FALSE(parse_dependency(many + ":7").ok());
}

}  // namespace
}  // namespace gd
