// The environment of a step: the user's exported one, what she is on this node, and what
// Slurm tells its jobs. Pure.
//
// Programs tell "not asked for" from a number (Toil, Snakemake, Open MPI), so the
// variables of options that were not given are absent, and those that came along from
// an outer job are removed. GD_* twins exist where Slurm has no word for it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages_node.h"

namespace gd::agent {

using Environment = std::map<std::string, std::string, std::less<>>;

struct StepUser {  // as this node knows her
  std::string name;
  std::string home;
  std::string shell;
  std::string group;
};

// "K=V\0K=V\0"; entries without a name are refused.
Result<Environment> parse_environment(std::string_view bytes);
std::vector<std::string> render_environment(const Environment& environment);  // "K=V", sorted

Environment step_environment(const StepLaunch& launch, Environment exported, const StepUser& user,
                             const std::string& node);

// The numbers of the step's tasks on this node, rising.
std::vector<uint32_t> tasks_here(const StepLaunch& launch);

}  // namespace gd::agent
