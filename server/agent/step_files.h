// The files of a step's standard streams: named by Slurm's patterns, opened on the node
// with the user's own rights.
//
// Relative names count from the job's folder; the default is slurm-%j.out there, and error
// joins output unless it has a name of its own. A symlink is followed as the user: it leads
// nowhere that she could not write herself. Opening never waits (a FIFO without a reader
// is an error).
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_environment.h"
#include "server/container/launch_plan.h"

namespace gd::agent {

struct FileNames {
  std::string in;  // absolute; "/dev/null" is a name like any other
  std::string out;
  std::string err;  // equal to `out`: the same open file
  bool operator==(const FileNames&) const = default;
};

struct StepFiles {
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;  // not valid: as out
};

// Where the step works, on the node: its own folder, the job's, or the user's home.
std::string working_folder(const StepLaunch& launch, const std::string& home);

FileNames file_names(const StepLaunch& launch, const std::string& folder, const std::string& node);

enum class FileStart : uint8_t { truncate, append };
FileStart file_start(const StepLaunch& launch, const ShepherdSettings& settings);

// The submitter's, from SLURM_UMASK; 022 if it is not there or makes no sense.
mode_t user_umask(const Environment& exported);

Result<StepFiles> open_files(const FileNames& names, FileStart start, mode_t umask,
                             const container::Identity& identity);

}  // namespace gd::agent
