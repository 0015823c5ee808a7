// The processors of a step: for the first one of a job on this node its job's, taken from the
// node's; for further ones the job's, or as many of them as the step asked for, for itself.
//
//   <processors_file>              of the node (processor_claim.h)
//   <folder of the job's owner>/processors    of the job, for steps that want a part
//
// Whoever cannot be kept apart runs where the others do: it has its share of time in any case,
// by its control group.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/processor_claim.h"
#include "server/agent/shepherd_settings.h"

namespace gd::agent {

struct StepProcessors {
  Processors own;                       // empty: any
  std::vector<Processors> of_tasks;     // by place here; empty: they are not kept apart
  std::optional<ProcessorClaim> claim;  // others of the node or job do not get them
  std::string note;                     // why it has none of its own
};

// Of the job. On a node that binds nobody: any.
StepProcessors take_processors(const StepLaunch& launch, const ShepherdSettings& settings);

// Of a further step. `owner`: the folder of the step that has the job's container, whose first
// process this is.
StepProcessors join_processors(const StepLaunch& launch, const ShepherdSettings& settings,
                               const std::string& owner, pid_t first);

}  // namespace gd::agent
