#include "tests/unit/agent/shepherd_harness.h"

#include <poll.h>
#include <signal.h>

#include "base/check.h"
#include "server/container/cgroup.h"
#include "server/container/sweep.h"

namespace gd::agent::test {

void Line::send(const Message& message) {
  const Result<void> sent = channel_.send(message);
  GD_CHECK(sent.ok(), sent.error().text);
  while (channel_.wants_write()) {
    pollfd one{channel_.fd(), POLLOUT, 0};
    (void)::poll(&one, 1, 1000);
    if (!channel_.flush().ok()) return;
  }
}

std::optional<Message> Line::next(Milliseconds patience) {
  const Deadline deadline = Deadline::after(patience);
  for (;;) {
    Result<std::optional<Message>> message = channel_.next();
    GD_CHECK(message.ok(), message.error().text);
    if (*message) return std::move(**message);
    if (!channel_.open() || deadline.passed()) return std::nullopt;
    pollfd one{channel_.fd(), POLLIN, 0};
    (void)::poll(&one, 1, static_cast<int>(deadline.remaining().count()));
    const Result<bool> more = channel_.fill();
    if (!more.ok() || !*more) channel_.close();
  }
}

Shepherds::Shepherds() : user_(*look_up_user(kUser)) {
  static uint32_t number = 0;
  cgroup_ = "gd_test_" + std::to_string(::getpid()) + "_" + std::to_string(++number);
  GD_CHECK(::chmod(dir_.path().c_str(), 0711) == 0);
  GD_CHECK(make_directories(jobs(), 0700).ok());
  GD_CHECK(make_directories(work(), 0755).ok());
  GD_CHECK(::chown(work().c_str(), user_.uid, user_.gid) == 0);
  settings.node = "node1";
  settings.cgroup_root = cgroup_;
  settings.image_prefixes = {"/"};
  settings.mount_prefixes = {dir_.path()};
}

Shepherds::~Shepherds() {
  for (const auto& step : steps_) {
    (void)step->shepherd.send_signal(SIGKILL).ok();
    (void)step->shepherd.wait().ok();
  }
  destroy_groups();
}

void Shepherds::destroy_groups() {
  Result<container::Tree> tree = container::Tree::discover(cgroup_);
  if (!tree.ok()) return;
  const auto found = container::leftovers(*tree, [](const std::string&) { return false; });
  if (found.ok()) (void)container::sweep(*tree, *found, 10'000).ok();
  (void)::rmdir(tree->base().unified.c_str());
  for (const auto& [controller, path] : tree->base().v1) (void)::rmdir(path.c_str());
}

StepLaunch Shepherds::batch(const std::string& script) {
  StepLaunch launch;
  launch.job = JobId{next_job_++};
  launch.launch = LaunchNumber{launch.job.value};
  launch.step = kBatchStep;
  launch.uid = user_.uid;
  launch.gid = user_.gid;
  launch.user = user_.name;
  launch.spec.name = "test";
  launch.spec.chdir = work();
  launch.spec.output = "out";
  launch.nodes = {"node1"};
  launch.cpus_per_node = {1};
  launch.held = {.cpus = 1, .memory_mib = 256};
  launch.kill_wait = 1s;
  launch.script = script;
  return launch;
}

StepLaunch Shepherds::command(std::vector<std::string> argv) {
  StepLaunch launch = batch("");
  launch.step = kInteractiveStep;
  launch.spec.kind = JobKind::interactive;
  launch.argv = std::move(argv);
  launch.stream = true;
  return launch;
}

Shepherds::Step& Shepherds::start(const StepLaunch& launch) {
  const std::string settings_file = dir_ / "settings";
  GD_CHECK(replace_file(settings_file, render(settings), 0600).ok());
  Result<StepFolder> folder = StepFolder::create(jobs(), launch, "boot");
  GD_CHECK(folder.ok(), folder.error().text);
  SpawnOptions options;
  options.fds = {{2, 2}};
  options.group = ProcessGroup::own_session;
  Result<Pidfd> shepherd =
      spawn({GDSHEP_PROGRAM, "--settings", settings_file, folder->path()}, options);
  GD_CHECK(shepherd.ok(), shepherd.error().text);
  steps_.push_back(std::make_unique<Step>(Step{*folder, std::move(shepherd).take()}));
  return *steps_.back();
}

Line Shepherds::agent(const Step& step) {
  const Deadline deadline = Deadline::after(kPatience);
  for (;;) {
    Result<UniqueFd> fd = connect_at(step.folder.path(), kShepherdSocket);
    if (fd.ok()) {
      Line line{FrameChannel(std::move(fd).take())};
      line.send(ShepherdOrder{});
      return line;
    }
    // Not up yet: its end is the one thing to wait for, so look at that for a moment.
    GD_CHECK(!deadline.passed() && !step.shepherd.has_ended(), fd.error().text);
    pollfd one{step.shepherd.fd(), POLLIN, 0};
    (void)::poll(&one, 1, 2);
  }
}

Line Shepherds::client(const Step& step, StreamOpen open) {
  (void)agent(step);  // so that the socket is there
  Result<UniqueFd> fd = connect_at(step.folder.path(), kShepherdSocket);
  GD_CHECK(fd.ok(), fd.error().text);
  Line line{FrameChannel(std::move(fd).take())};
  line.send(std::move(open));
  return line;
}

StepStatus Shepherds::await(Line& line, StepPhase phase) {
  StepStatus last;
  while (const std::optional<ShepherdStatus> told = line.await<ShepherdStatus>()) {
    last = told->status;
    if (last.phase >= phase) return last;
  }
  GD_CHECK(false, "the shepherd left at phase", static_cast<int>(last.phase));
  return last;
}

StepStatus Shepherds::run(const StepLaunch& launch) {
  Step& step = start(launch);
  Line line = agent(step);
  return await(line, StepPhase::ended);
}

std::string Shepherds::output(const std::string& name) const {
  Result<Bytes> text = read_file(work() + "/" + name);
  return text.ok() ? std::move(text).take() : "(" + text.error().text + ")";
}

std::vector<std::string> Shepherds::groups() const {
  Result<container::Tree> tree = container::Tree::discover(cgroup_);
  GD_CHECK(tree.ok(), tree.error().text);
  Result<std::vector<std::string>> names = tree->list();
  GD_CHECK(names.ok(), names.error().text);
  return std::move(names).take();
}

std::vector<pid_t> Shepherds::processes() const {
  Result<container::Tree> tree = container::Tree::discover(cgroup_);
  GD_CHECK(tree.ok(), tree.error().text);
  std::vector<pid_t> pids;
  for (const std::string& name : groups()) {
    const Result<container::Cgroup> group = tree->open(name);
    if (!group.ok()) continue;
    const Result<std::vector<pid_t>> here = group->processes();
    if (here.ok()) pids.insert(pids.end(), here->begin(), here->end());
  }
  return pids;
}

}  // namespace gd::agent::test
