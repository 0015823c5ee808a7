// Trees of files through frames: there and back, what is hostile in either, what goes wrong.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "proto/tree_receive.h"
#include "proto/tree_send.h"
#include "tests/support/temp_dir.h"

namespace gd {
namespace {

using Kind = TreeFrameKind;

class TreeTest : public ::testing::Test {
 protected:
  std::string from(const std::string& name) const { return dir_ / "from/" + name; }
  std::string to(const std::string& name) const { return dir_ / "to/" + name; }
  TreeTest() {
    EXPECT_EQ(::mkdir((dir_ / "from").c_str(), 0755), 0);
    EXPECT_EQ(::mkdir((dir_ / "to").c_str(), 0755), 0);
  }

  static Bytes all_of(TreeSender& sender) {
    Bytes all;
    for (Bytes frames = sender.next(); !frames.empty(); frames = sender.next()) all += frames;
    return all;
  }
  Result<void> receive(std::string_view frames, const std::string& target, size_t sources = 1,
                       ReceiveRules rules = {}) {
    Result<TreeReceiver> receiver = TreeReceiver::open(
        target, sources, rules, [this](const std::string& text) { problems_.push_back(text); });
    if (!receiver.ok()) return receiver.error();
    for (const char c : frames) TRY(receiver->take({&c, 1}));
    done_ = receiver->done();
    return {};
  }
  void copy(const std::vector<std::string>& sources, const std::string& target,
            ReceiveRules rules = {}) {
    TreeSender sender(sources, Folders::send);
    const Result<void> received = receive(all_of(sender), target, sources.size(), rules);
    EXPECT_TRUE(received.ok()) << received.error().text;
    EXPECT_TRUE(done_);
  }
  static std::string text(const std::string& path) { return read_file(path).take(); }
  static struct stat about(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
  }

  gd::test::TempDir dir_;
  std::vector<std::string> problems_;
  bool done_ = false;
};

TEST_F(TreeTest, AFolderComesWithAllThatIsInIt) {
  ASSERT_TRUE(make_directories(from("a/b/c"), 0755).ok());
  ASSERT_TRUE(write_file(from("a/one"), "1").ok() || true);
  const std::string large(300'000, 'x');
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"a/one", "1"}, {"a/b/empty", ""}, {"a/b/c/large", large}, {"a/odd\nname", "odd"}}) {
    ASSERT_TRUE(replace_file(from(name), bytes, 0640).ok());
  }
  ASSERT_EQ(::symlink("/etc/passwd", from("a/link").c_str()), 0);
  copy({from("a")}, dir_ / "to");
  EXPECT_EQ(text(to("a/one")), "1");
  EXPECT_EQ(text(to("a/b/empty")), "");
  EXPECT_EQ(text(to("a/b/c/large")), large);
  EXPECT_EQ(text(to("a/odd\nname")), "odd");
  EXPECT_TRUE(S_ISLNK(about(to("a/link")).st_mode));
  EXPECT_EQ(problems_.size(), 0U);
  // To a name that is not there: the folder is that.
  copy({from("a")}, to("renamed"));
  EXPECT_EQ(text(to("renamed/one")), "1");
}

TEST_F(TreeTest, PermissionsAndTimesAreKeptWhenAskedFor) {
  ASSERT_TRUE(make_directories(from("d"), 0755).ok());
  ASSERT_TRUE(replace_file(from("d/f"), "text", 0604).ok());
  ASSERT_EQ(::chmod(from("d/f").c_str(), 06604), 0);
  ASSERT_EQ(::chmod(from("d").c_str(), 0555), 0);
  const std::array<timespec, 2> times{timespec{.tv_sec = 1, .tv_nsec = 0},
                                      timespec{.tv_sec = 1'000'000'000, .tv_nsec = 123'456'789}};
  for (const std::string& name : {from("d/f"), from("d")}) {
    ASSERT_EQ(::utimensat(AT_FDCWD, name.c_str(), times.data(), 0), 0);
  }
  copy({from("d")}, to("kept"), {.attributes = Attributes::keep});
  EXPECT_EQ(about(to("kept")).st_mode & 07777, 0555U);
  EXPECT_EQ(about(to("kept/f")).st_mode & 07777, 0604U);  // without set-id bits
  for (const std::string& name : {to("kept/f"), to("kept")}) {
    EXPECT_EQ(about(name).st_mtim.tv_sec, 1'000'000'000) << name;
    EXPECT_EQ(about(name).st_mtim.tv_nsec, 123'456'789) << name;
  }
  copy({from("d/f")}, to("now"));
  EXPECT_GT(about(to("now")).st_mtim.tv_sec, 1'600'000'000);
}

TEST_F(TreeTest, WhatExistsStaysWhereItIsToBeRefused) {
  ASSERT_TRUE(replace_file(from("f"), "new", 0644).ok());
  ASSERT_TRUE(make_directories(from("d"), 0755).ok());
  ASSERT_EQ(::symlink("new", from("d/link").c_str()), 0);
  const ReceiveRules refuse{.existing = Existing::refuse};
  copy({from("f")}, to("f"), refuse);
  EXPECT_EQ(text(to("f")), "new");
  EXPECT_EQ(problems_, std::vector<std::string>{});
  ASSERT_TRUE(replace_file(to("f"), "old", 0644).ok());
  copy({from("f")}, to("f"), refuse);
  EXPECT_EQ(text(to("f")), "old");
  copy({from("d")}, dir_ / "to", refuse);
  copy({from("d")}, dir_ / "to", refuse);
  const std::vector<std::string> told{to("f") + ": File exists", to("d") + ": File exists"};
  EXPECT_EQ(problems_, told);
}

TEST_F(TreeTest, ANameTakenMeanwhileIsNotReplacedEither) {
  ASSERT_TRUE(replace_file(from("f"), "new", 0644).ok());
  TreeSender sender({from("f")}, Folders::refuse);
  const Bytes frames = all_of(sender);
  Result<TreeReceiver> receiver =
      TreeReceiver::open(to("f"), 1, {.existing = Existing::refuse},
                         [this](const std::string& text) { problems_.push_back(text); });
  ASSERT_TRUE(receiver.ok());
  ASSERT_TRUE(receiver->take(std::string_view(frames).substr(0, frames.size() - 20)).ok());
  ASSERT_TRUE(replace_file(to("f"), "theirs", 0644).ok());
  ASSERT_TRUE(receiver->take(std::string_view(frames).substr(frames.size() - 20)).ok());
  EXPECT_EQ(text(to("f")), "theirs");
  EXPECT_EQ(problems_, std::vector<std::string>{to("f") + ": File exists"});
}

TEST_F(TreeTest, FilesAreReplacedWholeAndLinksAreNotFollowed) {
  ASSERT_TRUE(replace_file(from("f"), "new", 0644).ok());
  ASSERT_TRUE(replace_file(dir_ / "elsewhere", "untouched", 0644).ok());
  ASSERT_EQ(::symlink((dir_ / "elsewhere").c_str(), to("f").c_str()), 0);
  copy({from("f")}, dir_ / "to");
  EXPECT_EQ(text(to("f")), "new");
  EXPECT_EQ(text(dir_ / "elsewhere"), "untouched");
  // A folder that comes is not put where a link leads.
  ASSERT_TRUE(make_directories(from("d"), 0755).ok());
  ASSERT_TRUE(replace_file(from("d/f"), "new", 0644).ok());
  ASSERT_EQ(::symlink((dir_ / "from").c_str(), to("d").c_str()), 0);
  copy({from("d")}, dir_ / "to");
  EXPECT_EQ(problems_.size(), 1U);
  EXPECT_NE(::access((dir_ / "from/d/d").c_str(), F_OK), 0);
}

TEST_F(TreeTest, WhatBreaksOffLeavesWhatWasThere) {
  ASSERT_TRUE(replace_file(to("f"), "old", 0644).ok());
  const std::string half =
      tree_frame(Kind::file, TreeEntry{.mode = 0644, .name = "f"}) + tree_frame(Kind::data, "half");
  EXPECT_TRUE(receive(half, dir_ / "to").ok());
  EXPECT_FALSE(done_);
  EXPECT_EQ(text(to("f")), "old");
  EXPECT_EQ(::rmdir((dir_ / "to").c_str()), -1);
  ASSERT_EQ(::unlink(to("f").c_str()), 0);
  EXPECT_EQ(::rmdir((dir_ / "to").c_str()), 0) << "something is left";
}

TEST_F(TreeTest, NamesThatLeadOutAreNoEntries) {
  for (const std::string name : {"", ".", "..", "a/b", "/etc", "../x"}) {
    EXPECT_FALSE(
        receive(tree_frame(Kind::file, TreeEntry{.mode = 0644, .name = name}), dir_ / "to").ok())
        << name;
  }
  for (const std::string bytes :
       {"", "644", "644 0", "x 0 f", "7777 0 f", "644 x f", "64444 0 f", " 0 f"}) {
    EXPECT_FALSE(parse_tree_entry(bytes).ok()) << bytes;
  }
  EXPECT_FALSE(parse_tree_entry(std::string("777 0 l\0a\0b", 11)).ok());
  EXPECT_EQ(parse_tree_entry("644 -5 a b")->name, "a b");
}

TEST_F(TreeTest, FramesOutOfOrderEndTheCopy) {
  const std::string file = tree_frame(Kind::file, TreeEntry{.mode = 0644, .name = "f"});
  const std::string folder = tree_frame(Kind::enter, TreeEntry{.mode = 0755, .name = "d"});
  for (const std::string& frames :
       {tree_frame(Kind::data, "x"), tree_frame(Kind::end), file + file, file + folder,
        folder + tree_frame(Kind::done), tree_frame(Kind::done) + file,
        std::string("\x08\0\0\0\0\0\0\0\0", 9)}) {
    EXPECT_FALSE(receive(frames, dir_ / "to").ok());
  }
  // Of one thing that was asked for under another name there is one.
  const std::string one = file + tree_frame(Kind::end);
  EXPECT_TRUE(receive(one, to("new")).ok());
  EXPECT_FALSE(receive(one + one, to("newer")).ok());
}

TEST_F(TreeTest, DepthIsLimitedOnBothSides) {
  std::string path = from("d");
  ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
  for (size_t i = 0; i < kMaxTreeDepth; ++i) {
    path += "/d";
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
  }
  TreeSender sender({from("d")}, Folders::send);
  const Bytes frames = all_of(sender);
  EXPECT_EQ(sender.problems(), 1U);
  EXPECT_TRUE(receive(frames, dir_ / "to").ok());
  EXPECT_EQ(problems_.size(), 1U);
  problems_.clear();
  std::string deep;
  for (size_t i = 0; i < kMaxTreeDepth + 1; ++i) {
    deep += tree_frame(Kind::enter, TreeEntry{.mode = 0755, .name = "e"});
  }
  EXPECT_TRUE(receive(deep, dir_ / "to").ok());
  EXPECT_EQ(problems_.size(), 1U);
}

TEST_F(TreeTest, WhatCannotBeReadIsAProblemAndTheRestIsSent) {
  ASSERT_EQ(::mkfifo(from("pipe").c_str(), 0644), 0);
  ASSERT_TRUE(replace_file(from("f"), "there", 0644).ok());
  copy({from("none"), from("pipe"), from("f")}, dir_ / "to");
  EXPECT_EQ(problems_.size(), 2U);
  EXPECT_EQ(text(to("f")), "there");
  TreeSender without({dir_ / "from"}, Folders::refuse);
  EXPECT_NE(all_of(without).find("-r copies folders"), Bytes::npos);
}

TEST_F(TreeTest, SeveralThingsWantAFolder) {
  EXPECT_FALSE(receive("", to("none"), 2).ok());
  EXPECT_FALSE(receive("", to("none/"), 1).ok());
  EXPECT_FALSE(receive("", to("none/deeper"), 1).ok());
  EXPECT_TRUE(receive("", to("none"), 1).ok());
}

}  // namespace
}  // namespace gd
