// Layers into folders, in the sandbox as in life: what arrives, what is refused and with which
// words, and that nothing outside the folder is ever touched. Needs root.
#include "server/image/unpack.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fd.h"
#include "server/image/sandbox.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/image/tar.h"

namespace gd::image {
namespace {

using test::make_tar;
using test::Member;

constexpr IdRange kIds{.start = 1'900'000'000, .count = 65536};

std::string sha256_of(const std::string& bytes) {
  Sha256Stream digest;
  digest.add(bytes);
  return "sha256:" + digest.finish();
}

class UnpackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "unpacking for a container needs root: make test asks sudo";
    ::signal(SIGPIPE, SIG_IGN);
    ASSERT_TRUE(make_directories(tree(), 0755).ok());
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    ASSERT_EQ(::chown(tree().c_str(), kIds.start, kIds.start), 0);
    ASSERT_TRUE(replace_file(dir_ / "outside", "untouched", 0666).ok());
  }

  [[nodiscard]] std::string tree() const { return dir_ / "tree"; }
  [[nodiscard]] std::string in_tree(const std::string& name) const { return tree() + "/" + name; }

  Result<Unpacked> unpack(const std::string& archive, const UnpackLimits& limits = {}) {
    return unpack(archive, Blob{.digest = sha256_of(archive), .size = archive.size()}, limits);
  }
  Result<Unpacked> unpack(const std::string& archive, const Blob& expected,
                          const UnpackLimits& limits = {}) {
    TRY(replace_file(dir_ / "layer", archive, 0600));
    const UniqueFd file = TRY(open_file(dir_ / "layer", O_RDONLY));
    const UniqueFd root = TRY(open_file(tree(), O_RDONLY | O_DIRECTORY));
    return unpack_in_sandbox(file.get(), expected, root.get(), kIds, limits);
  }
  [[nodiscard]] bool there(const std::string& name) const {
    struct stat status {};
    return ::lstat(in_tree(name).c_str(), &status) == 0;
  }
  [[nodiscard]] struct stat about(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(::lstat(in_tree(name).c_str(), &status), 0) << name;
    return status;
  }

  const gd::test::TempDir dir_;
};

TEST_F(UnpackTest, FilesFoldersAndLinksArriveWithTheirOwners) {
  const Result<Unpacked> done =
      unpack(make_tar({{"bin/", AE_IFDIR, "", 0755},
                       {"bin/tool", AE_IFREG, "content", 04755, 0},
                       {"bin/same", AE_IFREG, "bin/tool", 0755, 0, "", true},
                       {"bin/link", AE_IFLNK, "tool"},
                       {"lib", AE_IFLNK, "usr/lib"},
                       {"usr/lib/", AE_IFDIR, "", 0755},
                       {"lib/found", AE_IFREG, "through a link that stays inside"},
                       {"var/mail", AE_IFDIR, "", 01777, 8},
                       {"dev/null", AE_IFCHR},
                       {"made/by/need", AE_IFREG, "x"}},
                      true));
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(done->entries, 10U);
  EXPECT_EQ(*read_file(in_tree("bin/same")), "content");
  EXPECT_EQ(about("bin/tool").st_ino, about("bin/same").st_ino);
  EXPECT_EQ(about("bin/tool").st_mode & 07777, 0755U) << "the set-user-id bit";
  EXPECT_EQ(about("bin/tool").st_uid, kIds.start);
  EXPECT_EQ(about("var/mail").st_uid, kIds.start + 8);
  EXPECT_EQ(about("var/mail").st_mode & 07777, 01777U);
  EXPECT_EQ(about("bin/tool").st_mtime, 1'700'000'000);
  EXPECT_TRUE(there("usr/lib/found"));
  EXPECT_TRUE(there("made/by/need"));
  EXPECT_FALSE(there("dev/null"));
}

TEST_F(UnpackTest, AnUpperLayerReplacesAndWhitesOut) {
  ASSERT_TRUE(unpack(make_tar({{"a", AE_IFREG, "old"},
                               {"gone/deep/file", AE_IFREG, "x"},
                               {"opaque/lower", AE_IFREG, "x"},
                               {"opaque/folder/lower", AE_IFREG, "x"},
                               {"kind", AE_IFDIR, "", 0755},
                               {"kind/x", AE_IFREG, "x"}}))
                  .ok());
  const Result<Unpacked> done = unpack(make_tar({{"a", AE_IFREG, "new"},
                                                 {".wh.gone", AE_IFREG, ""},
                                                 {"opaque/upper", AE_IFREG, "mine"},
                                                 {"opaque/.wh..wh..opq", AE_IFREG, ""},
                                                 {"kind", AE_IFREG, "now a file"}}));
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(*read_file(in_tree("a")), "new");
  EXPECT_EQ(*read_file(in_tree("kind")), "now a file");
  EXPECT_FALSE(there("gone"));
  EXPECT_FALSE(there(".wh.gone"));
  EXPECT_FALSE(there("opaque/lower"));
  EXPECT_FALSE(there("opaque/folder"));
  EXPECT_EQ(*read_file(in_tree("opaque/upper")), "mine") << "an opaque mark hides lower layers";
}

struct Hostile {
  const char* name;
  std::vector<Member> members;
  const char* text;
};

std::string deep(size_t folders) {
  std::string name;
  for (size_t i = 0; i < folders; ++i) name += "d/";
  return name + "f";
}

const Hostile kHostile[] = {
    {"DotDot", {{"../outside", AE_IFREG, "x"}}, "has '..' in its name"},
    {"DotDotWithin", {{"a/../../outside", AE_IFREG, "x"}}, "has '..' in its name"},
    {"AbsoluteDotDot", {{"/../outside", AE_IFREG, "x"}}, "has '..' in its name"},
    {"LinkUp",
     {{"up", AE_IFLNK, "../"}, {"up/outside", AE_IFREG, "x"}},
     "leads out of the image by a link"},
    {"LinkToRoot",
     {{"abs", AE_IFLNK, "/tmp"}, {"abs/x", AE_IFREG, "x"}},
     "leads out of the image by a link"},
    {"LinkInTheMiddle",
     {{"a", AE_IFDIR, "", 0755}, {"a/up", AE_IFLNK, "../.."}, {"a/up/b/c", AE_IFREG, "x"}},
     "leads out of the image by a link"},
    {"LinkLoop", {{"l", AE_IFLNK, "l"}, {"l/x", AE_IFREG, "x"}}, "by a link"},
    {"HardLinkOutside",
     {{"hard", AE_IFREG, "../outside", 0644, 0, "", true}},
     "has '..' in its name"},
    {"HardLinkToNothing",
     {{"hard", AE_IFREG, "etc/shadow", 0644, 0, "", true}},
     "which is no file of the image"},
    {"HardLinkThroughLink",
     {{"up", AE_IFLNK, "/"}, {"hard", AE_IFREG, "up/etc/passwd", 0644, 0, "", true}},
     "which is no file of the image"},
    {"Device", {{"etc/disk", AE_IFBLK}}, "is a device"},
    {"CharacterDevice", {{"null", AE_IFCHR}}, "is a device"},
    {"DeviceBesideDev", {{"devices/null", AE_IFCHR}}, "is a device"},
    {"FileAsFolder", {{"f", AE_IFREG, "x"}, {"f/g", AE_IFREG, "x"}}, "is in what is no folder"},
    {"TrustedOverlay", {{"o", AE_IFREG, "x", 0644, 0, "trusted.overlay.opaque"}}, "of an overlay"},
    {"UserOverlay", {{"o", AE_IFREG, "x", 0644, 0, "user.overlay.redirect"}}, "of an overlay"},
    {"OwnerTooLarge", {{"f", AE_IFREG, "x", 0644, 70'000}}, "ids 0 to 65535 are allowed"},
    {"PartTooLong", {{std::string(256, 'n'), AE_IFREG, "x"}}, "more than 255 bytes"},
    {"WhiteoutOfDotDot", {{".wh...", AE_IFREG, ""}}, "is no whiteout of a name"},
    {"WhiteoutOfNothing", {{"a/.wh.", AE_IFREG, ""}}, "is no whiteout of a name"},
    {"WhiteoutOfWhiteout", {{".wh..wh.a", AE_IFREG, ""}}, "is no whiteout of a name"},
    {"TooDeep", {{deep(kMaxEntryDepth), AE_IFREG, "x"}}, "folders deep, at most 128"},
    {"NameTooLong",
     {{std::string(kMaxEntryNameBytes - 1, '/') + "ab", AE_IFREG, "x"}},
     "4096 bytes, at most 4095"},
    {"Socket", {{"s", AE_IFREG, "x"}, {"s2", AE_IFIFO, ""}, {"../t", AE_IFIFO}}, "has '..'"},
};

TEST_F(UnpackTest, HostileArchivesAreRefusedWithTheirReason) {
  for (const Hostile& hostile : kHostile) {
    SCOPED_TRACE(hostile.name);
    const Result<Unpacked> done = unpack(make_tar(hostile.members));
    if (done.ok()) {
      ADD_FAILURE() << "was unpacked";
      continue;
    }
    EXPECT_NE(done.error().text.find(hostile.text), std::string::npos) << done.error().text;
    EXPECT_EQ(done.error().text.find('\n'), std::string::npos);
    EXPECT_EQ(done.error().code, ErrorCode::invalid);
    EXPECT_EQ(*read_file(dir_ / "outside"), "untouched");
    ASSERT_TRUE(remove_tree(tree()).ok());
    ASSERT_TRUE(make_directories(tree(), 0755).ok());
    ASSERT_EQ(::chown(tree().c_str(), kIds.start, kIds.start), 0);
  }
}

TEST_F(UnpackTest, LimitsAreExact) {
  const std::string at = make_tar({{"f", AE_IFREG, std::string(1000, 'x')}});
  EXPECT_TRUE(unpack(at, UnpackLimits{.bytes = 1000}).ok());
  const Result<Unpacked> over = unpack(at, UnpackLimits{.bytes = 999});
  ASSERT_FALSE(over.ok());
  EXPECT_NE(over.error().text.find("larger than the 999 bytes"), std::string::npos);
  EXPECT_TRUE(unpack(make_tar({{deep(kMaxEntryDepth - 1), AE_IFREG, "x"}})).ok());
  const std::string longest = std::string(kMaxEntryNameBytes - 1, '/') + "a";
  EXPECT_TRUE(unpack(make_tar({{longest, AE_IFREG, "x"}})).ok());
  const std::string two = make_tar({{"a", AE_IFREG, "x"}, {"b", AE_IFREG, "x"}});
  EXPECT_EQ(UnpackLimits{}.entries, kMaxEntries);
  EXPECT_TRUE(unpack(two, UnpackLimits{.entries = 2}).ok());
  const Result<Unpacked> more = unpack(two, UnpackLimits{.entries = 1});
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().text.find("'b' is one more than the 1 allowed"), std::string::npos);
}

TEST_F(UnpackTest, AFileThatSaysMoreThanItHasIsCutShort) {
  std::string archive = make_tar({{"f", AE_IFREG, std::string(100'000, 'x')}});
  archive.resize(50'000);
  const Result<Unpacked> done = unpack(archive);
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().text.find("cut short"), std::string::npos) << done.error().text;
}

TEST_F(UnpackTest, WhatIsNoArchiveIsRefused) {
  const Result<Unpacked> done = unpack(std::string(5000, 'z'));
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().text.find("archive"), std::string::npos) << done.error().text;
}

TEST_F(UnpackTest, OtherContentThanTheDigestSaysIsRefused) {
  const std::string archive = make_tar({{"f", AE_IFREG, "x"}});
  Blob expected{.digest = sha256_of("other"), .size = archive.size()};
  Result<Unpacked> done = unpack(archive, expected);
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().text.find("has other content"), std::string::npos) << done.error().text;
  expected = {.digest = sha256_of(archive), .size = archive.size() - 1};
  done = unpack(archive, expected);
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().text.find("larger than its manifest"), std::string::npos);
}

}  // namespace
}  // namespace gd::image
