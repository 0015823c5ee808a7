// Volumes: patterns, who may have them, and the line of a settings file.
#include "proto/volume.h"

#include <gtest/gtest.h>

#include "proto/settings.h"

namespace gd {
namespace {

const VolumeUser kAda{.user = "ada", .uid = 1001, .group = "lab", .gid = 100, .home = "/home/ada"};

TEST(VolumeTest, PatternsBecomePlainPaths) {
  EXPECT_EQ(*expand_volume_path("/scratch/%u", kAda), "/scratch/ada");
  EXPECT_EQ(*expand_volume_path("/s/%g-%G/%U/", kAda), "/s/lab-100/1001");
  EXPECT_EQ(*expand_volume_path("%h/data%%", kAda), "/home/ada/data%");
  for (const char* bad : {"/s/%x", "/s/%", "s/%u", "/s/../%u"}) {
    EXPECT_FALSE(expand_volume_path(bad, kAda).ok()) << bad;
  }
  // A name service may give any name: it still leads to no other folder.
  EXPECT_FALSE(expand_volume_path("/s/%u", {.user = "../etc"}).ok());
  EXPECT_FALSE(expand_volume_path("/s/%u/x", {.user = ""}).ok());
}

TEST(VolumeTest, IsForWhomItAdmits) {
  const Volume volumes[] = {
      {.name = "open", .path = "/o", .target = "/o", .read_only = true},
      {.name = "hers", .path = "/h", .target = "/h", .allow_users = {"ada"}},
      {.name = "labs", .path = "/l", .target = "/l", .allow_groups = {"lab"}},
  };
  const std::vector<std::string> lab = {"lab"};
  const std::vector<std::string> none;
  const auto ask = [&](const char* text, const std::string& user, const auto& groups) {
    return find_volume(volumes, *parse_mount_request(text), user, groups);
  };
  EXPECT_EQ((*ask("volume:open", "bob", none))->path, "/o");
  EXPECT_EQ((*ask("volume:hers:rw", "ada", none))->path, "/h");
  EXPECT_EQ((*ask("volume:labs", "bob", lab))->path, "/l");
  EXPECT_EQ(ask("volume:open:rw", "bob", none).error().text,
            "volume open is read-only; rw was asked");
  EXPECT_EQ(ask("volume:hers", "bob", lab).error().text, "user bob may not use volume hers");
  EXPECT_EQ(ask("volume:labs", "bob", none).error().code, ErrorCode::denied);
  EXPECT_EQ(ask("volume:opem", "bob", none).error().text,
            "no such volume: opem; known are: open; did you mean 'open'?");
  EXPECT_EQ(find_volume({}, *parse_mount_request("volume:x"), "bob", none).error().text,
            "no such volume: x; there are none");
}

TEST(VolumeTest, ALineComesBack) {
  const Volume volume{.name = "v",
                      .path = "/a b",
                      .target = "/c",
                      .read_only = true,
                      .allow_users = {"x", "y"},
                      .allow_groups = {"z"}};
  EXPECT_EQ(*parse_volume_line(volume_line(volume)), volume);
  EXPECT_FALSE(parse_volume_line("v\t/a\t/b").ok());
}

TEST(VolumeTest, SectionsOfTheConfiguration) {
  const auto config = Config::load(
      settings_schema(),
      "[volume scratch]\npath = /scratch/%u\n"
      "[volume ref]\npath = /srv/ref\ntarget = /ref\naccess = ro\nallow_groups = lab, bio\n",
      "gd.conf");
  ASSERT_TRUE(config.ok()) << config.error().text;
  const auto volumes = read_volumes(*config);
  ASSERT_TRUE(volumes.ok()) << volumes.error().text;
  ASSERT_EQ(volumes->size(), 2U);
  EXPECT_EQ(volumes->at(0),
            (Volume{.name = "scratch", .path = "/scratch/%u", .target = "/scratch/%u"}));
  EXPECT_EQ(volumes->at(1), (Volume{.name = "ref",
                                    .path = "/srv/ref",
                                    .target = "/ref",
                                    .read_only = true,
                                    .allow_groups = {"lab", "bio"}}));
}

TEST(VolumeTest, ErrorsOfTheConfigurationNameTheLine) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"[volume a]\n", "[volume a] has no path"},
      {"[volume a/b]\npath = /x\n", "is not a header"},
      {"[volume a]\npath = /x/%q\n", "gd.conf:2: path: '/x/%q' has an unknown pattern"},
      {"[volume a]\npath = /x\ntarget = /proc/x\n", "gd.conf:3: target"},
      {"[volume a]\npath = /\n", "gd.conf:2: path: is the root"},
      {"[volume a]\npath = /x/../y\n", "has the part '..'"},
      {"[volume a]\npath = /x\naccess = wr\n", "access"},
  };
  for (const auto& [text, why] : cases) {
    const auto settings = parse_settings(text, "gd.conf");
    ASSERT_FALSE(settings.ok()) << text;
    EXPECT_NE(settings.error().text.find(why), std::string::npos) << settings.error().text;
  }
}

}  // namespace
}  // namespace gd
