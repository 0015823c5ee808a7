// fd: descriptors close once, files are read up to a limit, replaced whole, and
// trees are removed without leaving the file system they are on.
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/support/temp_dir.h"

namespace gd {
namespace {

using test::TempDir;

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

bool exists(const std::string& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0;
}

TEST(UniqueFd, ClosesWhatItOwnsAndMovesIt) {
  Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  const int read = pipe->read.get();
  EXPECT_NE(::fcntl(read, F_GETFD) & FD_CLOEXEC, 0);
  UniqueFd other = std::move(pipe->read);
  EXPECT_FALSE(pipe->read.valid());  // NOLINT: the moved-from state is the claim
  EXPECT_TRUE(is_open(read));
  other.reset();
  EXPECT_FALSE(is_open(read));
}

TEST(ReadFile, TakesTheLimitAndRefusesOneByteMore) {
  const TempDir dir;
  const std::string path = dir / "file";
  ASSERT_TRUE(replace_file(path, std::string(1000, 'x'), 0644).ok());
  ASSERT_TRUE(read_file(path, 1000).ok());
  EXPECT_EQ(read_file(path, 1000)->size(), 1000u);
  const Result<Bytes> refused = read_file(path, 999);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().text.find("1000"), std::string::npos);
  EXPECT_NE(refused.error().text.find("999"), std::string::npos);
}

TEST(ReadAll, CountsWhatAPipeGives) {
  Result<Pipe> pipe = make_pipe();
  ASSERT_TRUE(pipe.ok());
  ASSERT_TRUE(write_all(pipe->write.get(), "12345", "pipe").ok());
  pipe->write.reset();
  const Result<Bytes> refused = read_all(pipe->read.get(), "pipe", 4);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
}

TEST(ReadFile, NamesTheMissingPath) {
  const Result<Bytes> missing = read_file("/nonexistent/gd");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error(),
            (Error{ErrorCode::not_found, "open /nonexistent/gd: No such file or directory"}));
}

TEST(ReplaceFile, SetsTheModeAndLeavesNothingBeside) {
  const TempDir dir;
  const std::string path = dir / "key";
  ASSERT_TRUE(replace_file(path, "one", 0600).ok());
  ASSERT_TRUE(replace_file(path, "two", 0640).ok());
  EXPECT_EQ(*read_file(path), "two");
  struct stat about {};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0640u);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_EQ(::rmdir(dir.path().c_str()), 0) << "a temporary file was left";
}

TEST(ReplaceFile, LeavesNothingBesideWhenItFails) {
  const TempDir dir;
  ASSERT_TRUE(make_directories(dir / "target/full", 0755).ok());
  EXPECT_FALSE(replace_file(dir / "target", "x", 0600).ok());
  ASSERT_TRUE(remove_tree(dir / "target").ok());
  EXPECT_EQ(::rmdir(dir.path().c_str()), 0) << "a temporary file was left";
}

TEST(MakeDirectories, GivesTheModeToTheLastOnly) {
  const TempDir dir;
  const mode_t before = ::umask(022);
  ASSERT_TRUE(make_directories(dir / "a/b/c", 0770).ok());
  ASSERT_TRUE(make_directories(dir / "a/b/c", 0700).ok()) << "again";
  ::umask(before);
  struct stat about {};
  ASSERT_EQ(::stat((dir / "a/b/c").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0770u);
  ASSERT_EQ(::stat((dir / "a/b").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0755u);
  ASSERT_TRUE(replace_file(dir / "file", "", 0600).ok());
  EXPECT_FALSE(make_directories(dir / "file", 0700).ok());
}

TEST(RemoveTree, TakesFilesLinksAndFoldersButFollowsNoLink) {
  const TempDir dir;
  ASSERT_TRUE(make_directories(dir / "outside", 0755).ok());
  ASSERT_TRUE(replace_file(dir / "outside/keep", "x", 0600).ok());
  ASSERT_TRUE(make_directories(dir / "tree/a/b", 0755).ok());
  ASSERT_TRUE(replace_file(dir / "tree/a/file", "x", 0600).ok());
  ASSERT_EQ(::symlink("../../outside", (dir / "tree/a/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(dir / "tree").ok());
  EXPECT_FALSE(exists(dir / "tree"));
  EXPECT_TRUE(exists(dir / "outside/keep"));
  EXPECT_TRUE(remove_tree(dir / "tree").ok()) << "nothing there is removed already";
}

TEST(RemoveTree, IsNotStoppedByDepth) {
  const TempDir dir;
  ASSERT_TRUE(make_directories(dir / "tree", 0755).ok());
  UniqueFd here = open_file(dir / "tree", O_RDONLY | O_DIRECTORY).take();
  for (int i = 0; i < 1500; ++i) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0755), 0);
    here = open_at(here.get(), "d", O_RDONLY | O_DIRECTORY).take();
  }
  here.reset();
  const Result<void> removed = remove_tree(dir / "tree");
  EXPECT_TRUE(removed.ok()) << removed.error().text;
  EXPECT_FALSE(exists(dir / "tree"));
}

TEST(RemoveTree, StopsAtAMountEvenOfTheSameFileSystem) {
  const TempDir dir;
  ASSERT_TRUE(make_directories(dir / "home", 0755).ok());
  ASSERT_TRUE(replace_file(dir / "home/thesis", "x", 0600).ok());
  ASSERT_TRUE(make_directories(dir / "tree/home", 0755).ok());
  const std::string target = dir / "tree/home";
  if (::mount((dir / "home").c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  EXPECT_FALSE(remove_tree(dir / "tree").ok());
  EXPECT_TRUE(exists(dir / "home/thesis"));
  ASSERT_EQ(::umount((dir / "tree/home").c_str()), 0);
}

}  // namespace
}  // namespace gd
