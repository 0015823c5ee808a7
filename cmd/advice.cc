#include "cmd/advice.h"

#include <algorithm>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/grid.h"
#include "cmd/job_fields.h"

namespace gd::cmd {
namespace {

constexpr uint64_t kMemoryStepMib = 16;

void keep(std::deque<uint64_t>& runs, uint64_t value) {
  runs.push_back(value);
  if (runs.size() > kMaxRuns) runs.pop_front();
}

uint64_t half_again(uint64_t value) {
  return value + (value + 1) / 2;
}

uint64_t in_steps(uint64_t value, uint64_t step) {
  return (value + step - 1) / step * step;
}

// Nearest rank: of 20 runs the 19th, of fewer the highest.
uint64_t percentile_95(const std::vector<uint64_t>& sorted) {
  return sorted[(sorted.size() * 95 + 99) / 100 - 1];
}

struct Margin {
  uint64_t percent;
  uint64_t step;
};

Need need_of(const std::deque<uint64_t>& runs, uint64_t asked, Margin margin) {
  Need need{.runs = runs.size(), .asked = asked};
  if (runs.empty()) return need;
  std::vector<uint64_t> sorted(runs.begin(), runs.end());
  std::sort(sorted.begin(), sorted.end());
  need.usual = sorted[sorted.size() / 2];
  need.most = sorted.back();
  if (sorted.size() < kFewestRuns) return need;
  const uint64_t wanted = (percentile_95(sorted) * (100 + margin.percent) + 99) / 100;
  need.suggested = in_steps(std::max<uint64_t>(wanted, 1), margin.step);
  return need;
}

uint64_t minutes_up(uint64_t seconds) {
  return (seconds + 59) / 60;
}

std::string minutes_text(uint64_t minutes) {
  return format_elapsed(Seconds{60 * static_cast<int64_t>(minutes)});
}

}  // namespace

Likeness likeness_of(const JobSpec& spec, const std::string& user) {
  return {.user = user, .name = spec.name, .nodes = spec.nodes_min, .cpus = total_cpus(spec)};
}

std::string name_of(const Likeness& like) {
  const auto count = [](uint32_t number, const char* what) {
    return std::to_string(number) + what + (number == 1 ? "" : "s");
  };
  return "'" + printable(like.name) + "' on " + count(like.nodes, " node") + " with " +
         count(like.cpus, " cpu");
}

void RunBook::add(const JobRecord& job) {
  if (!ended(job.state) || job.start_time == TimePoint{} || job.nodes.empty()) return;
  const bool completed = job.state == JobState::completed;
  const bool out_of_memory = job.state == JobState::out_of_memory;
  const bool timed_out = job.state == JobState::timeout;
  if (!completed && !out_of_memory && !timed_out) return;
  Likeness like = likeness_of(*job.spec, job.user);
  auto found = kinds_.find(like);
  if (found == kinds_.end()) {
    if (kinds_.size() >= kMaxKinds) return;
    found = kinds_.emplace(std::move(like), Runs{}).first;
  }
  Runs& runs = found->second;
  uint64_t held = 0;
  for (const NodeShare& share : job.nodes) held = std::max(held, share.held.memory_mib);
  const TimeLimit limit = limit_of(job);
  runs.asked_mib = held;
  runs.asked_minutes = limit ? minutes_up(static_cast<uint64_t>(limit->count())) : 0;
  const uint64_t peak = usage_of(job).memory_peak_mib;
  if (out_of_memory)
    keep(runs.memory_mib, half_again(std::max(held, peak)));
  else if (peak > 0)  // else its node could not count it
    keep(runs.memory_mib, peak);
  const auto ran = static_cast<uint64_t>(elapsed_of(job, job.end_time).count());
  if (completed) keep(runs.seconds, ran);
  if (timed_out) keep(runs.seconds, half_again(ran));
}

Advice RunBook::advice(const Likeness& like, const Runs& runs) {
  Advice advice{.of = like, .memory_mib = {}, .minutes = {}};
  advice.memory_mib = need_of(runs.memory_mib, runs.asked_mib, {20, kMemoryStepMib});
  Need seconds = need_of(runs.seconds, 60 * runs.asked_minutes, {25, 60});
  advice.minutes = {.runs = seconds.runs,
                    .asked = runs.asked_minutes,
                    .usual = minutes_up(seconds.usual),
                    .most = minutes_up(seconds.most),
                    .suggested = {}};
  if (seconds.suggested) advice.minutes.suggested = *seconds.suggested / 60;
  return advice;
}

std::optional<Advice> RunBook::about(const Likeness& like) const {
  const auto found = kinds_.find(like);
  if (found == kinds_.end()) return std::nullopt;
  return advice(like, found->second);
}

std::vector<Advice> RunBook::all() const {
  std::vector<Advice> all;
  for (const auto& [like, runs] : kinds_) all.push_back(advice(like, runs));
  return all;
}

std::string advice_table(const std::vector<Advice>& all) {
  Grid grid;
  grid.columns = {{"USER"},        {"NAME"},           {"NODES", true},     {"CPUS", true},
                  {"RUNS", true},  {"MEM-HAD", true},  {"MEM-USUAL", true}, {"MEM-MOST", true},
                  {"--mem", true}, {"TIME-HAD", true}, {"TIME-MOST", true}, {"--time", true}};
  const auto mib = [](const Need& need, uint64_t value) {
    return need.runs == 0 ? "-" : format_mib(value);
  };
  for (const Advice& row : all) {
    const Need& memory = row.memory_mib;
    const Need& time = row.minutes;
    grid.rows.push_back(
        {row.of.user, printable(row.of.name), std::to_string(row.of.nodes),
         std::to_string(row.of.cpus), std::to_string(std::max(memory.runs, time.runs)),
         memory.asked == 0 ? "-" : format_mib(memory.asked), mib(memory, memory.usual),
         mib(memory, memory.most), memory.suggested ? format_mib(*memory.suggested) : "-",
         time.asked == 0 ? "-" : minutes_text(time.asked),
         time.runs == 0 ? "-" : minutes_text(time.most),
         time.suggested ? minutes_text(*time.suggested) : "-"});
  }
  const GridLines lines = layout(grid, 0);
  std::string out = lines.header + '\n';
  for (const std::string& line : lines.rows) out += line + '\n';
  return out;
}

}  // namespace gd::cmd
