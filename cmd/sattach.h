// The pure part of sattach: which step, whose tasks, and how these are laid out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/command.h"
#include "cmd/run_files.h"
#include "proto/job_record.h"

namespace gd::cmd {

struct AttachOptions {
  std::optional<uint32_t> input_task, output_task, error_task;
  bool label = false;
  bool layout = false;
  bool quiet = false;
  bool verbose = false;
  std::vector<std::string> rest;
};

void define_sattach(Cli& cli, AttachOptions& options);

struct StepArgument {
  JobId job;
  StepId step;
  bool operator==(const StepArgument&) const = default;
};
Result<StepArgument> parse_step_argument(const std::vector<std::string>& words);

// One's own streams, of all tasks or of those that were chosen.
FilePlan watch_plan(const AttachOptions& options);

// Input for one task goes to its node, and there it is shared by the node's tasks: an error if
// there are others.
Result<void> check_input_task(const StepRecord& step, uint32_t task);

// As Slurm prints it: what each node has of the step.
std::string layout_text(const StepRecord& step);

}  // namespace gd::cmd
