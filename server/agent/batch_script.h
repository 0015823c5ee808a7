// A batch script as a file of its container.
//
// The script is run by the kernel from a path of the container's own, so any #! line works,
// the arguments are argv[1..] as they were given, and neither a noexec file system nor the
// image's shell is in the way. What has no #! line is refused with Slurm's reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/container/launch_plan.h"

namespace gd::agent {

inline constexpr char kScriptPath[] = "/run/gd/slurm_script";  // Slurm's name: $0 of many scripts
inline constexpr size_t kMaxInterpreterBytes = 255;            // of the #! line, the kernel's

Result<void> check_script(std::string_view script);
container::FileSpec script_file(std::string script);
std::vector<std::string> script_argv(const std::vector<std::string>& arguments);

}  // namespace gd::agent
