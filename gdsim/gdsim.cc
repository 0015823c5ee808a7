#include "gdsim/gdsim.h"

#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/duration.h"
#include "base/text.h"
#include "gdsim/expect.h"
#include "gdsim/metrics.h"
#include "gdsim/plot.h"
#include "gdsim/scenario.h"
#include "gdsim/trace_file.h"

namespace gd::sim {
namespace {

constexpr cmd::CommandInfo kInfo{
    .name = "gdsim",
    .slurm_name = "",
    .summary = "Replay a workload trace or a text scenario through the scheduler",
    .arguments = "FILE",
    .examples =
        "gdsim month.swf.gz                     # waits and slowdowns under the defaults\n"
        "gdsim --order=fcfs -N 64x32 month.swf  # another order, another machine\n"
        "gdsim --jobs-out=waits.txt month.swf   # the wait of every job\n"
        "gdsim --schedule queue.txt             # who starts when, and where; exit 1 if it is\n"
        "                                       # not what queue.txt expects\n",
    .completes = cmd::Completes::file};

constexpr Milliseconds kProgressEvery{500};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

// "gdsim: 12000 of 28467 jobs" on one line of a terminal that is written over.
class Progress {
 public:
  Progress(cmd::Output& out, size_t jobs) : out_(out), jobs_(jobs) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (shown_) out_ << "\r\x1b[K";
    (void)out_.flush();
  }
  void ended(size_t count) {
    if (next_.remaining() > Milliseconds{0}) return;
    next_ = Deadline::after(kProgressEvery);
    shown_ = true;
    out_ << "\rgdsim: " + std::to_string(count) + " of " + std::to_string(jobs_) + " jobs, " +
                std::to_string(count * 100 / std::max<size_t>(1, jobs_)) + " %\x1b[K";
    (void)out_.flush();
  }

 private:
  cmd::Output& out_;
  size_t jobs_;
  Deadline next_ = Deadline::after(kProgressEvery);
  bool shown_ = false;
};

Result<Workload> read_workload(const SimOptions& options) {
  const std::string& path = options.sources.front();
  const Bytes text = TRY(read_trace_file(path));
  if (format_of(options, text) == Format::trace) {
    Result<Trace> trace = parse_swf(text);
    if (!trace.ok()) return std::move(trace).error().in(path);
    const std::string& nodes = options.nodes.empty() ? trace->classes : options.nodes;
    Result<std::vector<NodeClass>> classes = std::vector<NodeClass>{};
    if (!nodes.empty()) classes = parse_node_classes(nodes);
    if (!classes.ok() && options.nodes.empty()) {
      return std::move(classes).error().in(path + ": NodeClasses");
    }
    Result<Workload> workload = workload_of(*trace, TRY(std::move(classes)));
    if (!workload.ok()) return std::move(workload).error().in(path);
    return workload;
  }
  if (!options.nodes.empty()) return usage("--nodes: a scenario has its own nodes");
  Result<Workload> workload = parse_scenario(text);
  if (!workload.ok()) return std::move(workload).error().in(path);
  return workload;
}

// Refused: a schedule that is not what the scenario says.
Result<int> judge(const Workload& workload, const Schedule& schedule, cmd::Context& context) {
  const std::string lines = differences(workload, schedule);
  if (lines.empty()) return cmd::kExitDone;
  context.err << lines;
  return Error{ErrorCode::conflict, std::to_string(std::ranges::count(lines, '\n')) + " of " +
                                        std::to_string(workload.expected.size()) +
                                        " jobs went another way than is expected of them"};
}

Result<int> run(const SimOptions& options, cmd::Context& context) {
  if (options.sources.size() != 1) return usage("name one trace or scenario; - reads from a pipe");
  ReplayOptions how{.policy = TRY(policy_of(options)),
                    .half_life = options.half_life,
                    .keep = Keep::starts,
                    .progress = {}};
  const Workload workload = TRY(read_workload(options));
  if (options.schedule || !workload.expected.empty()) how.keep = Keep::placements;
  Progress progress(context.err, workload.jobs.size());
  if (!options.quiet && ::isatty(context.err.fd()) == 1) {
    how.progress = [&](size_t ended) { progress.ended(ended); };
  }
  const Schedule schedule = TRY(replay(workload, how));
  if (!options.jobs_out.empty()) {
    TRY(replace_file(options.jobs_out, job_lines(workload, schedule), 0644));
  }
  if (!options.plot.empty()) {
    TRY(replace_file(options.plot, plot_svg(workload, schedule), 0644));
  }
  if (options.schedule) {
    context.out << start_lines(workload, schedule);
    return judge(workload, schedule, context);
  }
  const Metrics metrics = measure(workload, schedule);
  context.out << (options.json ? as_json(metrics) : as_text(metrics));
  return judge(workload, schedule, context);
}

Seconds whole(Milliseconds time) {
  return std::chrono::ceil<Seconds>(time);
}

Result<void> set_weights(std::string_view value, sched::Weights& weights) {
  const std::vector<std::string_view> parts = split(value, ',');
  double* const targets[] = {&weights.age, &weights.fair_share, &weights.stretch, &weights.size};
  if (parts.size() != std::size(targets)) {
    return Error{ErrorCode::invalid, "four numbers are needed, AGE,FAIR,STRETCH,SIZE"};
  }
  for (size_t i = 0; i < parts.size(); ++i) *targets[i] = TRY(parse_real(parts[i]));
  return {};
}

int start(const cmd::Invocation& call) {
  return cmd::start_command<SimOptions, define_gdsim, run>(kInfo, call);
}

}  // namespace

void define_gdsim(cmd::Cli& cli, SimOptions& options) {
  cli.group("What is replayed");
  cli.option("--format", "FORMAT", "FILE is swf or scenario, whatever it begins with",
             options.format)
      .choose({"swf", "scenario"});
  cli.option("-N,--nodes", "CLASSES",
             "Nodes for a trace, as COUNTxCPUS[xMEMORY],...; without it, what its head says",
             options.nodes);
  cli.group("How");
  cli.option("-p,--policy", "POLICY", "Who may overtake a blocked job: fifo, easy or conservative",
             options.policy)
      .choose({"fifo", "easy", "conservative"});
  cli.count("--depth", "COUNT", "Blocked jobs of a partition that are promised a start",
            options.depth);
  cli.option("--order", "ORDER", "Who is first in line: by priority, or by submission (fcfs)",
             options.order)
      .choose({"priority", "fcfs"});
  cli.on("--weights", "AGE,FAIR,STRETCH,SIZE",
         "Points of the priority for waiting, fair share, waiting by the own limit, and size",
         [&](std::string_view value) { return set_weights(value, options.weights); });
  cli.on("--overdue", "TIME", "Who waited longer goes first; 0: nobody does",
         [&](std::string_view value) -> Result<void> {
           const Milliseconds time = TRY(parse_interval(value));
           options.weights.overdue_after.reset();
           if (time > Milliseconds{0}) options.weights.overdue_after = whole(time);
           return {};
         });
  cli.on("--half-life", "TIME", "A user's usage loses half of its weight in it; 0: never",
         [&](std::string_view value) -> Result<void> {
           options.half_life = whole(TRY(parse_interval(value)));
           return {};
         });
  cli.group("What is written");
  cli.option("-o,--jobs-out", "FILE", "Each job's wait: job, submission, wait, run, cpus, limit",
             options.jobs_out)
      .complete(cmd::Completes::file);
  cli.option("--plot", "FILE", "Cpus in use and jobs waiting over time, as SVG", options.plot)
      .complete(cmd::Completes::file);
  cli.flag("-s,--schedule", "Print each start with its time and nodes, not the figures",
           options.schedule);
  cli.flag("--json", "Print the figures as one line of JSON", options.json);
  cli.flag("-Q,--quiet", "Show no progress", options.quiet);
  cli.rest(options.sources);
}

Result<sched::Policy> policy_of(const SimOptions& options) {
  sched::Policy policy;
  policy.weights = options.order == "fcfs" ? sched::kInOrder : options.weights;
  if (options.policy == "fifo") policy.reservation_depth = 0;
  if (options.policy == "conservative") policy.reservation_depth = policy.search_limit;
  if (options.depth && options.policy == "fifo") {
    return usage("--depth: under --policy=fifo nobody is promised a start");
  }
  if (options.depth) policy.reservation_depth = *options.depth;
  policy.search_limit = std::max(policy.search_limit, policy.reservation_depth);
  return policy;
}

Format format_of(const SimOptions& options, std::string_view text) {
  if (!options.format.empty()) {
    return options.format == "swf" ? Format::trace : Format::scenario;
  }
  const std::string_view start =
      text.substr(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
  const bool number = !start.empty() &&
                      (start[0] == ';' || start[0] == '-' || (start[0] >= '0' && start[0] <= '9'));
  return number ? Format::trace : Format::scenario;
}

const cmd::Command kGdsim{&kInfo, start};

}  // namespace gd::sim
