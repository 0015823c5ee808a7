// Where the streams of gdrun go when not to its own: -i, -o and -e, as values.
//
// The files are opened by the client, where it was called, once the step is known (task_output.h):
// a name may hold the step's number, or a task's. A number alone means the streams of that task,
// and nothing of the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>

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
  std::string pattern;           // of a file
  std::optional<uint32_t> only;  // own: of this task
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

// Errors: usage, for an input file of each task's own.
Result<FilePlan> plan_files(const FileOptions& options);

// Errors: usage, for a task that is not there.
Result<void> check_tasks(const FilePlan& plan, size_t tasks);

// What all tasks' patterns stand for alike.
PatternValues pattern_values(const JobRecord& job, StepId step);

}  // namespace gd::cmd
