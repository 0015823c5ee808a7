// Times container launches: N of `true`-like programs, one after another or by W workers.
//
//   launch_bench [-n LAUNCHES] [-w WORKERS] [-i IMAGE_DIRECTORY] [-e ENGINE] [-f] [-g] COMMAND...
//
//   -i  image folder instead of the host image     -f  with the default seccomp filter
//   -g  with a control group each (made and removed)
//   -e  crun or runc instead of our own engine; GD_INIT names gdinit then
//
// Prints the median of one launch, start to reaped, and launches a second over all
// workers. REQUIRES: root. The user is uid 65432 with a subordinate range far away.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "base/text.h"
#include "server/container/cgroup.h"
#include "server/container/engine.h"
#include "server/container/idmap.h"
#include "server/container/seccomp.h"

namespace {

using Clock = std::chrono::steady_clock;
using gd::container::Cgroup, gd::container::ExitReport, gd::container::IdMaps,
    gd::container::ImageKind, gd::container::LaunchPlan, gd::container::Process,
    gd::container::SeccompProfile, gd::container::Tree;

struct Options {
  int launches = 300;
  int workers = 1;
  std::string image;
  std::unique_ptr<gd::container::Engine> engine = std::make_unique<gd::container::NativeEngine>();
  enum class Use : uint8_t { no, yes } filter = Use::no, groups = Use::no;
  std::vector<std::string> command;
};

LaunchPlan plan_for(const Options& options) {
  LaunchPlan plan;
  plan.identity = {.uid = 65432,
                   .gid = 65432,
                   .groups = {},
                   .user = "bench",
                   .group = "bench",
                   .home = "/",
                   .shell = "/bin/sh"};
  plan.subordinate = {1'000'000'000, gd::container::kMinSubordinateIds};
  if (!options.image.empty()) plan.image = {ImageKind::directory, options.image};
  plan.process.argv = options.command;
  plan.process.env = {"PATH=/usr/bin:/bin"};
  return plan;
}

gd::Result<double> one_launch(const gd::container::Engine& engine, LaunchPlan& plan, Tree* tree,
                              int number) {
  const auto start = Clock::now();
  std::optional<Cgroup> group;
  if (tree != nullptr) {
    group = TRY(tree->create("bench_" + std::to_string(::getpid()) + "." + std::to_string(number)));
    plan.cgroup = TRY(group->attach_points());
  }
  Process process = TRY(engine.launch(plan));
  const ExitReport report = TRY(process.wait());
  if (report.kind != ExitReport::Kind::exited || report.wait_status != 0) {
    return gd::Error{gd::ErrorCode::internal,
                     "program ended with " + std::to_string(report.wait_status)};
  }
  if (group) TRY(group->destroy(5000));
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

gd::Result<std::vector<double>> run(const Options& options) {
  LaunchPlan plan = plan_for(options);
  std::optional<Tree> tree;
  if (options.groups == Options::Use::yes) tree = TRY(Tree::discover("gd_bench"));
  if (options.filter == Options::Use::yes) {
    plan.process.seccomp = TRY(build_seccomp(SeccompProfile::standard));
  }
  const IdMaps maps = TRY(compute_maps(plan.identity, plan.subordinate, plan.root_mode));
  const gd::UniqueFd userns = TRY(make_user_namespace(maps));
  plan.userns_fd = userns.get();
  std::vector<double> times;
  for (int i = 0; i < options.launches; ++i) {
    times.push_back(TRY(one_launch(*options.engine, plan, tree ? &*tree : nullptr, i)));
  }
  return times;
}

int work(const Options& options) {
  gd::Result<std::vector<double>> times = run(options);
  if (!times.ok()) {
    std::fprintf(stderr, "launch_bench: %s\n", times.error().text.c_str());
    return 1;
  }
  std::sort(times->begin(), times->end());
  const auto at = [&times](double part) {
    return (*times)[static_cast<size_t>(part * static_cast<double>(times->size() - 1))];
  };
  std::printf("worker: median %.2f ms, p10 %.2f, p90 %.2f\n", at(0.5), at(0.1), at(0.9));
  return 0;
}

int number(const char* text) {
  const gd::Result<int> value = gd::parse_number<int>(text);
  if (value.ok() && *value > 0) return *value;
  std::fprintf(stderr, "launch_bench: '%s' is no positive number\n", text);
  std::exit(2);
}

std::unique_ptr<gd::container::Engine> runtime(const std::string& name) {
  const gd::Result<std::string> path = gd::find_program(name, "/usr/sbin:/usr/bin:/sbin:/bin");
  const std::optional<std::string> init = gd::get_env("GD_INIT");
  if (!path.ok() || !init) {
    std::fprintf(stderr, "launch_bench: no %s, or GD_INIT is not set\n", name.c_str());
    std::exit(2);
  }
  const auto kind =
      name == "runc" ? gd::container::RuntimeKind::runc : gd::container::RuntimeKind::crun;
  return std::make_unique<gd::container::OciEngine>(
      gd::container::OciPrograms{.kind = kind, .runtime = *path, .init = *init});
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int option = 0; (option = ::getopt(argc, argv, "+n:w:i:e:fg")) != -1;) {
    switch (option) {
      case 'n': options.launches = number(optarg); break;
      case 'w': options.workers = number(optarg); break;
      case 'i': options.image = optarg; break;
      case 'e': options.engine = runtime(optarg); break;
      case 'f': options.filter = Options::Use::yes; break;
      case 'g': options.groups = Options::Use::yes; break;
      default: return 2;
    }
  }
  options.command.assign(argv + optind, argv + argc);
  if (options.command.empty()) options.command = {"true"};
  const auto start = Clock::now();
  for (int i = 0; i < options.workers; ++i) {
    if (::fork() == 0) {
      const int status = work(options);
      std::fflush(stdout);
      ::_exit(status);
    }
  }
  int failed = 0;
  for (int status = 0; ::wait(&status) > 0;) failed += status != 0 ? 1 : 0;
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("%d workers: %.0f launches/s\n", options.workers,
              options.launches * options.workers / seconds);
  return failed;
}
