// What the tests of real containers share: a user that need not exist, her home, groups of
// the tests' own, images, and a program's output and end.
//
// They need root and a kernel that lets them; without root they fail and say so, unless
// GD_TESTS_UNPRIVILEGED=1, which skips them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/container/cgroup.h"
#include "server/container/engine.h"
#include "tests/support/temp_dir.h"

namespace gd::container {

constexpr uid_t kUser = 64'001;
constexpr uid_t kOtherUser = 64'002;
constexpr uint32_t kRangeStart = 1'900'000'000;
constexpr int kWaitMs = 20'000;  // far more than anything here takes

struct Outcome {
  std::string error;   // of launch() or join(); empty if the program ran
  std::string output;  // stdout and stderr
  ExitReport report;
  std::vector<std::string> notes;
  [[nodiscard]] bool exited(int code) const;
  [[nodiscard]] bool killed_by(int signal) const;
};

class ContainerTest : public ::testing::Test {
 protected:
  void SetUp() override;

  // A plan for kUser with her home bound, running `script` by the host's /bin/sh.
  LaunchPlan shell_plan(const std::string& script);
  LaunchPlan plan_of(std::vector<std::string> argv);
  // The same in an image folder that holds only the test's helper, as /helper.
  LaunchPlan helper_plan(std::vector<std::string> argv);

  // Runs to the end; everything the program wrote is in the outcome.
  Outcome run(LaunchPlan plan);
  static Outcome collect(Result<Process> process, const UniqueFd& output);

  [[nodiscard]] const std::string& home() const { return home_; }
  [[nodiscard]] const std::string& image() const { return image_; }

 private:
  test::TempDir folder_;
  std::string home_;
  std::string image_;
};

// What makes the containers: ours, or the runtime that GD_CONTAINER_ENGINE names (with gdinit at
// GD_INIT). The same tests hold for all.
const Engine& engine();
bool by_runtime();  // crun or runc

// Text of a pipe until all writers have closed it.
std::string drain(const UniqueFd& read_end);
std::string helper_path();
// A tree of groups for one test; removed, with all groups in it, at the end.
class TestTree {
 public:
  TestTree();
  ~TestTree();
  Tree& operator*() { return tree_; }
  Tree* operator->() { return &tree_; }

 private:
  std::string root_;
  Tree tree_;
};

}  // namespace gd::container
