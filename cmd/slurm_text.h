// Errors in the words that programs around Slurm look for.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace gd::cmd {

inline constexpr char kInvalidPartition[] = "Invalid partition name specified";
inline constexpr char kInvalidJob[] = "Invalid job id specified";
inline constexpr char kNoController[] = "Unable to contact slurm controller (connect failure)";

// The controller's error as Slurm would put it; our own text where it has no word for it.
std::string slurm_reason(const Error& error);

// The release whose bytes the Slurm names print.
inline constexpr char kSlurmRelease[] = "22.05.8";

// "meta" and "errors" of a document, as Slurm's --json has them and programs look for them.
void write_meta(JsonWriter& json);

// For squeue and scontrol: "slurm_load_jobs error: Invalid job id specified".
Error slurm_load_error(const Error& error, std::string_view what = "jobs");

}  // namespace gd::cmd
