// Where the tasks of a step go, of what its job holds and the job's other steps leave. Pure.
//
//   whole    a node counts if no other step has processors there; the step takes all of them
//   exact    as many processors as the tasks need, of those that are free
//   overlap  none of its own: what the others have does not count
//
// Fewer nodes than the job has are taken when there are fewer tasks than nodes, or when that was
// asked for: the job's first ones that have room.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "proto/job_record.h"
#include "proto/messages_client.h"

namespace gd::core {

struct NodeRoom {  // of a job, on one of its nodes
  std::string node;
  uint32_t cpus = 0;
  uint64_t memory_mib = 0;
  uint32_t taken_cpus = 0;  // by other steps
  uint64_t taken_memory_mib = 0;
};

// What its job's steps leave on each node that it still holds.
std::vector<NodeRoom> rooms_of(const JobRecord& job);

// To be asked again: unavailable, in the words that srun's retries go by.
Error nodes_busy();

// Errors: unavailable, if there is room once other steps have ended; else invalid or not_found.
Result<std::vector<StepShare>> lay_out(std::vector<NodeRoom> rooms, const StepRequest& request);

// Of the first step of an interactive job: all of its nodes, all that it holds there.
std::vector<StepShare> lay_out_first(const JobSpec& spec, const std::vector<NodeShare>& nodes);

}  // namespace gd::core
