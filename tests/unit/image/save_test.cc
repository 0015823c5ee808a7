// Trees into archives: what is told of them and what is not, an OCI archive byte by byte where it
// matters, and the two processes of save_tree() with what can go wrong between them. Needs root.
#include "server/image/save.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/text.h"
#include "server/container/idmap.h"
#include "server/image/oci_archive.h"
#include "server/image/unpack.h"
#include "tests/support/temp_dir.h"

namespace gd::image {
namespace {

constexpr uint32_t kRange = 1'900'000'000;
constexpr uid_t kAnn = 1001;

std::string sha256_of(std::string_view bytes) {
  Sha256Stream digest;
  digest.add(bytes);
  return digest.finish();
}

class SaveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "ids of others need root: make test asks sudo";
    ::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    ASSERT_TRUE(make_directories(tree() + "/etc", 0755).ok());
    ASSERT_TRUE(make_directories(tree() + "/secret", 0700).ok());
    put("etc/hosts", "of the node\n", 0644, 0);
    put("secret/key", "root's\n", 0600, 0);
    put("mine", "Ann's\n", 04755, kAnn);
    put("of-7", "of 7\n", 0600, kRange + 7);
    ASSERT_EQ(::symlink("../etc/hosts", (tree() + "/etc/link").c_str()), 0);
    ASSERT_EQ(::link((tree() + "/mine").c_str(), (tree() + "/same").c_str()), 0);
    ASSERT_EQ(::mkfifo((tree() + "/pipe").c_str(), 0600), 0);
    for (const char* name : {"", "/etc", "/secret", "/etc/hosts", "/secret/key"}) {
      ASSERT_EQ(::chown((tree() + name).c_str(), kRange, kRange), 0);
    }
    ASSERT_EQ(::lchown((tree() + "/etc/link").c_str(), kRange, kRange), 0);
  }

  [[nodiscard]] std::string tree() const { return dir_ / "tree"; }

  void put(const std::string& name, const std::string& text, mode_t mode, uid_t owner) {
    const std::string path = tree() + "/" + name;
    ASSERT_TRUE(replace_file(path, text, 0600).ok());
    ASSERT_EQ(::chown(path.c_str(), owner, owner), 0);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }

  Result<uint64_t> save(SaveForm form, uint64_t max_bytes = uint64_t{1} << 30,
                        Milliseconds timeout = 60s) {
    const container::Identity ann{.uid = kAnn, .gid = kAnn, .user = "ann"};
    const container::IdMaps maps = TRY(container::compute_maps(
        ann, {.start = kRange, .count = 65536}, container::RootMode::as_user));
    const UniqueFd userns = TRY(container::make_user_namespace(maps));
    const UniqueFd root = TRY(open_file(tree(), O_PATH | O_DIRECTORY));
    const UniqueFd file = TRY(open_file(saved(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    if (::fchown(file.get(), kAnn, kAnn) != 0) return os_error("chown");
    return save_tree({.tree = root.get(),
                      .userns = userns.get(),
                      .changes = changes_,
                      .form = form,
                      .config = {.environment = {"LAB=here"}, .workdir = "/etc"},
                      .file = file.get(),
                      .uid = kAnn,
                      .gid = kAnn,
                      .max_bytes = max_bytes,
                      .timeout = timeout});
  }
  [[nodiscard]] std::string saved() const { return dir_ / "saved"; }

  const gd::test::TempDir dir_;
  TreeForm changes_{.own_uids = {kAnn},
                    .own_gids = {kAnn},
                    .instead = {{"etc/hosts", "of the image\n"}, {"etc/new", "added\n"}}};
};

TEST_F(SaveTest, AnArchiveHasTheTreeAsItsOwnUserNamespaceSeesIt) {
  const Result<uint64_t> bytes = save(SaveForm::oci_archive);
  ASSERT_TRUE(bytes.ok()) << bytes.error().text;
  const Bytes archive = *read_file(saved());
  EXPECT_EQ(*bytes, archive.size());
  EXPECT_EQ(archive.size() % kTarBlock, 0U);

  const std::string name(archive.c_str() + kLayerAt);
  ASSERT_TRUE(name.starts_with("blobs/sha256/")) << name;
  const uint64_t size = std::stoull(archive.substr(kLayerAt + 124, 11), nullptr, 8);
  const std::string layer = archive.substr(kLayerAt + kTarBlock, size);
  EXPECT_EQ(name.substr(13), sha256_of(layer));

  const std::string out = dir_ / "out";
  ASSERT_TRUE(make_directories(out, 0755).ok());
  ASSERT_TRUE(replace_file(dir_ / "layer", layer, 0600).ok());
  const UniqueFd from = open_file(dir_ / "layer", O_RDONLY).take();
  const UniqueFd to = open_file(out, O_RDONLY | O_DIRECTORY).take();
  const Result<Unpacked> done = unpack_layer(from.get(), to.get(), {});
  ASSERT_TRUE(done.ok()) << done.error().text;
  const auto about = [&out](const char* own) {
    struct stat status {};
    EXPECT_EQ(::lstat((out + "/" + own).c_str(), &status), 0) << own;
    return status;
  };
  EXPECT_EQ(*read_file(out + "/secret/key"), "root's\n") << "all that is mapped can be read";
  EXPECT_EQ(about("secret").st_uid, 0U);
  EXPECT_EQ(about("of-7").st_uid, 7U);
  EXPECT_EQ(about("mine").st_uid, 0U) << "hers is the image's root's";
  EXPECT_EQ(about("mine").st_mode & 07777, 0755U) << "no set-user-id";
  EXPECT_EQ(about("mine").st_ino, about("same").st_ino);
  EXPECT_TRUE(S_ISLNK(about("etc/link").st_mode));
  EXPECT_EQ(*read_file(out + "/etc/hosts"), "of the image\n");
  EXPECT_EQ(*read_file(out + "/etc/new"), "added\n");
  EXPECT_NE(::access((out + "/pipe").c_str(), F_OK), 0);
}

TEST_F(SaveTest, AnArchivesIndexLeadsToManifestAndConfig) {
  ASSERT_TRUE(save(SaveForm::oci_archive).ok());
  const Bytes archive = *read_file(saved());
  std::map<std::string, std::string> files;
  for (uint64_t at = 0; at + kTarBlock <= archive.size() && archive[at] != '\0';) {
    const uint64_t size = std::stoull(archive.substr(at + 124, 11), nullptr, 8);
    files[std::string(archive.c_str() + at)] = archive.substr(at + kTarBlock, size);
    at += kTarBlock + (size + kTarBlock - 1) / kTarBlock * kTarBlock;
  }
  ASSERT_TRUE(files.contains("oci-layout"));
  const Blob entry = parse_index(files["index.json"]).take();
  const auto blob = [&files](const Blob& one) {
    const std::string text = files["blobs/sha256/" + one.digest.substr(7)];
    EXPECT_EQ("sha256:" + sha256_of(text), one.digest);
    EXPECT_EQ(text.size(), one.size);
    return text;
  };
  const Manifest manifest = parse_manifest(blob(entry)).take();
  ASSERT_EQ(manifest.layers.size(), 1U);
  (void)blob(manifest.layers[0]);
  const std::string config = blob(manifest.config);
  EXPECT_EQ(*parse_config(config), (Config{.environment = {"LAB=here"}, .workdir = "/etc"}));
  EXPECT_EQ(nlohmann::json::parse(config)["rootfs"]["diff_ids"][0], manifest.layers[0].digest);
}

TEST_F(SaveTest, ASquashfsIsOneAndHers) {
  const Result<uint64_t> bytes = save(SaveForm::squashfs);
  ASSERT_TRUE(bytes.ok()) << bytes.error().text;
  EXPECT_EQ(read_file(saved())->substr(0, 4), "hsqs");
}

TEST_F(SaveTest, TheSizeIsAKernelsLimit) {
  put("large", random_bytes(size_t{3} << 20), 0644, kRange);
  for (const SaveForm form : {SaveForm::oci_archive, SaveForm::squashfs}) {
    const Result<uint64_t> bytes = save(form, uint64_t{1} << 20);
    ASSERT_FALSE(bytes.ok());
    EXPECT_EQ(bytes.error().text, "it would be larger than the 1 MiB allowed");
    EXPECT_LE(read_file(saved())->size(), size_t{1} << 20);
  }
}

TEST_F(SaveTest, TheTimeIsBounded) {
  put("large", random_bytes(size_t{32} << 20), 0644, kRange);
  const Result<uint64_t> bytes = save(SaveForm::squashfs, uint64_t{1} << 30, 1ms);
  ASSERT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.error().text, "it took more than the 0 s allowed");
}

TEST_F(SaveTest, WhatNoImageCanHaveIsRefusedByName) {
  put("etc/.wh.hosts", "", 0644, kRange);
  for (const SaveForm form : {SaveForm::oci_archive, SaveForm::squashfs}) {
    const Result<uint64_t> bytes = save(form);
    ASSERT_FALSE(bytes.ok());
    EXPECT_EQ(bytes.error().text, "'etc/.wh.hosts' has a name that images cannot have");
  }
  ASSERT_EQ(::unlink((tree() + "/etc/.wh.hosts").c_str()), 0);
  std::string deep = tree();
  for (size_t i = 0; i < kMaxEntryDepth; ++i) deep += "/d";
  ASSERT_TRUE(make_directories(deep, 0755).ok());
  EXPECT_TRUE(save(SaveForm::oci_archive).ok());
  ASSERT_TRUE(make_directories(deep + "/d/d", 0755).ok());
  EXPECT_NE(save(SaveForm::oci_archive).error().text.find("folders deep"), std::string::npos);
}

// What is not mapped belongs to somebody of the node, and is not read.
TEST_F(SaveTest, AFileOfSomebodyElsesIsNotRead) {
  put("alien", "not the container's\n", 0600, 4242);
  const Result<uint64_t> bytes = save(SaveForm::oci_archive);
  ASSERT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.error().text, "open alien: Permission denied");
}

TEST(TarHeader, SaysSizesAboveEightGigabytes) {
  const std::string small = tar_header("a", 5);
  EXPECT_EQ(small.substr(124, 11), "00000000005");
  EXPECT_EQ(small.substr(257, 5), "ustar");
  const std::string most = tar_header("a", (uint64_t{1} << 33) - 1);
  EXPECT_EQ(most.substr(124, 11), "77777777777");
  const std::string large = tar_header("a", uint64_t{1} << 33);
  EXPECT_EQ(static_cast<unsigned char>(large[124]), 0x80);
  EXPECT_EQ(large.substr(128, 8), std::string("\0\0\0\2\0\0\0\0", 8));
}

}  // namespace
}  // namespace gd::image
