// The pure parts of gdrun and gdsh: a job of one's own, or a step in one that runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/job_options.h"
#include "cmd/run_files.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct RunOptions {
  JobOptions job;
  bool pty = false;
  bool quiet = false;
  bool label = false;
  bool same = false;   // options that change nothing for one task
  std::string job_id;  // --jobid
  FileOptions files;
  std::vector<std::string> command;
};

void define_gdrun(Cli& cli, RunOptions& options);

// Why one task cannot be what was asked for; gdrun starts no more.
Result<void> check_one_task(const JobSpec& spec);

// Where its streams go. Errors: usage, for a task that is not there, and for files beside --pty.
Result<FilePlan> to_file_plan(const RunOptions& options);

Result<SubmitRequest> to_interactive_request(const JobOptions& options,
                                             const std::vector<std::string>& command, bool pty,
                                             const Surroundings& around);
Result<StepRequest> to_step_request(const JobOptions& options, JobId job,
                                    const std::vector<std::string>& command, bool pty,
                                    const Surroundings& around);

}  // namespace gd::cmd
