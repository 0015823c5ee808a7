// The pure parts of gdrun and gdsh: a job of one's own, or a step in one that runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
  bool unbuffered = false;
  bool exact = false;
  bool overlap = false;
  bool same = false;  // options that change nothing
  bool multi_prog = false;
  bool kill_on_bad_exit = false;
  std::optional<Seconds> wait;
  uint32_t relative = 0;
  std::string job_id;  // --jobid
  FileOptions files;
  std::vector<std::string> command;
};

void define_gdrun(Cli& cli, RunOptions& options);

// What a job's script was given counts for the steps in it, where they do not say otherwise:
// SLURM_NTASKS and the like.
Result<void> inherit(RunOptions& options,
                     const std::function<std::optional<std::string>(const char*)>& get_variable);

// Why this session has one task: a terminal is one's.
Result<void> check_one_task(const JobSpec& spec, std::string_view why);

// What was asked for and means nothing for a step of a job that runs: "--partition".
std::vector<std::string> without_effect(const JobSpec& spec);

// Where its streams go. Errors: usage, for files beside --pty.
Result<FilePlan> to_file_plan(const RunOptions& options);

Result<SubmitRequest> to_interactive_request(const JobOptions& options,
                                             const std::vector<std::string>& command, bool pty,
                                             const Surroundings& around);
// A step that says anything of its container has one of its own.
Result<StepRequest> to_step_request(const JobOptions& options, JobId job,
                                    const std::vector<std::string>& command, bool pty,
                                    const Surroundings& around);

}  // namespace gd::cmd
