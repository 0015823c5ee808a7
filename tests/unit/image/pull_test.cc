// From an OCI layout on disk into the store by skopeo, as two users and with a fetcher killed at
// any moment; and what is made of skopeo's words. Needs root and skopeo.
#include "server/image/pull.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "base/digest.h"
#include "base/process.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/image/tar.h"

namespace gd::image {
namespace {

using test::make_tar;
using test::Member;

constexpr uid_t kAlice = 64'001, kBob = 64'002;
constexpr IdRange kIds{.start = 1'900'000'000, .count = 65536};

std::string hex_of(const std::string& bytes) {
  Sha256Stream digest;
  digest.add(bytes);
  return digest.finish();
}

class PullTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "fetching for other users needs root: make test asks sudo";
    ASSERT_TRUE(find_program("skopeo", "/usr/bin").ok()) << "run tools/deps.sh test";
    ::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    ASSERT_TRUE(store_.prepare().ok());
    ASSERT_TRUE(make_directories(layout() + "/blobs/sha256", 0755).ok());
    put(layout() + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    const std::string one = add_blob(
        make_tar({{"etc/os", AE_IFREG, "lab"}, {"old", AE_IFREG, std::string(300'000, 'o')}}));
    const std::string two =
        add_blob(make_tar({{".wh.old", AE_IFREG, ""}, {"bin/x", AE_IFREG, "x", 0755}}, true));
    const std::string config = add_blob(
        R"({"architecture":"amd64","os":"linux","config":{"Env":["LAB=1"],"WorkingDir":"/etc"},)"
        R"("rootfs":{"type":"layers","diff_ids":[]}})");
    const std::string type = R"({"mediaType":"application/vnd.oci.image.)";
    const std::string manifest =
        add_blob(R"({"schemaVersion":2,"config":)" + type + R"(config.v1+json",)" + config +
                 R"(},"layers":[)" + type + R"(layer.v1.tar",)" + one + "}," + type +
                 R"(layer.v1.tar+gzip",)" + two + "}]}");
    put(layout() + "/index.json",
        R"({"schemaVersion":2,"manifests":[)" + type + R"(manifest.v1+json",)" + manifest + "}]}");
  }

  [[nodiscard]] std::string layout() const { return dir_ / "layout"; }
  static void put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(replace_file(path, text, 0644).ok());
  }
  std::string add_blob(const std::string& bytes) {
    const std::string hex = hex_of(bytes);
    put(layout() + "/blobs/sha256/" + hex, bytes);
    return R"("digest":"sha256:)" + hex + R"(","size":)" + std::to_string(bytes.size());
  }
  [[nodiscard]] PullOrder order(uid_t user) const {
    return {.name = *parse_image_name("oci:" + layout()),
            .stamp = "s",
            .uid = user,
            .gid = user,
            .groups = {},
            .credentials = "",
            .ids = kIds,
            .timeout = 60s};
  }
  [[nodiscard]] std::optional<StoredImage> find(uid_t user) const {
    return store_.find(render(order(user).name), user, "s").take();
  }
  [[nodiscard]] size_t entries(const std::string& folder) const {
    size_t count = 0;
    for (const auto& one : std::filesystem::directory_iterator(dir_ / "store/" + folder)) {
      count += one.exists() ? 1 : 0;
    }
    return count;
  }

  const gd::test::TempDir dir_;
  const Store store_{dir_ / "store"};
};

TEST_F(PullTest, AnImageOfTwoLayersIsOneTree) {
  const Result<void> done = pull(store_, order(kAlice));
  ASSERT_TRUE(done.ok()) << done.error().text;
  const std::optional<StoredImage> image = find(kAlice);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(*read_file(image->tree + "/etc/os"), "lab");
  EXPECT_NE(::access((image->tree + "/old").c_str(), F_OK), 0);
  EXPECT_EQ(image->config.environment, std::vector<std::string>{"LAB=1"});
  EXPECT_EQ(image->config.workdir, "/etc");
  EXPECT_EQ(entries("stage"), 0U);
}

TEST_F(PullTest, AUsersFileIsHersAndItsContentIsStoredOnce) {
  ASSERT_TRUE(pull(store_, order(kAlice)).ok());
  EXPECT_FALSE(find(kBob).has_value());
  ASSERT_TRUE(pull(store_, order(kBob)).ok());
  EXPECT_TRUE(find(kBob).has_value());
  EXPECT_EQ(entries("images"), 1U);
  EXPECT_FALSE(store_.find(render(order(kBob).name), kBob, "changed")->has_value());
}

TEST_F(PullTest, AnImageIsFoundByItsDigestUnderTheNamesThatAreMeant) {
  ASSERT_TRUE(pull(store_, order(kAlice)).ok());
  const std::string digest = find(kAlice)->digest;
  const auto any = [](const std::string&) { return true; };
  const auto none = [](const std::string&) { return false; };
  EXPECT_TRUE(store_.find_digest(digest, kAlice, any)->has_value());
  EXPECT_FALSE(store_.find_digest(digest, kAlice, none)->has_value());
  EXPECT_FALSE(store_.find_digest(digest, kBob, any)->has_value());
  EXPECT_FALSE(store_.find_digest("sha256:" + std::string(64, '0'), kAlice, any)->has_value());
}

TEST_F(PullTest, WhatTheUserMayNotReadIsNotFetched) {
  ASSERT_EQ(::chmod(layout().c_str(), 0700), 0);
  const Result<void> done = pull(store_, order(kAlice));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::denied) << done.error().text;
  EXPECT_EQ(entries("images"), 0U);
}

TEST_F(PullTest, AFetcherKilledAtAnyMomentLeavesNothingHalfUsable) {
  std::mt19937_64 random(7);
  size_t killed = 0;
  int64_t whole_ns = 0;  // that a fetch takes here and now: the first one is left alone
  for (int round = 0; round < 31; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    const pid_t fetcher = ::fork();
    ASSERT_GE(fetcher, 0);
    if (fetcher == 0) ::_exit(pull(store_, order(kAlice)).ok() ? 0 : 1);
    siginfo_t info{};
    if (whole_ns == 0) {
      ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(fetcher), &info, WEXITED | WNOWAIT), 0);
      whole_ns = (std::chrono::steady_clock::now() - begin).count();
    }
    const auto most = std::min<int64_t>(whole_ns, 900'000'000);
    const timespec wait{0, static_cast<long>(random() % static_cast<uint64_t>(most))};
    sigset_t none;
    ::sigemptyset(&none);
    (void)::pselect(0, nullptr, nullptr, nullptr, &wait, &none);
    ::kill(fetcher, SIGKILL);
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(fetcher), &info, WEXITED), 0);
    if (info.si_code == CLD_KILLED) ++killed;
    if (const std::optional<StoredImage> image = find(kAlice)) {
      EXPECT_EQ(*read_file(image->tree + "/bin/x"), "x") << "round " << round;
      std::filesystem::remove_all(dir_ / "store/names");
      std::filesystem::remove_all(dir_ / "store/images");
      ASSERT_TRUE(store_.prepare().ok());
    }
  }
  EXPECT_GT(killed, 3U);
  const Result<void> done = pull(store_, order(kAlice));
  ASSERT_TRUE(done.ok()) << done.error().text;
  EXPECT_EQ(*read_file(find(kAlice)->tree + "/bin/x"), "x");
  EXPECT_EQ(entries("stage"), 0U) << "what the dead had begun";
}

TEST(SkopeoSaid, BecomesOneLineAndACode) {
  const std::tuple<std::string, ErrorCode, std::string> cases[] = {
      {"x\ntime=\"..\" level=fatal msg=\"reading manifest: manifest unknown\"\n",
       ErrorCode::not_found, "image n: not found (\"reading manifest: manifest unknown\")"},
      {"msg=\"unauthorized: authentication required\"", ErrorCode::denied, "image n: denied"},
      {"write /a: no space left on device", ErrorCode::exhausted, "no space on this node"},
      {"dial tcp: connect: connection refused", ErrorCode::unavailable, "from here"},
      {"something else", ErrorCode::invalid, "cannot be fetched (something else)"},
  };
  for (const auto& [said, code, text] : cases) {
    const Error error = explain_failure("n", said);
    EXPECT_EQ(error.code, code) << said;
    EXPECT_NE(error.text.find(text), std::string::npos) << error.text;
    EXPECT_EQ(error.text.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace gd::image
