// The daemons' key files: made once, read again, and refused when others had a hand in.
#include "server/auth/key_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "proto/secret_file.h"
#include "tests/support/temp_dir.h"

namespace gd::auth {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(KeyFiles, AreMadeOnceAndReadAgain) {
  const test::TempDir dir;
  const auto made = load_or_make_curve_keys(dir / "controller.key");
  ASSERT_TRUE(made.ok()) << made.error().text;
  EXPECT_EQ(mode_of(dir / "controller.key"), 0600U);
  const auto again = load_or_make_curve_keys(dir / "controller.key");
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(again->public_key, made->public_key);
  EXPECT_EQ(again->secret_key, made->secret_key);

  const auto tickets = load_or_make_ticket_keys(dir / "ticket.key");
  ASSERT_TRUE(tickets.ok()) << tickets.error().text;
  EXPECT_EQ(mode_of(dir / "ticket.key"), 0600U);
  const auto same = load_or_make_ticket_keys(dir / "ticket.key");
  ASSERT_TRUE(same.ok()) << same.error().text;
  EXPECT_EQ(same->secret_key, tickets->secret_key);
  const Ticket ticket{JobId{1}, LaunchNumber{2}, StepId{3}, 4, "n", "k"};
  EXPECT_EQ(*open_ticket(sign_ticket(ticket, same->secret_key), tickets->public_key), ticket);
}

TEST(KeyFiles, RightsForOthersAreRefused) {
  const test::TempDir dir;
  ASSERT_TRUE(load_or_make_curve_keys(dir / "a.key").ok());
  for (const mode_t mode : {0640, 0604, 0610, 0777}) {
    ASSERT_EQ(::chmod((dir / "a.key").c_str(), mode), 0);
    EXPECT_EQ(load_or_make_curve_keys(dir / "a.key").error().code, ErrorCode::denied) << mode;
  }
  ASSERT_EQ(::chmod((dir / "a.key").c_str(), 0400), 0);
  EXPECT_TRUE(load_or_make_curve_keys(dir / "a.key").ok());
  ASSERT_EQ(::chmod(dir.path().c_str(), 0777), 0);
  EXPECT_EQ(load_or_make_curve_keys(dir / "a.key").error().code, ErrorCode::denied);
  EXPECT_EQ(load_or_make_ticket_keys(dir / "b.key").error().code, ErrorCode::denied);
}

TEST(KeyFiles, LinksAndThingsThatAreNoFilesAreRefused) {
  const test::TempDir dir;
  ASSERT_TRUE(load_or_make_curve_keys(dir / "a.key").ok());
  ASSERT_EQ(::symlink((dir / "a.key").c_str(), (dir / "link").c_str()), 0);
  EXPECT_EQ(load_or_make_curve_keys(dir / "link").error().code, ErrorCode::denied);
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(load_or_make_curve_keys(dir / "fifo").error().code, ErrorCode::denied);
}

TEST(KeyFiles, FilesOfAnotherUserAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give a file away";
  const test::TempDir dir;
  ASSERT_TRUE(load_or_make_curve_keys(dir / "a.key").ok());
  ASSERT_EQ(::chown((dir / "a.key").c_str(), 12345, 12345), 0);
  EXPECT_EQ(load_or_make_curve_keys(dir / "a.key").error().code, ErrorCode::denied);
}

TEST(KeyFiles, DamagedOnesAreNotReplacedSilently) {
  const test::TempDir dir;
  const std::string one = std::string(40, 'a');
  const std::string other = make_curve_keys().secret_key;
  for (const std::string& text : {std::string("\n"), one + "\n", one + " " + one.substr(1) + "\n",
                                  one + " " + other + "\n"}) {
    ASSERT_TRUE(replace_file(dir / "a.key", text, 0600).ok());
    EXPECT_EQ(load_or_make_curve_keys(dir / "a.key").error().code, ErrorCode::invalid) << text;
    EXPECT_EQ(load_or_make_ticket_keys(dir / "a.key").error().code, ErrorCode::invalid) << text;
    EXPECT_EQ(*read_file(dir / "a.key"), text);
  }
}

TEST(SecretFile, HasALengthLimit) {
  const test::TempDir dir;
  ASSERT_TRUE(replace_file(dir / "a", std::string(kMaxSecretFileBytes, 'x'), 0600).ok());
  EXPECT_EQ(read_secret_file(dir / "a")->reveal().size(), kMaxSecretFileBytes);
  ASSERT_TRUE(replace_file(dir / "a", std::string(kMaxSecretFileBytes + 1, 'x'), 0600).ok());
  EXPECT_EQ(read_secret_file(dir / "a").error().code, ErrorCode::invalid);
  ASSERT_TRUE(replace_file(dir / "a", "", 0600).ok());
  EXPECT_EQ(read_secret_file(dir / "a").error().code, ErrorCode::invalid);
  EXPECT_EQ(read_secret_file(dir / "none").error().code, ErrorCode::not_found);
}

TEST(ControllerPub, IsReadableByAllAndWrittenOnlyWhenItChanges) {
  const test::TempDir dir;
  const std::string path = dir / "controller.pub";
  ASSERT_TRUE(publish_controller_key(path, std::string(40, 'a')).ok());
  EXPECT_EQ(mode_of(path), 0644U);
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  ASSERT_TRUE(publish_controller_key(path, std::string(40, 'a')).ok());
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  ASSERT_TRUE(publish_controller_key(path, std::string(40, 'b')).ok());
  EXPECT_EQ(*read_file(path), std::string(40, 'b') + "\n");
}

}  // namespace
}  // namespace gd::auth
