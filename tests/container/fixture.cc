// Homes, images and pipes of the container tests.
#include "tests/container/fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/check.h"
#include "base/process.h"
#include "server/container/seccomp.h"

namespace gd::container {
namespace {

const std::string& standard_filter() {
  static const std::string program = [] {
    Result<std::string> built = build_seccomp(SeccompProfile::standard);
    GD_CHECK(built.ok(), built.error().text);
    return std::move(built).take();
  }();
  return program;
}

std::string environment_or(const char* name, const char* otherwise) {
  const char* value = ::secure_getenv(name);
  return value == nullptr ? otherwise : value;
}

void copy_program(const std::string& from, const std::string& to) {
  const Result<Bytes> bytes = read_file(from);
  GD_CHECK(bytes.ok(), bytes.error().text);
  GD_CHECK(replace_file(to, *bytes, 0755).ok(), to);
}

}  // namespace

bool Outcome::exited(int code) const {
  return error.empty() && report.kind == ExitReport::Kind::exited &&
         WIFEXITED(report.wait_status) && WEXITSTATUS(report.wait_status) == code;
}

bool Outcome::killed_by(int signal) const {
  return error.empty() && report.kind == ExitReport::Kind::exited &&
         WIFSIGNALED(report.wait_status) && WTERMSIG(report.wait_status) == signal;
}

void ContainerTest::SetUp() {
  if (::geteuid() != 0) {
    const char* allowed = ::secure_getenv("GD_TESTS_UNPRIVILEGED");
    if (allowed != nullptr && std::string(allowed) == "1") GTEST_SKIP() << "needs root";
    FAIL() << "container tests need root; set GD_TESTS_UNPRIVILEGED=1 to leave them out";
  }
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  home_ = folder_ / "home";
  image_ = folder_ / "image";
  ASSERT_TRUE(make_directories(home_, 0755).ok());
  ASSERT_EQ(::chown(home_.c_str(), kUser, kUser), 0);
  ASSERT_EQ(::chmod(home_.c_str(), 0700), 0);
  ASSERT_TRUE(make_directories(image_, 0755).ok());
  copy_program(helper_path(), image_ + "/helper");
}

LaunchPlan ContainerTest::plan_of(std::vector<std::string> argv) {
  LaunchPlan plan;
  plan.identity = {.uid = kUser,
                   .gid = kUser,
                   .groups = {{64'050, "lab"}},
                   .user = "tester",
                   .group = "tester",
                   .home = "/home/tester",
                   .shell = "/bin/sh"};
  plan.subordinate = {kRangeStart, kMinSubordinateIds};
  MountSpec home;
  home.source = home_;
  home.target = "/home/tester";
  plan.mounts = {home};
  plan.process.argv = std::move(argv);
  plan.process.env = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/home/tester", "LC_ALL=C"};
  plan.process.cwd = "/home/tester";
  plan.process.seccomp = standard_filter();
  return plan;
}

LaunchPlan ContainerTest::shell_plan(const std::string& script) {
  return plan_of({"/bin/sh", "-c", script});
}

LaunchPlan ContainerTest::helper_plan(std::vector<std::string> argv) {
  argv.insert(argv.begin(), "/helper");
  LaunchPlan plan = plan_of(std::move(argv));
  plan.image = {ImageKind::directory, image_};
  return plan;
}

Outcome ContainerTest::collect(Result<Process> process, const UniqueFd& output) {
  Outcome outcome;
  if (!process.ok()) {
    outcome.error = process.error().text;
    return outcome;
  }
  outcome.output = drain(output);
  Result<ExitReport> report = process->wait(kWaitMs);
  if (report.ok()) {
    outcome.report = *report;
  } else {
    outcome.error = report.error().text;
  }
  outcome.notes = process->receipt().notes;
  return outcome;
}

Outcome ContainerTest::run(LaunchPlan plan) {
  Result<Pipe> pipe = make_pipe();
  GD_CHECK(pipe.ok(), pipe.error().text);
  plan.process.stdio.out = pipe->write.get();
  plan.process.stdio.err = pipe->write.get();
  Result<Process> process = engine().launch(plan);
  pipe->write.reset();
  return collect(std::move(process), pipe->read);
}

std::string drain(const UniqueFd& read_end) {
  Result<Bytes> text = read_all(read_end.get(), "output");
  return text.ok() ? std::move(text).take() : std::string();
}

std::string helper_path() {
  const char* path = ::secure_getenv("GD_CONTAINER_HELPER");
  GD_CHECK(path != nullptr && *path != '\0', "set GD_CONTAINER_HELPER; meson test does");
  return path;
}

const Engine& engine() {
  static const std::unique_ptr<Engine> chosen = []() -> std::unique_ptr<Engine> {
    const std::string name = environment_or("GD_CONTAINER_ENGINE", "native");
    if (name == "native") return std::make_unique<NativeEngine>();
    GD_CHECK(name == "crun" || name == "runc", name);
    const Result<std::string> runtime = find_program(name, "/usr/sbin:/usr/bin:/sbin:/bin");
    GD_CHECK(runtime.ok(), runtime.error().text);
    return std::make_unique<OciEngine>(
        OciPrograms{.kind = name == "crun" ? RuntimeKind::crun : RuntimeKind::runc,
                    .runtime = *runtime,
                    .init = environment_or("GD_INIT", "")});
  }();
  return *chosen;
}

bool by_runtime() {
  return environment_or("GD_CONTAINER_ENGINE", "native") != "native";
}

TestTree::TestTree()
    : root_("gd_test_" + std::to_string(::getpid())), tree_([this] {
        Result<Tree> found = Tree::discover(root_);
        GD_CHECK(found.ok(), found.error().text);
        return std::move(found).take();
      }()) {}

TestTree::~TestTree() {
  if (const Result<std::vector<std::string>> names = tree_.list(); names.ok()) {
    for (const std::string& name : *names) {
      if (Result<Cgroup> group = tree_.open_any(name); group.ok()) {
        (void)group->destroy(kWaitMs).ok();
      }
    }
  }
  if (!tree_.base().unified.empty()) ::rmdir(tree_.base().unified.c_str());
  for (const auto& [controller, path] : tree_.base().v1) ::rmdir(path.c_str());
}

}  // namespace gd::container
