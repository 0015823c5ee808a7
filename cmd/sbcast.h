// The pure part of sbcast: which file goes where, on the nodes of which job.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cmd/command.h"
#include "proto/ids.h"

namespace gd::cmd {

struct BroadcastOptions {
  bool force = false;
  bool preserve = false;
  bool verbose = false;
  std::optional<uint32_t> timeout;
  std::string job;  // --jobid
  std::vector<std::string> words;
};

void define_sbcast(Cli& cli, BroadcastOptions& options);

struct BroadcastPlan {
  JobId job;
  std::optional<StepId> step;  // only to the nodes of this one
  std::string source;
  std::string target;  // absolute
  bool operator==(const BroadcastPlan&) const = default;
};

// `get_variable`: of the environment, for the job that this is called in. `folder`: a relative
// target is below it.
Result<BroadcastPlan> plan_broadcast(
    const BroadcastOptions& options,
    const std::function<std::optional<std::string>(const char*)>& get_variable,
    const std::string& folder);

// For gdtree on each node.
std::vector<std::string> broadcast_command(const BroadcastPlan& plan,
                                           const BroadcastOptions& options);

}  // namespace gd::cmd
