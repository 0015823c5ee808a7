// Containers kept by name: made, found, in use by one, over one image, few and small enough.
#include "server/agent/kept_containers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/container_name.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

constexpr uid_t kAnn = 1001;
constexpr JobId kJob{7};

class KeptContainersTest : public ::testing::Test {
 protected:
  Result<KeptLayer> take(const std::string& name, Making making = Making::if_missing) {
    return take_container(settings_, {kAnn, name}, base_, kJob, making);
  }
  std::vector<ListedContainer> list() { return list_containers(settings_, kAnn).take(); }
  static std::string text_of(const Result<KeptLayer>& layer) {
    return layer.ok() ? "taken" : layer.error().text;
  }

  gd::test::TempDir dir_;
  ContainerSettings settings_{.root = dir_ / "containers", .keep = 60s, .quota_mib = 1};
  ContainerBase base_{.image = "docker.io/library/debian:12", .digest = "sha256:aa"};
};

TEST_F(KeptContainersTest, WhatWasWrittenIsThereForTheNext) {
  std::string written;
  {
    const KeptLayer layer = take("tools").take();
    written = layer.path() + "/upper/file";
    ASSERT_TRUE(replace_file(written, "text", 0644).ok());
    EXPECT_EQ(::access((layer.path() + "/work").c_str(), F_OK), 0);
    EXPECT_TRUE(list()[0].in_use);
  }
  EXPECT_EQ(*find_container(settings_, {kAnn, "tools"}), base_);
  EXPECT_FALSE(list()[0].in_use);
  EXPECT_GT(list()[0].bytes, 0U);
  EXPECT_EQ(take("tools")->path() + "/upper/file", written);
  EXPECT_EQ(*read_file(written), "text");
  EXPECT_FALSE(find_container(settings_, {kAnn + 1, "tools"})->has_value())
      << "others have their own";
  struct stat about {};
  ASSERT_EQ(::stat(settings_.root.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700U);
}

TEST_F(KeptContainersTest, OneJobAtATimeHasIt) {
  const KeptLayer layer = take("tools").take();
  EXPECT_EQ(text_of(take("tools")), "container tools is in use by job 7: one job at a time has it");
  EXPECT_EQ(remove_container(settings_, {kAnn, "tools"}).error().code, ErrorCode::conflict);
  EXPECT_TRUE(take("other").ok());
}

TEST_F(KeptContainersTest, AnotherImageOrAnotherRootIsRefused) {
  (void)take("tools").take();
  EXPECT_EQ(take("tools", Making::only_new).error().code, ErrorCode::exists);
  base_.digest = "sha256:bb";
  EXPECT_NE(text_of(take("tools")).find("is over image docker.io/library/debian:12 sha256:aa"),
            std::string::npos);
  base_ = {.image = "docker.io/library/debian:12", .digest = "sha256:aa", .root_inside = true};
  EXPECT_NE(text_of(take("tools")).find("was made without --root"), std::string::npos);
}

TEST_F(KeptContainersTest, TheyAreFewAndTheQuotaCounts) {
  for (size_t i = 0; i < kMaxContainers; ++i) {
    ASSERT_TRUE(take("c" + std::to_string(i)).ok());
  }
  EXPECT_NE(text_of(take("more")).find("you have 32 containers"), std::string::npos);
  ASSERT_TRUE(remove_container(settings_, {kAnn, "c0"}).ok());
  EXPECT_EQ(remove_container(settings_, {kAnn, "c0"}).error().code, ErrorCode::not_found);
  {
    const KeptLayer layer = take("more").take();
    ASSERT_TRUE(replace_file(layer.path() + "/upper/big", std::string(1 << 20, 'x'), 0644).ok());
  }
  const Result<KeptLayer> none = take("more");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::denied);
  settings_.quota_mib = 0;
  EXPECT_TRUE(take("more").ok());
}

TEST_F(KeptContainersTest, WhatNobodyUsedForLongGoes) {
  const KeptLayer used = take("used").take();
  (void)take("old").take();
  ASSERT_TRUE(make_directories(settings_.root + "/.gone/left/by/a/dead", 0700).ok());
  EXPECT_EQ(*sweep_containers(settings_, SystemClock().now()), 0U);
  EXPECT_NE(::access((settings_.root + "/.gone/left").c_str(), F_OK), 0);
  EXPECT_EQ(*sweep_containers(settings_, SystemClock().now() + 62s), 1U);
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list()[0].key.name, "used");
}

TEST(ContainerName, IsAWordWithPyxisFlags) {
  EXPECT_EQ(*parse_container_name("a"), (ContainerName{"a", false}));
  EXPECT_EQ(*parse_container_name("My.tools-2_x:create"), (ContainerName{"My.tools-2_x", true}));
  EXPECT_EQ(*parse_container_name("a:auto"), (ContainerName{"a", false}));
  EXPECT_EQ(*parse_container_name("a:no_exec"), (ContainerName{"a", false}));
  EXPECT_TRUE(parse_container_name(std::string(kMaxContainerNameBytes, 'a')).ok());
  const std::string long_one(kMaxContainerNameBytes + 1, 'a');
  for (const std::string& wrong :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("-a"),
        std::string("a b"), std::string("a:exec"), std::string("a:"), std::string("a:b:c"),
        std::string("a\nb"), long_one}) {
    EXPECT_FALSE(parse_container_name(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace gd::agent
