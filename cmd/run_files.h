// Where the streams of gdrun go when not to its own: -i, -o and -e.
//
// The files are opened by the client, where it was called, once the step is known: a name may
// hold the step's number or its node. One task is started, so "all" and "0", the number of that
// task, are one's own streams.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "proto/file_pattern.h"
#include "proto/job_record.h"

namespace gd::cmd {

struct FileOptions {  // as typed; empty: not given
  std::string input;
  std::string output;
  std::string error;
  OpenMode open_mode = OpenMode::by_cluster;  // then truncate
};

enum class StreamTarget : uint8_t { own, none, file };

struct StreamPlan {
  StreamTarget target = StreamTarget::own;
  std::string pattern;  // of a file
  bool operator==(const StreamPlan&) const = default;
};

struct FilePlan {
  StreamPlan input;
  StreamPlan output;
  StreamPlan error;  // as the output where it was not given
  bool append = false;
  [[nodiscard]] bool has_pattern() const;  // a name that depends on the job
  bool operator==(const FilePlan&) const = default;
};

// Errors: usage, for a task that is not there.
Result<FilePlan> plan_files(const FileOptions& options);

// What the patterns stand for. A step that the job does not know yet counts as on its first node.
PatternValues pattern_values(const JobRecord& job, StepId step);

struct RunFiles {  // not valid: one's own stream
  UniqueFd input;
  UniqueFd output;
  UniqueFd error;
};
Result<RunFiles> open_files(const FilePlan& plan, const PatternValues& values);

}  // namespace gd::cmd
