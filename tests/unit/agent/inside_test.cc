// What gd's commands find in a job's container, as data.
#include "server/agent/inside.h"

#include <gtest/gtest.h>

namespace gd::agent {
namespace {

using container::FileSpec;

StepLaunch with_key() {
  StepLaunch launch;
  launch.job = JobId{42};
  launch.cluster = "lab";
  launch.job_key = "PUBLIC";
  launch.job_secret = "SECRET";
  return launch;
}

const ShepherdSettings kNode{
    .controller = "head:6820", .controller_key = "CONTROLLER", .client_dir = "/usr/libexec/gd/c"};

TEST(InsideTest, TheKeyIsTheUsersAloneAndTheRestIsForAll) {
  const std::vector<FileSpec> files = inside_files(with_key(), kNode);
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].path, "/run/gd/gd.conf");
  EXPECT_EQ(files[0].mode, 0644U);
  EXPECT_EQ(files[0].content,
            "# For gd's commands in this job.\ncluster = lab\ncontroller = head:6820\n"
            "controller_key = /run/gd/controller.pub\n");
  EXPECT_EQ(files[1].path, "/run/gd/controller.pub");
  EXPECT_EQ(files[1].content, "CONTROLLER\n");
  EXPECT_EQ(files[2].path, "/run/gd/key");
  EXPECT_EQ(files[2].mode, 0600U);
  EXPECT_EQ(files[2].owner, FileSpec::Owner::user);
  EXPECT_EQ(files[2].content, "PUBLIC SECRET\nhead:6820 CONTROLLER job 42\n");
}

TEST(InsideTest, AJobWithoutAKeyHasNoFilesAndNoneOfTheSubmittersKeys) {
  EXPECT_TRUE(inside_files(StepLaunch{}, kNode).empty());
  Environment env{{"GD_KEY", "/home/ada/secret"}, {"GD_CONF", "/etc/gd/gd.conf"}};
  set_inside(env, StepLaunch{}, kNode);
  EXPECT_FALSE(env.contains("GD_KEY"));
  EXPECT_EQ(env["GD_CONF"], "/etc/gd/gd.conf");
}

TEST(InsideTest, TheVariablesPointInsideWhateverWasExported) {
  Environment env{{"GD_KEY", "/home/ada/secret"}, {"GD_CONF", "/x"}, {"PATH", "/usr/bin:/bin"}};
  set_inside(env, with_key(), kNode);
  EXPECT_EQ(env["GD_KEY"], "/run/gd/key");
  EXPECT_EQ(env["GD_CONF"], "/run/gd/gd.conf");
  EXPECT_EQ(env["PATH"], "/usr/bin:/bin:/run/gd/client");
  set_inside(env, with_key(), kNode);  // exported by a job for the job that it submits
  EXPECT_EQ(env["PATH"], "/usr/bin:/bin:/run/gd/client");
}

TEST(InsideTest, WithoutAClientFolderNothingIsBoundAndPathStays) {
  ShepherdSettings settings = kNode;
  settings.client_dir.clear();
  Environment env{{"PATH", "/bin"}};
  set_inside(env, with_key(), settings);
  EXPECT_EQ(env["PATH"], "/bin");
  EXPECT_FALSE(inside_client(settings));
  const auto mount = inside_client(kNode);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->source, "/usr/libexec/gd/c");
  EXPECT_EQ(mount->target, "/run/gd/client");
  EXPECT_EQ(mount->access, container::Access::read_only);
}

}  // namespace
}  // namespace gd::agent
