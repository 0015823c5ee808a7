// The pure parts of gdalloc: its options, and what the command it runs is told.
#pragma once

#include <string>
#include <vector>

#include "cmd/job_options.h"
#include "proto/job_record.h"

namespace gd::cmd {

struct AllocOptions {
  JobOptions job;
  bool no_shell = false;
  bool quiet = false;
  std::vector<std::string> command;
};

// `environment` ("K=V") with Slurm's variables of this allocation.
std::vector<std::string> allocation_environment(const JobRecord& job, const std::string& cluster,
                                                std::vector<std::string> environment);

}  // namespace gd::cmd
