// Attempts to get out, or at others. Each was possible for the same user without the wall.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <sstream>

#include "server/container/user_file.h"
#include "tests/container/fixture.h"

namespace gd::container {
namespace {

using IsolationTest = ContainerTest;

std::map<std::string, std::string> answers(const std::string& output) {
  std::map<std::string, std::string> result;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) result[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return result;
}

const std::map<std::string, std::string> kExpected = {
    {"mount", "Operation not permitted"},        {"umount", "Operation not permitted"},
    {"unshare-user", "Operation not permitted"}, {"clone-user", "Operation not permitted"},
    {"clone3", std::strerror(ENOSYS)},           {"keyctl", "Operation not permitted"},
    {"add_key", "Operation not permitted"},      {"bpf", "Operation not permitted"},
    {"chroot", "Operation not permitted"},       {"sethostname", "Operation not permitted"},
    {"mknod", "Operation not permitted"},        {"ptrace-1", "Operation not permitted"},
    {"read-memory-1", "Permission denied"},      {"read-fds-1", "Permission denied"},
    {"vsock", "Operation not permitted"},        {"terminal-input", "Operation not permitted"},
};

TEST_F(IsolationTest, ForbiddenCallsAreRefused) {
  const Outcome outcome = run(helper_plan({"try", "all"}));
  EXPECT_TRUE(outcome.exited(0)) << outcome.error;
  std::map<std::string, std::string> got = answers(outcome.output);
  EXPECT_EQ(got["setuid"], "Operation not permitted");
  EXPECT_EQ(got["kill-1"], "worked");  // delivered and ignored: the container lived on
  for (const auto& [name, answer] : kExpected) EXPECT_EQ(got[name], answer) << name;
}

// Without the filter the namespaces and the lost capabilities must hold by themselves. A
// user namespace is then to be had, as for any user; mounts of ours are still not hers.
TEST_F(IsolationTest, TheWallStandsWithoutTheFilterAndWithRootInside) {
  for (const char* name :
       {"mount", "umount", "sethostname", "mknod", "ptrace-1", "read-memory-1"}) {
    LaunchPlan plan = helper_plan({"try", name});
    plan.process.seccomp.clear();
    plan.root_mode = RootMode::root_inside;
    plan.process.keep_capabilities = {"cap_chown", "cap_sys_admin", "cap_mknod", "cap_sys_ptrace",
                                      "cap_dac_override"};
    const Outcome outcome = run(plan);
    if (by_runtime()) {  // its namespaces would belong to the container: not given at all
      EXPECT_NE(outcome.error.find("cap_sys_admin cannot be kept"), std::string::npos);
      plan.process.keep_capabilities = {"cap_chown", "cap_mknod", "cap_dac_override"};
      EXPECT_EQ(run(plan).output, std::string(name) + ": " + kExpected.at(name) + "\n");
    } else {
      EXPECT_EQ(outcome.output, std::string(name) + ": " + kExpected.at(name) + "\n");
    }
  }
}

TEST_F(IsolationTest, KernelFilesAreNotWritable) {
  for (const char* path :
       {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches",
        "/sys/power/state", "/proc/sys/kernel/hostname"}) {
    for (const RootMode mode : {RootMode::as_user, RootMode::root_inside}) {
      LaunchPlan plan = helper_plan({"write", path});
      plan.root_mode = mode;
      const std::string output = run(plan).output;
      EXPECT_EQ(output.find("worked"), std::string::npos) << output;
    }
  }
}

TEST_F(IsolationTest, MaskedFilesShowNothing) {
  const std::string mounts = run(helper_plan({"read", "/proc/self/mounts"})).output;
  EXPECT_NE(mounts.find("proc /proc/sys proc ro,"), std::string::npos) << mounts;
  EXPECT_EQ(run(helper_plan({"read", "/proc/keys"})).output, "");
  EXPECT_EQ(run(helper_plan({"read", "/proc/timer_list"})).output, "");
  EXPECT_EQ(run(shell_plan("ls -A /sys/firmware")).output, "");
}

TEST_F(IsolationTest, ASetuidProgramHasNoEffect) {
  const std::string program = image() + "/setuid";
  const Result<Bytes> bytes = read_file(image() + "/helper");
  ASSERT_TRUE(replace_file(program, *bytes, 0755).ok());
  ASSERT_EQ(::chown(program.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(program.c_str(), 06755), 0);
  LaunchPlan plan = helper_plan({});
  plan.process.argv = {"/setuid", "read", "/proc/self/status"};
  const std::string status = run(plan).output;
  EXPECT_NE(status.find("Uid:\t64001\t64001\t64001\t64001"), std::string::npos) << status;
  // The same one step removed: in her own home, owned by the node's root.
  const std::string mine = home() + "/setuid";
  ASSERT_TRUE(replace_file(mine, *bytes, 0755).ok());
  ASSERT_EQ(::chmod(mine.c_str(), 06755), 0);
  plan.process.argv = {"/home/tester/setuid", "read", "/proc/self/status"};
  EXPECT_NE(run(plan).output.find("Uid:\t64001\t64001\t64001\t64001"), std::string::npos);
}

TEST_F(IsolationTest, DeviceNodesOfAnImageAndAHomeAreDead) {
  for (const std::string& folder : {image(), home()}) {
    ASSERT_EQ(::mknod((folder + "/mem").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
    ASSERT_EQ(::chmod((folder + "/mem").c_str(), 0666), 0);
  }
  EXPECT_EQ(run(helper_plan({"read", "/mem"})).output, "/mem: Permission denied\n");
  EXPECT_EQ(run(helper_plan({"read", "/home/tester/mem"})).output,
            "/home/tester/mem: Permission denied\n");
}

TEST_F(IsolationTest, AnotherContainerOfTheSameUserIsOutOfReach) {
  LaunchPlan plan = helper_plan({"sleep"});
  Result<Process> victim = engine().launch(plan);
  ASSERT_TRUE(victim.ok()) << victim.error().text;
  const std::string pid = std::to_string(victim->pid());
  const Outcome outcome = run(shell_plan(
      "kill -0 " + pid + " && echo reached; kill -9 -1; ls -d /proc/" + pid + " && echo seen"));
  EXPECT_EQ(outcome.output.find("reached"), std::string::npos);
  EXPECT_EQ(outcome.output.find("seen"), std::string::npos);
  EXPECT_FALSE(victim->poll_exit()->has_value()) << "it was killed";
}

TEST_F(IsolationTest, AnotherUsersHomeIsClosed) {
  const Outcome outcome = [this] {
    LaunchPlan plan = shell_plan("cat /other/secret; ls /other; echo x > /other/new");
    EXPECT_TRUE(make_directories(image() + "/secrets", 0700).ok());
    EXPECT_EQ(::chown((image() + "/secrets").c_str(), kOtherUser, kOtherUser), 0);
    MountSpec mount;
    mount.source = image() + "/secrets";
    mount.target = "/other";
    plan.mounts.push_back(mount);
    return run(plan);
  }();
  EXPECT_NE(outcome.output.find("Permission denied"), std::string::npos);
  EXPECT_NE(::access((image() + "/secrets/new").c_str(), F_OK), 0);
}

TEST_F(IsolationTest, TheProgramGetsNoDescriptorButItsThree) {
  const UniqueFd leak(::open("/etc/shadow", O_RDONLY));  // not close-on-exec
  const Outcome outcome = run(shell_plan("ls /proc/self/fd | tr '\\n' ' '"));
  EXPECT_EQ(outcome.output, "0 1 2 3 ");  // 3 is ls' own
}

TEST_F(IsolationTest, FilesAreOpenedWithTheUsersRightsOnly) {
  const Identity user = plan_of({"x"}).identity;
  const std::string mine = home() + "/out";
  ASSERT_TRUE(open_as_user(mine, O_WRONLY | O_CREAT, 0644, user).ok());
  struct stat status {};
  ASSERT_EQ(::stat(mine.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kUser);
  EXPECT_FALSE(open_as_user("/etc/shadow", O_RDONLY, 0, user).ok());
  // A symlink as output file leads to what she could write herself, and no further.
  const test::TempDir roots;
  ASSERT_EQ(::chmod(roots.path().c_str(), 0755), 0);
  ASSERT_EQ(::symlink((roots / "file").c_str(), (home() + "/link").c_str()), 0);
  EXPECT_FALSE(open_as_user(home() + "/link", O_WRONLY | O_CREAT, 0644, user).ok());
  EXPECT_NE(::access((roots / "file").c_str(), F_OK), 0);
  ASSERT_EQ(::symlink(mine.c_str(), (home() + "/own").c_str()), 0);
  EXPECT_TRUE(open_as_user(home() + "/own", O_WRONLY, 0, user).ok());
  EXPECT_FALSE(open_as_user(home() + "/own", O_WRONLY, 0, user, Symlinks::refuse_last).ok());
  EXPECT_EQ(::geteuid(), 0U);
  EXPECT_EQ(::getegid(), 0U);
  EXPECT_TRUE(make_directories_as_user(home() + "/a/b/c", 0755, user).ok());
  EXPECT_FALSE(make_directories_as_user(roots / "folder/a", 0755, user).ok());
}

}  // namespace
}  // namespace gd::container
