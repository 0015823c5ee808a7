// Squashfs, SIF and erofs files into the store. Needs root, squashfs-tools, squashfs-tools-ng and
// erofs-utils.
#include "server/image/pull_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/process.h"
#include "server/image/store_admin.h"
#include "tests/support/temp_dir.h"

namespace gd::image {
namespace {

constexpr uid_t kAlice = 64'001;
constexpr IdRange kIds{.start = 1'900'000'000, .count = 65536};

class PullFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "unpacking for other users needs root: make test asks sudo";
    ::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    ASSERT_TRUE(store_.prepare().ok());
    put("etc/os", "lab\n");
    put("etc/environment", "# by hand\nexport LAB=\"a b\"\nPATH=/opt/bin\nnot a line\n");
    put("home/own", "hers\n");
    ASSERT_EQ(::chown((dir_ / "root/home/own").c_str(), 1000, 100), 0);
    ASSERT_EQ(::symlink("os", (dir_ / "root/etc/link").c_str()), 0);
    ASSERT_EQ(::link((dir_ / "root/etc/os").c_str(), (dir_ / "root/etc/hard").c_str()), 0);
    ASSERT_EQ(::chmod((dir_ / "root/etc/os").c_str(), 04755), 0);
  }

  void put(const std::string& name, const std::string& text) {
    const std::string path = dir_ / "root/" + name;
    ASSERT_TRUE(make_directories(path.substr(0, path.rfind('/')), 0755).ok());
    ASSERT_TRUE(replace_file(path, text, 0644).ok());
  }

  void make(const std::vector<std::string>& argv) {
    std::vector<std::string> words = argv;
    words[0] = TRY_OR_FAIL(find_program(argv[0], "/usr/bin:/usr/sbin:/sbin"));
    const Result<Captured> done = run_and_capture(words, {.env = {"PATH=/usr/bin:/bin"}});
    ASSERT_TRUE(done.ok()) << done.error().text;
    ASSERT_TRUE(done->status.ok()) << done->err;
  }

  static std::string TRY_OR_FAIL(Result<std::string> found) {
    EXPECT_TRUE(found.ok()) << "run tools/deps.sh test";
    return found.ok() ? std::move(found).take() : std::string("/bin/false");
  }

  std::string squashfs() {
    make({"mksquashfs", dir_ / "root", dir_ / "image.sqsh", "-noappend", "-quiet", "-no-progress"});
    return dir_ / "image.sqsh";
  }

  Result<void> pull_file(const std::string& path, const std::string& kind) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    PullOrder order{.name = *parse_image_name(kind + ":" + path),
                    .stamp = "s",
                    .file = file.get(),
                    .uid = kAlice,
                    .gid = kAlice,
                    .groups = {},
                    .credentials = "",
                    .ids = kIds,
                    .timeout = 60s};
    return pull(store_, order);
  }
  [[nodiscard]] std::optional<StoredImage> find(const std::string& path,
                                                const std::string& kind) const {
    return store_.find(kind + ":" + path, kAlice, "s").take();
  }

  const gd::test::TempDir dir_;
  const Store store_{dir_ / "store"};
};

struct stat status_of(const std::string& path) {
  struct stat about {};
  EXPECT_EQ(::lstat(path.c_str(), &about), 0) << path;
  return about;
}

TEST_F(PullFileTest, ASquashfsIsATreeWithItsOwnersAndEnvironment) {
  const std::string path = squashfs();
  const Result<void> done = pull_file(path, "squashfs");
  ASSERT_TRUE(done.ok()) << done.error().text;
  const std::optional<StoredImage> image = find(path, "squashfs");
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(*read_file(image->tree + "/etc/link"), "lab\n");
  EXPECT_EQ(status_of(image->tree + "/home/own").st_uid, kIds.start + 1000);
  EXPECT_EQ(status_of(image->tree + "/home/own").st_gid, kIds.start + 100);
  EXPECT_EQ(status_of(image->tree + "/etc/os").st_mode & 07777, 0755U);  // not set-user-id
  EXPECT_EQ(status_of(image->tree + "/etc/os").st_nlink, 2U);
  EXPECT_EQ(image->config.environment, (std::vector<std::string>{"LAB=a b", "PATH=/opt/bin"}));
  EXPECT_TRUE(verify(store_)->empty());
}

TEST_F(PullFileTest, TheSameContentHasTheSameDigestInASifFile) {
  const std::string inner = squashfs();
  ASSERT_TRUE(pull_file(inner, "squashfs").ok());
  std::string sif(8192, '\0');
  sif.replace(32, 10, std::string("SIF_MAGIC\0", 10));
  sif.replace(42, 2, "01");
  const auto number = [&sif](size_t at, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) sif[at + i] = static_cast<char>(value >> (8 * i));
  };
  const Bytes data = *read_file(inner);
  number(88, 1, 8);
  number(96, 128, 8);
  number(128, 0x4004, 4);
  number(132, 1, 1);
  number(145, sif.size(), 8);
  number(153, data.size(), 8);
  number(329, 1, 4);
  number(333, 2, 4);
  const std::string path = dir_ / "image.sif";
  ASSERT_TRUE(replace_file(path, sif + data + "tail", 0644).ok());
  const Result<void> done = pull_file(path, "sif");
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(find(path, "sif")->digest, find(inner, "squashfs")->digest);
}

TEST_F(PullFileTest, AnErofsIsATreeOfRoots) {
  make({"mkfs.erofs", "--quiet", dir_ / "image.erofs", dir_ / "root"});
  const std::string path = dir_ / "image.erofs";
  const Result<void> done = pull_file(path, "erofs");
  ASSERT_TRUE(done.ok()) << done.error().text;
  const std::optional<StoredImage> image = find(path, "erofs");
  EXPECT_EQ(*read_file(image->tree + "/etc/os"), "lab\n");
  EXPECT_EQ(status_of(image->tree + "/home/own").st_uid, kIds.start);
  EXPECT_TRUE(verify(store_)->empty());
}

TEST_F(PullFileTest, WhatIsNotWhatItSaysIsRefused) {
  const std::string path = squashfs();
  EXPECT_NE(pull_file(path, "erofs").error().text.find("it is no erofs"), std::string::npos);
  EXPECT_NE(pull_file(path, "sif").error().text.find("SIF file"), std::string::npos);
  Bytes cut = *read_file(path);
  cut.resize(300);
  ASSERT_TRUE(replace_file(dir_ / "cut.sqsh", cut, 0644).ok());
  const Result<void> half = pull_file(dir_ / "cut.sqsh", "squashfs");
  ASSERT_FALSE(half.ok());
  EXPECT_EQ(half.error().code, ErrorCode::invalid) << half.error().text;
  ASSERT_TRUE(replace_file(dir_ / "text.sqsh", "hsqs and no more\n", 0644).ok());
  EXPECT_FALSE(pull_file(dir_ / "text.sqsh", "squashfs").ok());
  EXPECT_NE(pull_file("/dev/zero", "squashfs").error().text.find("no plain file"),
            std::string::npos);
  EXPECT_TRUE(list_images(store_)->empty());
}

TEST_F(PullFileTest, ADeviceInItIsRefusedAsInALayer) {
  ASSERT_EQ(::mknod((dir_ / "root/etc/disk").c_str(), S_IFBLK | 0666, 0), 0);
  EXPECT_NE(pull_file(squashfs(), "squashfs").error().text.find("is a device"), std::string::npos);
}

TEST(EnvironmentFile, HasNamesAndValues) {
  EXPECT_EQ(parse_environment_file("A=1\n export B='x y'\n#C=2\nD\n=E\nF G=1\nH=\n"),
            (std::vector<std::string>{"A=1", "B=x y", "H="}));
  EXPECT_EQ(add_environment("A=1", {"A=2", "B=x y", "BAD", "C=a\nb", "D="}),
            "A=1\nB=\"x y\"\nD=\"\"\n");
  EXPECT_EQ(parse_environment_file(add_environment("", {"B=x y"})),
            std::vector<std::string>{"B=x y"});
  EXPECT_EQ(parse_environment_file(std::string("A=\0\nB=1", 7)), std::vector<std::string>{"B=1"});
}

}  // namespace
}  // namespace gd::image
