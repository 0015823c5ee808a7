// How the tasks of a step are shared out over its nodes, and how they are numbered there.
//
// Counts first, numbers after, as Slurm does it: every node gets one task, then every node a
// second one, as long as it has room; then the tasks are numbered node by node (block), or
// over the nodes in turn (cyclic). So the counts say everything but that one word. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/job_spec.h"

namespace gd {

// `room`: the most tasks each node may have. Nothing if that is not enough for all of them.
std::optional<std::vector<uint32_t>> share_out_tasks(uint32_t tasks,
                                                     const std::vector<uint32_t>& room);

// The numbers of the tasks on each node, rising.
std::vector<std::vector<uint32_t>> task_numbers(const std::vector<uint32_t>& counts, bool cyclic);

// How many tasks a job's script is told that each node has, as many as the job asked for.
std::vector<uint32_t> tasks_per_node(const JobSpec& spec,
                                     const std::vector<uint32_t>& cpus_per_node);
// "4(x2),2": Slurm's run-length form of a number for each node.
std::string run_lengths(const std::vector<uint32_t>& counts);

}  // namespace gd
