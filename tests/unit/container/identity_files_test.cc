// passwd and group of an image with the user in them.
#include "server/container/identity_files.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace gd::container {
namespace {

const Identity kAnn{.uid = 1000,
                    .gid = 1000,
                    .groups = {{27, "sudo"}, {50, "lab"}, {99, ""}},
                    .user = "ann",
                    .group = "ann",
                    .home = "/home/ann",
                    .shell = ""};

TEST(Passwd, IsLeftAloneWhenItKnowsTheUser) {
  EXPECT_EQ(with_user("root:x:0:0::/:\nann:x:1000:1000::/h:/bin/zsh\n", kAnn), std::nullopt);
}

TEST(Passwd, GetsTheUserIfItHasNoneOrNoText) {
  EXPECT_EQ(with_user("", kAnn), "ann:x:1000:1000::/home/ann:/bin/sh\n");
  EXPECT_EQ(with_user("root:x:0:0::/:", kAnn),
            "ann:x:1000:1000::/home/ann:/bin/sh\nroot:x:0:0::/:\n");
}

// The image's "ubuntu" has her uid, its "ann" has another: she is found by both.
TEST(Passwd, HerNameAndNumberWinOverTheImages) {
  EXPECT_EQ(with_user("ubuntu:x:1000:1000::/:\nann:x:7:7::/:\n", kAnn),
            "ann:x:1000:1000::/home/ann:/bin/sh\nubuntu:x:1000:1000::/:\n");
}

TEST(GroupFile, GetsTheMissingOnes) {
  EXPECT_EQ(with_groups("root:x:0:\nsudo:x:27:\n", kAnn),
            "lab:x:50:ann\nann:x:1000:\nroot:x:0:\nsudo:x:27:\n");
  EXPECT_EQ(with_groups("sudo:x:27:\nlab:x:50:\nann:x:1000:\n", kAnn), std::nullopt);
}

LaunchPlan plan_for(const std::string& image) {
  LaunchPlan plan;
  plan.identity = kAnn;
  plan.image = {ImageKind::directory, image};
  return plan;
}

TEST(IdentityFiles, AnImageWithoutEtcGetsThem) {
  const test::TempDir image;
  const Result<std::vector<FileSpec>> files = identity_files(plan_for(image.path()));
  ASSERT_TRUE(files.ok()) << files.error().text;
  ASSERT_GE(files->size(), 2U);
  EXPECT_EQ((*files)[0].path, "/etc/passwd");
  EXPECT_EQ((*files)[1].path, "/etc/group");
}

// An image's /etc/passwd that points out of the image shows nothing of the node.
TEST(IdentityFiles, SymlinksOfAnImageStayInside) {
  const test::TempDir image;
  const test::TempDir outside;
  ASSERT_TRUE(replace_file(outside / "secret", "hidden:x:5:5::/:\n", 0600).ok());
  ASSERT_TRUE(make_directories(image / "etc", 0755).ok());
  ASSERT_EQ(::symlink((outside / "secret").c_str(), (image / "etc/passwd").c_str()), 0);
  const Result<std::vector<FileSpec>> files = identity_files(plan_for(image.path()));
  ASSERT_TRUE(files.ok()) << files.error().text;
  EXPECT_EQ((*files)[0].content.find("hidden"), std::string::npos);
}

TEST(IdentityFiles, TooLargeOnesAreRefused) {
  const test::TempDir image;
  ASSERT_TRUE(make_directories(image / "etc", 0755).ok());
  std::string text(kMaxImageTextBytes, '\n');
  ASSERT_TRUE(replace_file(image / "etc/passwd", text, 0644).ok());
  EXPECT_TRUE(identity_files(plan_for(image.path())).ok());
  ASSERT_TRUE(replace_file(image / "etc/passwd", text + "\n", 0644).ok());
  EXPECT_FALSE(identity_files(plan_for(image.path())).ok());
}

TEST(IdentityFiles, WithRootInsideTheImageKnowsTheUserAlready) {
  const test::TempDir image;
  LaunchPlan plan = plan_for(image.path());
  plan.root_mode = RootMode::root_inside;
  const Result<std::vector<FileSpec>> files = identity_files(plan);
  ASSERT_TRUE(files.ok()) << files.error().text;
  for (const FileSpec& file : *files) EXPECT_NE(file.path, "/etc/passwd");
}

}  // namespace
}  // namespace gd::container
