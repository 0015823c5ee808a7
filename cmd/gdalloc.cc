// gdalloc - hold nodes while a command runs here, which starts steps on them.
#include "cmd/gdalloc.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/hostlist.h"
#include "base/poller.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/job_query.h"
#include "cmd/job_wait.h"
#include "cmd/slurm_text.h"
#include "cmd/submit.h"
#include "proto/task_layout.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{
    .name = "gdalloc",
    .slurm_name = "salloc",
    .summary = "Hold nodes while a command runs here, which starts steps on them with gdrun",
    .arguments = "[COMMAND [ARGUMENT]...]",
    .examples =
        "gdalloc -N 2 -n 8 -t 1:00:00       # a shell; gdrun in it runs on the nodes\n"
        "gdalloc -n 4 mpirun ./solve\n"
        "gdalloc --no-shell -N 1            # only held; gdrun --jobid=JOB, then gdkill JOB\n",
    .rest = RestMode::stop_at_first,
    .completes = Completes::command,
    .slurm_usage_code = 255};

constexpr Milliseconds kTick = 500ms;

std::string number(uint64_t value) {
  return std::to_string(value);
}

Result<JobRecord> fetch(Client& controller, JobId id) {
  JobQuery query;
  query.filter.jobs = {id};
  std::vector<JobView> found = TRY(fetch_jobs(controller, query));
  if (found.empty()) {
    return Error{ErrorCode::not_found, "job " + number(id.value) + " has gone"};
  }
  return std::move(found[0].job);
}

Result<void> finish(Client& controller, JobId job, int code) {
  const JobControlRequest request{.request = new_request_id(),
                                  .action = JobAction::finish,
                                  .jobs = {job},
                                  .elements = {},
                                  .exit_code = code};
  const JobsReply reply = TRY(controller.ask<JobsReply>(request));
  if (!reply.refused.empty()) return Error{reply.refused[0].code, reply.refused[0].text};
  return {};
}

volatile sig_atomic_t stop_signal = 0;

// Waits until the allocation is there or has ended. A signal takes the request back.
class Waiting {
 public:
  Waiting(JobId job, Client& controller, Context& context, bool quiet)
      : job_(job), controller_(controller), context_(context), quiet_(quiet) {
    struct sigaction action {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    for (size_t i = 0; i < kSignals.size(); ++i) (void)::sigaction(kSignals[i], &action, &old_[i]);
  }
  ~Waiting() {
    for (size_t i = 0; i < kSignals.size(); ++i) (void)::sigaction(kSignals[i], &old_[i], nullptr);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  Result<void> run() {
    while (true) {
      const uint64_t tag = controller_.new_tag();
      const WaitRequest request{.job = job_, .until = WaitUntil::ended};
      TRY(controller_.send(tag, request));
      const Deadline deadline = Deadline::after(kClientPing);
      while (!deadline.passed()) {
        if (stop_signal != 0) return take_back();
        const auto news =
            TRY(controller_.receive(std::min<Milliseconds>(deadline.remaining(), kTick)));
        if (!news) continue;
        if (TRY(is_there(*news, tag))) return {};
      }
    }
  }

 private:
  static constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

  Result<bool> is_there(const Tagged& news, uint64_t tag) {
    if (const auto* no = std::get_if<ErrorReply>(&news.message); no != nullptr && news.tag == tag) {
      return Error{no->code, no->text};
    }
    const auto* notice = std::get_if<JobNotice>(&news.message);
    if (notice == nullptr || notice->job != job_) return false;
    if (notice->state == JobState::running) {
      if (told_) say("job " + number(job_.value) + " has been allocated resources");
      return true;
    }
    if (ended(notice->state)) {
      return Error{ErrorCode::conflict,
                   "Job allocation " + number(job_.value) +
                       " has been revoked: " + to_lower(long_name(notice->state))};
    }
    const bool waits = notice->state == JobState::pending && notice->reason != Reason::none;
    if (waits && !told_) {
      told_ = true;
      say("Pending job allocation " + number(job_.value));
      say("job " + number(job_.value) + " queued and waiting for resources");
    }
    return false;
  }

  Result<void> take_back() {
    TRY(finish(controller_, job_, 1));
    return Error{ErrorCode::conflict,
                 "Job allocation " + number(job_.value) + " has been revoked."};
  }

  void say(std::string_view text) {
    if (!quiet_) context_.warn(text);
  }

  JobId job_;
  Client& controller_;
  Context& context_;
  bool quiet_;
  bool told_ = false;
  std::array<struct sigaction, 3> old_{};
};

// The command, and beside it a look at the allocation: if that ends, the command hears of it.
class Holding {
 public:
  Holding(JobId job, Client& controller, Context& context)
      : job_(job), controller_(controller), context_(context) {}

  Result<int> run(const std::vector<std::string>& argv, std::vector<std::string> environment) {
    poller_ = TRY(Poller::create());
    // The keyboard's signals are for the command, which is in the same foreground group.
    TRY(poller_->handle_signals({SIGINT, SIGQUIT, SIGTERM, SIGHUP},
                                [this](int signal) { on_signal(signal); }));
    std::vector<std::string> found = argv;
    if (argv[0].find('/') == std::string::npos) {
      found[0] = TRY(find_program(argv[0], get_env("PATH").value_or("/usr/bin:/bin")));
    }
    SpawnOptions options;
    options.env = std::move(environment);
    options.fds = {{0, 0}, {1, 1}, {2, 2}};
    child_.emplace(TRY(spawn(found, options)));
    TRY(poller_->add(child_->fd(), EPOLLIN, [this](uint32_t) { on_exit(); }));
    watch();
    while (!code_) {
      std::array<WaitItem, 2> items{WaitItem(controller_.socket()), WaitItem(poller_->fd())};
      (void)wait(items, kTick);
      TRY(poller_->run_once(Milliseconds{0}));
      TRY(read_notices());
      if (boot_time() - asked_at_ >= kClientPing) watch();
    }
    return *code_;
  }
  [[nodiscard]] bool revoked() const { return revoked_; }

 private:
  void watch() {
    if (tag_ == 0) tag_ = controller_.new_tag();
    (void)controller_.send(tag_, WaitRequest{.job = job_, .until = WaitUntil::ended}).ok();
    asked_at_ = boot_time();
  }

  Result<void> read_notices() {
    while (const auto news = TRY(controller_.receive(Milliseconds{0}))) {
      const auto* notice = std::get_if<JobNotice>(&news->message);
      if (notice == nullptr || notice->job != job_ || revoked_) continue;
      if (!ended(notice->state) && notice->state != JobState::completing) continue;
      revoked_ = true;
      context_.warn("Job allocation " + number(job_.value) + " has been revoked.");
      (void)child_->send_signal(SIGHUP).ok();
      (void)child_->send_signal(SIGCONT).ok();
    }
    return {};
  }

  void on_signal(int signal) {
    if (signal == SIGTERM || signal == SIGHUP) (void)child_->send_signal(signal).ok();
  }

  void on_exit() {
    const Result<WaitStatus> status = child_->wait();
    poller_->remove(child_->fd());
    code_ = status.ok() ? shell_code({.code = status->exit_code, .signal = status->signal}) : 1;
  }

  JobId job_;
  Client& controller_;
  Context& context_;
  std::unique_ptr<Poller> poller_;
  std::optional<Pidfd> child_;
  std::optional<int> code_;
  bool revoked_ = false;
  uint64_t tag_ = 0;
  Milliseconds asked_at_{};
};

std::vector<std::string> command_or_shell(const AllocOptions& options) {
  if (!options.command.empty()) return options.command;
  const std::optional<std::string> shell = get_env("SHELL");
  return {shell && !shell->empty() ? *shell : "/bin/sh"};
}

Result<int> run(const AllocOptions& options, Context& context) {
  TRY(check_clusters(options.job.clusters, context));
  if (options.no_shell && !options.command.empty()) {
    return Error{ErrorCode::usage, "--no-shell runs no command, so it takes none"};
  }
  const Surroundings around = surroundings();
  SubmitRequest request{.request = new_request_id(), .spec = TRY(finish_spec(options.job, around))};
  const std::vector<std::string> command = command_or_shell(options);
  request.spec.kind = JobKind::allocation;
  request.spec.command = options.no_shell ? "" : command[0];
  if (request.spec.name.empty()) {
    request.spec.name =
        options.command.empty() ? "interactive" : command[0].substr(command[0].rfind('/') + 1);
  }
  Client* controller = TRY(context.controller());
  const Result<SubmitReply> reply = controller->ask<SubmitReply>(request);
  if (!reply.ok()) {
    if (!context.slurm()) return reply.error();
    return Error{reply.error().code, "Job submit/allocate failed: " + slurm_reason(reply.error())};
  }
  for (const std::string& warning : reply->warnings) context.warn("warning: " + warning);
  const JobId id = reply->job;
  TRY(Waiting(id, *controller, context, options.quiet).run());
  const JobRecord job = TRY(fetch(*controller, id));
  if (!options.quiet) context.warn("Granted job allocation " + number(id.value));
  if (options.no_shell) return kExitDone;

  Holding holding(id, *controller, context);
  const Result<int> code =
      holding.run(command, allocation_environment(job, controller->cluster(), around.environment));
  if (!holding.revoked()) {
    if (!options.quiet) context.warn("Relinquishing job allocation " + number(id.value));
    TRY(finish(*controller, id, code.ok() ? *code : 1));
  }
  if (!code.ok()) return code.error();
  return holding.revoked() ? std::max(*code, 1) : *code;
}

void define(Cli& cli, AllocOptions& options) {
  define_job_options(cli, options.job, JobOptionSet::interactive);
  cli.group("Allocation");
  cli.flag("--no-shell", "Run nothing; the allocation stays until it is cancelled",
           options.no_shell);
  cli.flag("-Q,--quiet", "No messages of one's own", options.quiet);
  cli.refuse("-m,--distribution -I,--immediate -K,--kill-command --bell --no-bell -W,--wait");
  cli.rest(options.command);
}

int start(const Invocation& call) {
  return start_command<AllocOptions, define, run>(kInfo, call);
}

}  // namespace

std::vector<std::string> allocation_environment(const JobRecord& job, const std::string& cluster,
                                                std::vector<std::string> environment) {
  const JobSpec& spec = *job.spec;
  std::vector<std::string> names;
  std::vector<uint32_t> cpus;
  for (const NodeShare& share : job.nodes) {
    names.push_back(share.node);
    cpus.push_back(share.held.cpus);
  }
  const std::string nodes = fold_hostlist(names);
  const std::string id = number(job.id.value);
  std::vector<std::pair<std::string, std::string>> all = {
      {"SLURM_JOB_ID", id},
      {"SLURM_JOBID", id},
      {"GD_JOB_ID", id},
      {"SLURM_JOB_NAME", spec.name},
      {"SLURM_JOB_PARTITION", job.partition},
      {"SLURM_JOB_NODELIST", nodes},
      {"SLURM_NODELIST", nodes},
      {"SLURM_JOB_NUM_NODES", number(names.size())},
      {"SLURM_NNODES", number(names.size())},
      {"SLURM_JOB_CPUS_PER_NODE", run_lengths(cpus)},
      {"SLURM_TASKS_PER_NODE", run_lengths(tasks_per_node(spec, cpus))},
      {"SLURM_CLUSTER_NAME", cluster},
      {"SLURM_SUBMIT_DIR", spec.submit_dir},
      {"SLURM_SUBMIT_HOST", spec.submit_host}};
  if (!spec.account.empty()) all.emplace_back("SLURM_JOB_ACCOUNT", spec.account);
  if (!spec.qos.empty()) all.emplace_back("SLURM_JOB_QOS", spec.qos);
  if (spec.tasks || spec.tasks_per_node) {
    uint64_t tasks = 0;
    for (const uint32_t here : tasks_per_node(spec, cpus)) tasks += here;
    all.emplace_back("SLURM_NTASKS", number(tasks));
    all.emplace_back("SLURM_NPROCS", number(tasks));
  }
  if (spec.tasks_per_node) {
    all.emplace_back("SLURM_NTASKS_PER_NODE", number(*spec.tasks_per_node));
  }
  if (spec.cpus_per_task) all.emplace_back("SLURM_CPUS_PER_TASK", number(*spec.cpus_per_task));
  if (spec.memory_per_cpu_mib) {
    all.emplace_back("SLURM_MEM_PER_CPU", number(*spec.memory_per_cpu_mib));
  } else if (spec.memory_per_node_mib) {
    all.emplace_back("SLURM_MEM_PER_NODE", number(*spec.memory_per_node_mib));
  }
  std::erase_if(environment, [&](const std::string& entry) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    return std::ranges::any_of(all, [&](const auto& mine) { return mine.first == name; });
  });
  for (const auto& [name, value] : all) environment.push_back(name + "=" + value);
  return environment;
}

const Command kGdalloc{&kInfo, start};

}  // namespace gd::cmd
