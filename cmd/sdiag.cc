// sdiag - what the controller has done since it was started, in Slurm's form.
//
// gd has one planner that starts and promises in one pass, so the two sections of Slurm's that
// programs look into, the main schedule and backfilling, tell of the same passes.
#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{
    .name = "sdiag",
    .slurm_name = "sdiag",
    .summary = "Show what the controller has done since it was started",
    .arguments = "",
    .examples = "sdiag\nsdiag --json | jq .statistics.schedule_cycle_last\n"};

struct DiagOptions {
  bool json = false, reset = false, all = false, by_id = false;
};

void define(Cli& cli, DiagOptions& options) {
  cli.flag("-a,--all", "All of it, as without this option", options.all);
  cli.flag("-r,--reset", "Begin again at zero (administrators)", options.reset);
  cli.flag("-i,--sort-by-id", "Kinds of requests by number", options.by_id);
  cli.flag("--json", "As JSON", options.json);
  cli.refuse("-M,--cluster -t,--sort-by-time -T,--sort-by-time2 --yaml");
}

std::string calendar(TimePoint moment) {  // Fri Nov 27 12:00:00 2026
  const std::time_t seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm parts{};
  std::array<char, 64> text{};
  ::localtime_r(&seconds, &parts);
  (void)std::strftime(text.data(), text.size(), "%a %b %d %H:%M:%S %Y", &parts);
  return text.data();
}

uint64_t epoch(TimePoint moment) {
  return static_cast<uint64_t>(std::chrono::system_clock::to_time_t(moment));
}

uint64_t mean(uint64_t total, uint64_t count) {
  return count == 0 ? 0 : total / count;
}

uint64_t per_minute(const StatsReply& stats) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(stats.now - stats.since);
  return stats.passes / static_cast<uint64_t>(std::max<int64_t>(minutes.count(), 1));
}

class Report {
 public:
  void line(std::string_view text) { (out_ += text) += '\n'; }
  void row(std::string_view label, uint64_t value) {
    out_ += label;
    out_ += std::to_string(value) + "\n";
  }
  void counts(const std::vector<RequestCount>& all, size_t width) {
    for (const RequestCount& each : all) {
      std::string name = printable(each.name, 64);
      name.resize(std::max(name.size(), width), ' ');
      std::string number = std::to_string(each.number);
      number.insert(0, number.size() < 8 ? 8 - number.size() : 0, ' ');
      line("\t" + name + " (" + number + ") count:" + std::to_string(each.count) +
           " ave_time:" + std::to_string(mean(each.total_us, each.count)) +
           " total_time:" + std::to_string(each.total_us));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

constexpr char kRule[] = "*******************************************************";

void write_head(Report& report, const StatsReply& stats) {
  report.line(kRule);
  report.line("sdiag output at " + calendar(stats.now) + " (" + std::to_string(epoch(stats.now)) +
              ")");
  report.line("Data since      " + calendar(stats.since) + " (" +
              std::to_string(epoch(stats.since)) + ")");
  report.line(kRule);
  report.row("Server thread count:  ", stats.threads);
  report.row("Agent queue size:     ", stats.queued);
  report.row("Agent count:          ", 0);
  report.row("Agent thread count:   ", 0);
  report.row("DBD Agent queue size: ", 0);
  report.line("");
  report.row("Jobs submitted: ", stats.submitted);
  report.row("Jobs started:   ", stats.started);
  report.row("Jobs completed: ", stats.completed);
  report.row("Jobs canceled:  ", stats.cancelled);
  report.row("Jobs failed:    ", stats.failed);
  report.line("");
  report.line("Job states ts:  " + calendar(stats.now) + " (" + std::to_string(epoch(stats.now)) +
              ")");
  report.row("Jobs pending:   ", stats.pending);
  report.row("Jobs running:   ", stats.running);
}

void write_passes(Report& report, const StatsReply& stats) {
  report.line("\nMain schedule statistics (microseconds):");
  report.row("\tLast cycle:   ", stats.last_us);
  report.row("\tMax cycle:    ", stats.max_us);
  report.row("\tTotal cycles: ", stats.passes);
  report.row("\tMean cycle:   ", mean(stats.total_us, stats.passes));
  report.row("\tMean depth cycle:  ", mean(stats.total_depth, stats.passes));
  report.row("\tCycles per minute: ", per_minute(stats));
  report.row("\tLast queue length: ", stats.last_depth);
  report.line("\nBackfilling stats");
  report.row("\tTotal backfilled jobs (since last slurm start): ", 0);
  report.row("\tTotal backfilled jobs (since last stats cycle start): ", 0);
  report.row("\tTotal backfilled heterogeneous job components: ", 0);
  report.row("\tTotal cycles: ", stats.passes);
  report.row("\tLast cycle: ", stats.last_us);
  report.row("\tMax cycle:  ", stats.max_us);
  report.row("\tMean cycle: ", mean(stats.total_us, stats.passes));
  report.row("\tLast depth cycle: ", stats.last_depth);
  report.row("\tLast depth cycle (try sched): ", stats.last_started);
  report.row("\tDepth Mean: ", mean(stats.total_depth, stats.passes));
  report.row("\tDepth Mean (try depth): ", mean(stats.total_depth, stats.passes));
  report.row("\tLast queue length: ", stats.last_depth);
  report.row("\tQueue length mean: ", mean(stats.total_depth, stats.passes));
}

std::string text_of(const StatsReply& stats) {
  Report report;
  write_head(report, stats);
  write_passes(report, stats);
  report.line("\nRemote Procedure Call statistics by message type");
  report.counts(stats.by_type, 40);
  report.line("\nRemote Procedure Call statistics by user");
  report.counts(stats.by_user, 16);
  report.line("\nPending RPC statistics");
  report.line("\tNo pending RPCs");
  return report.take();
}

void counts(JsonWriter& json, std::string_view key, std::string_view name, std::string_view number,
            const std::vector<RequestCount>& all) {
  json.key(key).begin_array();
  for (const RequestCount& each : all) {
    json.begin_object().key(name).string(each.name).key(number).number(each.number);
    json.key("count").number(each.count).key("total_time").number(each.total_us);
    json.key("average_time").number(mean(each.total_us, each.count)).end_object();
  }
  json.end_array();
}

std::string json_of(const StatsReply& stats) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object();
  write_meta(json);
  json.key("statistics").begin_object();
  const std::pair<std::string_view, uint64_t> values[] = {
      {"req_time", epoch(stats.now)},
      {"req_time_start", epoch(stats.since)},
      {"server_thread_count", stats.threads},
      {"agent_queue_size", stats.queued},
      {"agent_count", 0},
      {"agent_thread_count", 0},
      {"dbd_agent_queue_size", 0},
      {"jobs_submitted", stats.submitted},
      {"jobs_started", stats.started},
      {"jobs_completed", stats.completed},
      {"jobs_canceled", stats.cancelled},
      {"jobs_failed", stats.failed},
      {"jobs_pending", stats.pending},
      {"jobs_running", stats.running},
      {"schedule_cycle_max", stats.max_us},
      {"schedule_cycle_last", stats.last_us},
      {"schedule_cycle_total", stats.passes},
      {"schedule_cycle_mean", mean(stats.total_us, stats.passes)},
      {"schedule_cycle_mean_depth", mean(stats.total_depth, stats.passes)},
      {"schedule_cycle_per_minute", per_minute(stats)},
      {"schedule_queue_length", stats.last_depth},
      {"bf_backfilled_jobs", 0},
      {"bf_last_backfilled_jobs", 0},
      {"bf_cycle_counter", stats.passes},
      {"bf_cycle_last", stats.last_us},
      {"bf_cycle_max", stats.max_us},
      {"bf_cycle_mean", mean(stats.total_us, stats.passes)},
      {"bf_last_depth", stats.last_depth},
      {"bf_depth_mean", mean(stats.total_depth, stats.passes)},
      {"bf_depth_mean_try", mean(stats.total_depth, stats.passes)},
      {"bf_queue_len", stats.last_depth},
      {"bf_queue_len_mean", mean(stats.total_depth, stats.passes)}};
  for (const auto& [key, value] : values) json.key(key).number(value);
  counts(json, "rpcs_by_message_type", "message_type", "type_id", stats.by_type);
  counts(json, "rpcs_by_user", "user", "user_id", stats.by_user);
  json.end_object().end_object();
  return json.take();
}

Result<int> run(const DiagOptions& options, Context& context) {
  Client* controller = TRY(context.controller());
  auto stats = TRY(controller->ask<StatsReply>(StatsQuery{.reset = options.reset}));
  if (options.reset) return context.out.line("Reset scheduling statistics"), kExitDone;
  if (options.by_id) std::ranges::stable_sort(stats.by_type, {}, &RequestCount::number);
  context.out << (options.json ? json_of(stats) : text_of(stats));
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<DiagOptions, define, run>(kInfo, call);
}

}  // namespace

const Command kSdiag{&kInfo, start};

}  // namespace gd::cmd
