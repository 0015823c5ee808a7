// gdcp: files and folders between here and a job's container.
//
//   gdcp FILE... JOB:PATH        gdcp JOB:PATH... HERE
//
// A step of the job runs gdtree (server/agent/tree_main.cc) in the job's container, as its user,
// and its streams carry the frames of proto/tree_frames.h: no file system need be shared, and
// what PATH means is what it means to the job.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cmd/command.h"
#include "proto/ids.h"

namespace gd::cmd {

struct CopyPlace {
  std::optional<JobId> job;  // none: here
  std::string path;
  bool operator==(const CopyPlace&) const = default;
};
// "42:data/x" is in job 42, anything else is here; "./42:x" is a file of that name.
CopyPlace parse_copy_place(std::string_view text);

struct CopyPlan {
  JobId job;
  bool from_job = false;
  std::vector<std::string> sources;
  std::string target;
  bool operator==(const CopyPlan&) const = default;
};
// An error if not exactly one side is a job's, and one job's.
Result<CopyPlan> plan_copy(const std::vector<std::string>& words);

}  // namespace gd::cmd
