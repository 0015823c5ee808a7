// What gdtop and gdstat --live show, pure: from the controller's answers to lines of text.
//
//   LiveJob    one job that holds nodes, with what it uses now and has used at most
//   LiveNode   one node, with what it has and what is used of it
//
// A figure that is not known is "-". Cost: one string a cell.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/duration.h"
#include "base/result.h"
#include "cmd/grid.h"
#include "cmd/usage_text.h"
#include "proto/messages_client.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

struct LiveJob {
  JobId id;
  std::string job;  // "7", "7_3"
  std::string user, name, partition, nodes;
  JobState state = JobState::running;
  Seconds elapsed{};
  TimeLimit limit;
  uint32_t cpus = 0;
  uint64_t held_mib = 0;
  Usage so_far;
  std::optional<JobNow> now;
};
std::vector<LiveJob> live_jobs(const std::vector<JobView>& views, TimePoint now);

enum class JobSort : uint8_t { job, user, cpu, memory, peak, io, pids, time };
enum class SortOrder : uint8_t { ascending, descending };
inline constexpr std::string_view kJobSorts[] = {"job",  "user", "cpu",  "memory",
                                                 "peak", "io",   "pids", "time"};
std::optional<JobSort> parse_job_sort(std::string_view word);
// The natural direction: names and numbers ascend, amounts descend.
SortOrder order_of(JobSort sort);
void sort_live(std::vector<LiveJob>& jobs, JobSort sort, SortOrder order);

struct LiveNode {
  std::string name, state, partitions;
  bool up = false;  // takes jobs
  uint32_t jobs = 0;
  uint32_t cpus_held = 0, cpus = 0;
  uint64_t cpu_milli = 0;  // of gd's steps there
  double load = 0;         // of the whole machine
  uint64_t held_mib = 0, used_mib = 0, memory_mib = 0, free_mib = 0;
};
std::vector<LiveNode> live_nodes(const std::vector<NodeView>& nodes,
                                 const std::vector<JobView>& views);

enum class NodeSort : uint8_t { node, state, jobs, held, cpu, load, memory, free };
inline constexpr std::string_view kNodeSorts[] = {"node", "state", "jobs",   "cpus held",
                                                  "cpu",  "load",  "memory", "free memory"};
SortOrder order_of(NodeSort sort);
void sort_live(std::vector<LiveNode>& nodes, NodeSort sort, SortOrder order);

Grid job_grid(const std::vector<LiveJob>& jobs, std::optional<JobSort> sorted_by);
Grid node_grid(const std::vector<LiveNode>& nodes, std::optional<NodeSort> sorted_by);

}  // namespace gd::cmd
