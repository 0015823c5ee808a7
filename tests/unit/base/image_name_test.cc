// Names of images: each spelling and its one form, and what is no name.
#include "base/image_name.h"

#include <gtest/gtest.h>

namespace gd {
namespace {

const std::string kHex(64, 'a');

struct Good {
  std::string text;
  std::string canonical;
};

const Good kGood[] = {
    {"host", "host"},
    {"/srv/images/debian", "/srv/images/debian"},
    {"debian", "docker.io/library/debian:latest"},
    {"debian:12", "docker.io/library/debian:12"},
    {"lab/tool:1", "docker.io/lab/tool:1"},
    {"docker://lab/tool:1", "docker.io/lab/tool:1"},
    {"localhost/x", "localhost/x:latest"},
    {"127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1"},
    {"127.0.0.1:5000#a/b:1", "127.0.0.1:5000/a/b:1"},
    {"quay.io#a/b", "quay.io/a/b:latest"},
    {"registry#a", "registry#a:latest"},
    {"[::1]:5000#a", "[::1]:5000/a:latest"},
    {"debian@sha256:" + kHex, "docker.io/library/debian@sha256:" + kHex},
    {"q.io/a:1@sha256:" + kHex, "q.io/a:1@sha256:" + kHex},
    {"oci:/d/layout", "oci:/d/layout"},
    {"oci:/d/layout:v1", "oci:/d/layout:v1"},
    {"oci:/d:1/layout", "oci:/d:1/layout"},
    {"oci-archive:/a.tar:x", "oci-archive:/a.tar:x"},
    {"docker-archive:/a.tar", "docker-archive:/a.tar"},
    {"/d/tools.sqsh", "squashfs:/d/tools.sqsh"},
    {"/d/tools.squashfs", "squashfs:/d/tools.squashfs"},
    {"squashfs:/d/no-suffix", "squashfs:/d/no-suffix"},
    {"/d/tools.sif", "sif:/d/tools.sif"},
    {"sif:/d:1/tools", "sif:/d:1/tools"},
    {"/d/tools.erofs", "erofs:/d/tools.erofs"},
};

TEST(ImageName, EverySpellingHasOneForm) {
  for (const Good& good : kGood) {
    SCOPED_TRACE(good.text);
    const Result<ImageName> name = parse_image_name(good.text);
    ASSERT_TRUE(name.ok()) << name.error().text;
    EXPECT_EQ(render(*name), good.canonical);
    EXPECT_EQ(*parse_image_name(good.canonical), *name);
  }
}

TEST(ImageName, AFileSystemIsOneInAFile) {
  EXPECT_TRUE(is_file_system(ImageSource::squashfs));
  EXPECT_TRUE(is_file_system(ImageSource::erofs));
  EXPECT_FALSE(is_file_system(ImageSource::directory));
  EXPECT_FALSE(is_file_system(ImageSource::oci_archive));
}

TEST(ImageName, APathFromHereBecomesAbsolute) {
  EXPECT_EQ(absolute_image_name("./a.sqsh", "/w"), "/w/a.sqsh");
  EXPECT_EQ(absolute_image_name("../a", "/w/d"), "/w/a");
  EXPECT_EQ(absolute_image_name("oci:./layout:1", "/w"), "oci:/w/layout:1");
  EXPECT_EQ(absolute_image_name("sif:./a", "/w"), "sif:/w/a");
  EXPECT_EQ(absolute_image_name("debian:12", "/w"), "debian:12");
  EXPECT_EQ(absolute_image_name("oci:/layout", "/w"), "oci:/layout");
}

TEST(ImageName, WhatIsNoNameIsRefusedInOneLine) {
  const std::string bad[] = {"",
                             "Debian",
                             "a b",
                             "a//b",
                             "a/",
                             "-a",
                             "a:",
                             "a:-x",
                             "a:" + std::string(129, 'x'),
                             "a@sha256:12",
                             "a@md5:" + kHex,
                             "#a",
                             "q.io#",
                             "-x.y#a",
                             "a\n",
                             "oci:relative",
                             "oci:/a/../b",
                             "oci:/a:",
                             "oci-archive:/",
                             "/d/../tools.sqsh",
                             "squashfs:tools.sqsh",
                             "sif:/",
                             "http://q.io/a",
                             "--authfile=x"};
  for (const std::string& text : bad) {
    SCOPED_TRACE(text);
    const Result<ImageName> name = parse_image_name(text);
    ASSERT_FALSE(name.ok());
    EXPECT_EQ(name.error().code, ErrorCode::invalid);
    EXPECT_EQ(name.error().text.find('\n'), std::string::npos);
  }
}

TEST(ImageName, IsAmongPatternsByNameOrDigest) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const ImageName debian = parse_image_name("debian:12").value();
  const ImageName pinned = parse_image_name("debian@" + digest).value();
  EXPECT_TRUE(is_among({"docker.io/library/*"}, debian, ""));
  EXPECT_FALSE(is_among({"debian:12"}, debian, "")) << "patterns are for canonical names";
  EXPECT_TRUE(is_among({"host", digest}, pinned, ""));
  EXPECT_TRUE(is_among({digest}, debian, digest));
  EXPECT_FALSE(is_among({digest}, debian, ""));
  EXPECT_FALSE(is_among({}, debian, digest));
}

TEST(ImageName, LengthIsLimited) {
  const std::string longest = "q.io/" + std::string(kMaxImageNameBytes - 5, 'a');
  EXPECT_TRUE(parse_image_name(longest).ok());
  const Result<ImageName> over = parse_image_name(longest + "a");
  ASSERT_FALSE(over.ok());
  EXPECT_NE(over.error().text.find("1025 bytes, at most 1024"), std::string::npos);
}

TEST(ImageName, OneWordBeforeTheHashIsARegistry) {
  EXPECT_EQ(parse_image_name("registry#a")->registry, "registry");
  EXPECT_EQ(parse_image_name("registry/a")->registry, "docker.io");
}

}  // namespace
}  // namespace gd
