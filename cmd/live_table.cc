#include "cmd/live_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/job_fields.h"
#include "cmd/node_fields.h"

namespace gd::cmd {
namespace {

constexpr size_t kMostName = 24;
constexpr size_t kMostNodes = 24;

std::string cut(std::string_view text, size_t most) {
  std::string shown = printable(text, 1024);
  return text_columns(shown) <= most ? shown : std::string(first_columns(shown, most - 1)) + "+";
}

std::string percent_of_cpu(uint64_t milli) {
  return std::to_string((milli + 5) / 10);
}

std::string rate(const std::optional<uint64_t>& bytes) {
  return bytes ? short_bytes(*bytes) : "-";
}

std::string load_text(double load) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%.2f", load);
  return text.data();
}

std::string mib(uint64_t amount) {
  return amount == 0 ? "0" : short_bytes(amount << 20);
}

uint64_t io_of(const LiveJob& job) {
  if (!job.now) return 0;
  return job.now->read_bytes_s.value_or(0) + job.now->write_bytes_s.value_or(0);
}

// One number for each way to sort but by user.
uint64_t figure(const LiveJob& job, JobSort sort) {
  const JobNow now = job.now.value_or(JobNow{});
  switch (sort) {
    case JobSort::cpu: return now.cpu_milli;
    case JobSort::memory: return now.memory_mib;
    case JobSort::peak: return job.so_far.memory_peak_mib;
    case JobSort::io: return io_of(job);
    case JobSort::pids: return now.pids;
    case JobSort::time: return static_cast<uint64_t>(job.elapsed.count());
    case JobSort::job:
    case JobSort::user: break;
  }
  return job.id.value;
}

std::vector<std::string> cells_of(const LiveJob& job) {
  const auto& now = job.now;
  return {job.job,
          printable(job.user),
          cut(job.name, kMostName),
          job.state == JobState::running ? "R" : std::string(short_name(job.state)),
          format_elapsed(job.elapsed),
          std::to_string(job.cpus),
          now ? percent_of_cpu(now->cpu_milli) : "-",
          now ? mib(now->memory_mib) : "-",
          now || job.so_far.memory_peak_mib != 0 ? mib(job.so_far.memory_peak_mib) : "-",
          job.held_mib == 0 ? "-" : mib(job.held_mib),
          rate(now ? now->read_bytes_s : std::nullopt),
          rate(now ? now->write_bytes_s : std::nullopt),
          now ? std::to_string(now->pids) : "-",
          cut(job.nodes, kMostNodes)};
}

// The index of the column that shows what is sorted by.
size_t column_of(JobSort sort) {
  switch (sort) {
    case JobSort::job: return 0;
    case JobSort::user: return 1;
    case JobSort::time: return 4;
    case JobSort::cpu: return 6;
    case JobSort::memory: return 7;
    case JobSort::peak: return 8;
    case JobSort::io: return 10;
    case JobSort::pids: return 12;
  }
  return 0;
}

}  // namespace

std::vector<LiveJob> live_jobs(const std::vector<JobView>& views, TimePoint now) {
  std::vector<LiveJob> jobs;
  for (const JobView& view : views) {
    const JobRecord& job = view.job;
    jobs.push_back({.id = job.id,
                    .job = job_name_of(job, 24),
                    .user = job.user,
                    .name = job.spec->name,
                    .partition = job.partition,
                    .nodes = node_list_of(job),
                    .state = job.state,
                    .elapsed = elapsed_of(job, now),
                    .limit = limit_of(job),
                    .cpus = cpus_of(job),
                    .held_mib = memory_of(job),
                    .so_far = usage_so_far(view),
                    .now = now_of(view)});
  }
  return jobs;
}

std::optional<JobSort> parse_job_sort(std::string_view word) {
  for (size_t i = 0; i < std::size(kJobSorts); ++i) {
    if (kJobSorts[i] == word) return static_cast<JobSort>(i);
  }
  return std::nullopt;
}

SortOrder order_of(JobSort sort) {
  return sort == JobSort::job || sort == JobSort::user ? SortOrder::ascending
                                                       : SortOrder::descending;
}

void sort_live(std::vector<LiveJob>& jobs, JobSort sort, SortOrder order) {
  const auto less = [sort](const LiveJob& a, const LiveJob& b) {
    if (sort == JobSort::user && a.user != b.user) return a.user < b.user;
    return figure(a, sort) < figure(b, sort);
  };
  // Equal ones stay in the order of their numbers: the screen does not flicker.
  std::ranges::sort(jobs, {}, [](const LiveJob& job) { return job.id; });
  std::stable_sort(jobs.begin(), jobs.end(), [&](const LiveJob& a, const LiveJob& b) {
    return order == SortOrder::ascending ? less(a, b) : less(b, a);
  });
}

Grid job_grid(const std::vector<LiveJob>& jobs, std::optional<JobSort> sorted_by) {
  Grid grid;
  grid.columns = {{"JOB"},         {"USER"},        {"NAME"},         {"S"},
                  {"TIME", true},  {"CPUS", true},  {"CPU%", true},   {"MEM", true},
                  {"PEAK", true},  {"LIMIT", true}, {"READ/s", true}, {"WRITE/s", true},
                  {"PROCS", true}, {"NODES"}};
  for (const LiveJob& job : jobs) grid.rows.push_back(cells_of(job));
  if (sorted_by) grid.sorted_by = column_of(*sorted_by);
  return grid;
}

std::vector<LiveNode> live_nodes(const std::vector<NodeView>& nodes,
                                 const std::vector<JobView>& views) {
  std::map<std::string_view, JobNow> used;
  for (const JobView& view : views) {
    for (const StepSample& sample : view.samples) {
      JobNow& now = used[sample.node];
      now.cpu_milli += sample.cpu_milli;
      now.memory_mib += sample.memory_mib;
    }
  }
  std::vector<LiveNode> live;
  for (const NodeView& view : nodes) {
    const JobNow& now = used[view.node.info.name];
    live.push_back({.name = view.node.info.name,
                    .state = node_state(view),
                    .partitions = join(std::span(view.partitions), ","),
                    .up = view.node.state == NodeState::up && !view.node.drained,
                    .jobs = view.jobs,
                    .cpus_held = view.allocated.cpus,
                    .cpus = view.usable.cpus,
                    .cpu_milli = now.cpu_milli,
                    .load = view.load,
                    .held_mib = view.allocated.memory_mib,
                    .used_mib = now.memory_mib,
                    .memory_mib = view.usable.memory_mib,
                    .free_mib = view.free_memory_mib});
  }
  return live;
}

SortOrder order_of(NodeSort sort) {
  return sort == NodeSort::node || sort == NodeSort::state ? SortOrder::ascending
                                                           : SortOrder::descending;
}

void sort_live(std::vector<LiveNode>& nodes, NodeSort sort, SortOrder order) {
  const auto figure_of = [sort](const LiveNode& node) -> double {
    switch (sort) {
      case NodeSort::jobs: return node.jobs;
      case NodeSort::held: return node.cpus_held;
      case NodeSort::cpu: return static_cast<double>(node.cpu_milli);
      case NodeSort::load: return node.load;
      case NodeSort::memory: return static_cast<double>(node.used_mib);
      case NodeSort::free: return static_cast<double>(node.free_mib);
      case NodeSort::node:
      case NodeSort::state: break;
    }
    return 0;
  };
  std::vector<std::string> names;
  for (const LiveNode& node : nodes) names.push_back(node.name);
  sort_hosts(names);  // n2 before n10
  std::map<std::string_view, size_t> ranks;
  for (const std::string& name : names) ranks.emplace(name, ranks.size());
  const auto less = [&](const LiveNode& a, const LiveNode& b) {
    if (sort == NodeSort::state) return a.state < b.state;
    if (sort == NodeSort::node) return ranks[a.name] < ranks[b.name];
    return figure_of(a) < figure_of(b);
  };
  std::ranges::sort(nodes, {}, [&](const LiveNode& node) { return ranks[node.name]; });
  std::stable_sort(nodes.begin(), nodes.end(), [&](const LiveNode& a, const LiveNode& b) {
    return order == SortOrder::ascending ? less(a, b) : less(b, a);
  });
}

Grid node_grid(const std::vector<LiveNode>& nodes, std::optional<NodeSort> sorted_by) {
  constexpr size_t kColumns[] = {0, 1, 2, 3, 4, 5, 7, 9};  // of each NodeSort
  Grid grid;
  grid.columns = {{"NODE"},         {"STATE"},      {"JOBS", true}, {"CPUS", true},
                  {"CPU%", true},   {"LOAD", true}, {"HELD", true}, {"USED", true},
                  {"MEMORY", true}, {"FREE", true}, {"PARTITIONS"}};
  for (const LiveNode& node : nodes) {
    grid.rows.push_back({printable(node.name), node.state, std::to_string(node.jobs),
                         std::to_string(node.cpus_held) + "/" + std::to_string(node.cpus),
                         percent_of_cpu(node.cpu_milli), load_text(node.load), mib(node.held_mib),
                         mib(node.used_mib), mib(node.memory_mib), mib(node.free_mib),
                         cut(node.partitions, kMostNodes)});
  }
  if (sorted_by) grid.sorted_by = kColumns[static_cast<size_t>(*sorted_by)];
  return grid;
}

}  // namespace gd::cmd
