// Job directories: made once, kept for their time, counted, and taken away. Needs root.
#include "server/agent/job_dirs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

constexpr uid_t kAnn = 64'001;
constexpr JobId kJob{7};

class JobDirsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::geteuid(), 0U) << "needs root: make test asks sudo"; }

  Result<void> make(JobId job = kJob) { return make_job_dir(settings_, "ann", kAnn, kAnn, job); }
  [[nodiscard]] bool is_there(JobId job = kJob) const {
    return ::access(job_dir_path(settings_, "ann", job).c_str(), F_OK) == 0;
  }
  JobDirSweep sweep(const std::set<JobId>& living, Seconds later = 0s) {
    Result<JobDirSweep> swept =
        sweep_job_dirs(settings_, living, SystemClock().now() + Milliseconds(1000) + later);
    EXPECT_TRUE(swept.ok()) << swept.error().text;
    return *swept;
  }
  void write(JobId job, size_t bytes) {
    const std::string path = job_dir_path(settings_, "ann", job) + "/data";
    ASSERT_TRUE(replace_file(path, std::string(bytes, 'x'), 0600).ok());
  }

  const test::TempDir dir_;
  JobDirSettings settings_{.root = dir_ / "jobs", .keep = 3600s, .quota_mib = 2};
};

TEST_F(JobDirsTest, OneIsItsUsersAndTheFolderAboveIsNot) {
  ASSERT_TRUE(make().ok());
  ASSERT_TRUE(make().ok());  // again: the same
  struct stat about {};
  ASSERT_EQ(::stat(job_dir_path(settings_, "ann", kJob).c_str(), &about), 0);
  EXPECT_EQ(about.st_uid, kAnn);
  EXPECT_EQ(about.st_mode & 07777, 0700U);
  ASSERT_EQ(::stat((settings_.root + "/ann").c_str(), &about), 0);
  EXPECT_EQ(about.st_uid, 0U);
  EXPECT_EQ(about.st_mode & 07777, 0755U);
}

TEST_F(JobDirsTest, ItIsKeptFromTheEndOfItsJob) {
  ASSERT_TRUE(make().ok());
  write(kJob, 10);
  EXPECT_EQ(sweep({kJob}, 7200s).removed, 0U);
  EXPECT_EQ(sweep({}).ended, 1U);
  EXPECT_EQ(sweep({}).ended, 0U);
  EXPECT_TRUE(is_there());
  EXPECT_EQ(sweep({}, 3500s).removed, 0U);
  EXPECT_EQ(sweep({}, 3601s).removed, 1U);
  EXPECT_FALSE(is_there());
}

TEST_F(JobDirsTest, AJobThatRunsAgainKeepsItLonger) {
  ASSERT_TRUE(make().ok());
  (void)sweep({});
  ASSERT_TRUE(make().ok());  // requeued: the mark is gone
  EXPECT_EQ(sweep({}, 7200s).removed, 0U);
  EXPECT_TRUE(is_there());
  (void)sweep({kJob});  // and so it is while it lives
  EXPECT_EQ(sweep({}, 7200s).removed, 0U);
}

TEST_F(JobDirsTest, TheQuotaCountsForNewOnes) {
  ASSERT_TRUE(make().ok());
  write(kJob, (size_t{2} << 20) - 65536);
  (void)sweep({});
  EXPECT_TRUE(make(JobId{8}).ok());
  write(kJob, size_t{2} << 20);
  (void)sweep({});
  const Result<void> refused = make(JobId{9});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::denied);
  EXPECT_NE(refused.error().text.find("take 2 MiB of 2 MiB"), std::string::npos);
  EXPECT_TRUE(make(kJob).ok());  // what is there may be used
  settings_.quota_mib = 0;
  EXPECT_TRUE(make(JobId{9}).ok());
}

TEST_F(JobDirsTest, LinksInItLeadNobodyOut) {
  ASSERT_TRUE(make().ok());
  ASSERT_TRUE(replace_file(dir_ / "precious", "kept", 0600).ok());
  ASSERT_TRUE(make_directories(dir_ / "folder", 0700).ok());
  ASSERT_TRUE(replace_file(dir_ / "folder/inner", "kept", 0600).ok());
  const std::string own = job_dir_path(settings_, "ann", kJob);
  ASSERT_EQ(::symlink((dir_ / "precious").c_str(), (own + "/file").c_str()), 0);
  ASSERT_EQ(::symlink((dir_ / "folder").c_str(), (own + "/folder").c_str()), 0);
  (void)sweep({});
  EXPECT_EQ(sweep({}, 7200s).removed, 1U);
  EXPECT_EQ(*read_file(dir_ / "precious"), "kept");
  EXPECT_EQ(*read_file(dir_ / "folder/inner"), "kept");
}

TEST_F(JobDirsTest, ANameThatIsNoFoldersIsRefused) {
  for (const char* user : {"", ".ended", "a/b"}) {
    EXPECT_EQ(make_job_dir(settings_, user, kAnn, kAnn, kJob).error().code, ErrorCode::invalid);
  }
  EXPECT_EQ(sweep_job_dirs({}, {}, TimePoint{})->removed, 0U);
}

}  // namespace
}  // namespace gd::agent
