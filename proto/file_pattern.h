// Slurm's file name patterns: %j %A %a %J %x %u %N %n %s %t %b %% with padding
// ("%5j"), and a backslash that switches them off.
#pragma once

#include <string>

#include "base/result.h"
#include "proto/ids.h"

namespace gd {

struct PatternValues {
  JobId job;
  StepId step = kBatchStep;
  std::string job_name;
  std::string user;
  std::string node;         // short host name
  uint32_t node_index = 0;  // in the job
  uint32_t task = 0;
  JobId array_job;  // 0: no part of an array
  uint32_t array_task = 0;
};

std::string expand_pattern(const std::string& pattern, const PatternValues& values);

}  // namespace gd
