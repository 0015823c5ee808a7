// compute_maps() by table: what the kernel would be told.
#include "server/container/idmap.h"

#include <gtest/gtest.h>

namespace gd::container {
namespace {

constexpr SubordinateRange kRange{1'000'000, kMinSubordinateIds};

Identity ann(std::vector<Group> groups) {
  return {.uid = 1001,
          .gid = 1002,
          .groups = std::move(groups),
          .user = "ann",
          .group = "ann",
          .home = "/home/ann",
          .shell = ""};
}

struct Case {
  const char* name;
  Identity identity;
  RootMode mode;
  const char* uids;
  const char* gids;
};

const Case kCases[] = {
    {"UserIsHerselfTheRestIsSubordinate", ann({}), RootMode::as_user,
     "0 1000000 1001\n1001 1001 1\n1002 1001002 64534\n",
     "0 1000000 1002\n1002 1002 1\n1003 1001003 64533\n"},
    {"NeighbouringGroupsAreOneExtent", ann({{1003, "a"}, {1001, "b"}}), RootMode::as_user,
     "0 1000000 1001\n1001 1001 1\n1002 1001002 64534\n",
     "0 1000000 1001\n1001 1001 3\n1004 1001004 64532\n"},
    {"GroupZeroStaysItself", ann({{0, "root"}}), RootMode::as_user,
     "0 1000000 1001\n1001 1001 1\n1002 1001002 64534\n",
     "0 0 1\n1 1000001 1001\n1002 1002 1\n1003 1001003 64533\n"},
    {"LargeIdsComeBehind",
     {.uid = 200'000,
      .gid = 65'536,
      .groups = {},
      .user = "u",
      .group = "",
      .home = "/",
      .shell = ""},
     RootMode::as_user,
     "0 1000000 65536\n200000 200000 1\n",
     "0 1000000 65536\n65536 65536 1\n"},
    {"LastIdInside",
     {.uid = 65'535,
      .gid = 65'535,
      .groups = {},
      .user = "u",
      .group = "",
      .home = "/",
      .shell = ""},
     RootMode::as_user,
     "0 1000000 65535\n65535 65535 1\n",
     "0 1000000 65535\n65535 65535 1\n"},
    {"RootInsideIsTheUser", ann({{27, "sudo"}}), RootMode::root_inside,
     "0 1001 1\n1 1000001 65535\n", "0 1002 1\n1 1000001 26\n27 27 1\n28 1000028 65508\n"},
};

TEST(IdMap, GivesExpectedExtents) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const Result<IdMaps> maps = compute_maps(one.identity, kRange, one.mode);
    ASSERT_TRUE(maps.ok());
    EXPECT_EQ(render(maps->uids), one.uids);
    EXPECT_EQ(render(maps->gids), one.gids);
  }
}

TEST(IdMap, LookupFollowsTheExtents) {
  const Result<IdMaps> maps = compute_maps(ann({}), kRange, RootMode::as_user);
  EXPECT_EQ(to_outside(maps->uids, 0), 1'000'000U);
  EXPECT_EQ(to_outside(maps->uids, 1001), 1001U);
  EXPECT_EQ(to_outside(maps->uids, 1002), 1'001'002U);
  EXPECT_EQ(to_outside(maps->uids, 65'536), std::nullopt);
}

// Scattered groups take two extents each; the kernel's limit is met exactly, and the
// groups beyond it are told.
TEST(IdMap, ExtentsEndAtKMaxExtentsAndTheOtherGroupsAreListed) {
  std::vector<Group> groups;
  for (gid_t gid = 2000; gid < 2400; gid += 2) groups.push_back({gid, ""});
  const Result<IdMaps> maps = compute_maps(ann(groups), kRange, RootMode::as_user);
  ASSERT_TRUE(maps.ok());
  EXPECT_LE(maps->gids.size(), kMaxExtents);
  EXPECT_GE(maps->gids.size(), kMaxExtents - 1);
  EXPECT_EQ(maps->unmapped_groups.size(), 200 - (maps->gids.size() - 3) / 2);
  std::vector<Group> fewer(groups.begin(), groups.begin() + 100);
  EXPECT_TRUE(compute_maps(ann(fewer), kRange, RootMode::as_user)->unmapped_groups.empty());
}

// No id outside may be two ids inside: the kernel would refuse the map.
TEST(IdMap, ExtentsNeverOverlap) {
  const Result<IdMaps> maps =
      compute_maps(ann({{0, ""}, {5, ""}, {1003, ""}, {70'000, ""}}), kRange, RootMode::as_user);
  for (const std::vector<Extent>& map : {maps->uids, maps->gids}) {
    for (size_t i = 0; i < map.size(); ++i) {
      for (size_t j = i + 1; j < map.size(); ++j) {
        EXPECT_TRUE(map[i].inside + map[i].count <= map[j].inside);
        EXPECT_TRUE(map[i].outside + map[i].count <= map[j].outside ||
                    map[j].outside + map[j].count <= map[i].outside);
      }
    }
  }
}

// An image of the store: id N lies on disk as shift + N, and shows outside as it does without.
TEST(IdMapTest, AShiftedImageShowsTheSameIdsOutside) {
  const Identity alice{.uid = 1000, .gid = 100, .groups = {{70'000, "far"}}, .user = "alice"};
  const Result<IdMaps> maps =
      compute_maps(alice, {2'000'000, kMinSubordinateIds}, RootMode::as_user);
  ASSERT_TRUE(maps.ok());
  const IdMaps moved = shifted(*maps, 2'000'000);
  for (const uint32_t id : {0U, 5U, 999U, 1000U, 1001U, 65535U}) {
    EXPECT_EQ(to_outside(moved.uids, 2'000'000 + id), to_outside(maps->uids, id)) << id;
    EXPECT_EQ(to_outside(moved.gids, 2'000'000 + id), to_outside(maps->gids, id)) << id;
  }
  EXPECT_EQ(to_outside(moved.uids, 1000), std::nullopt);
  EXPECT_EQ(to_outside(moved.gids, 2'070'000), std::nullopt);  // no id of an image
}

}  // namespace
}  // namespace gd::container
