// From what the controller ordered to what the container library does: the user as this
// node knows her, the image, the mounts, the streams, the limits.
//
// Nothing here starts anything. Every path that came from the user is opened as the user
// and handed on as a descriptor, which a PreparedStep keeps open until the launch is done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/processors.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_streams.h"
#include "server/container/cdi.h"
#include "server/container/cgroup.h"
#include "server/container/launch_plan.h"
#include "server/image/store.h"

namespace gd::agent {

// What a step has of this node's.
struct StepHoldings {
  container::CdiEdits devices;
  std::vector<Processors> of_tasks;  // by place here, of tasks that keep apart; empty: they do not
};

struct PreparedStep {
  container::LaunchPlan plan;
  StdioEnds ends;              // ours, if the streams go to a client
  std::vector<UniqueFd> keep;  // what the plan borrows
  std::vector<std::string> warnings;
};

// The user of a launch on this node: the name must exist here with the same uid.
// Supplementary groups are this node's. May wait for the name service.
Result<container::Identity> identify(const StepLaunch& launch);

Result<container::Image> image_of(const StepLaunch& launch, const ShepherdSettings& settings,
                                  const container::Identity& identity,
                                  const image::StoredImage* stored);

container::CgroupLimits limits_of(const StepLaunch& launch, const ShepherdSettings& settings);
// Of the step itself, beneath the job's; nothing: the job's are all.
container::CgroupLimits own_limits_of(const StepLaunch& launch);

// Whether its tasks are started inside, by gdtasks; else the one task is the program.
bool needs_gdtasks(const StepLaunch& launch);

// What runs: the script, the command, or the user's shell.
Result<std::vector<std::string>> command_of(const StepLaunch& launch, const std::string& shell);

// The plan without its streams: nothing is opened for writing. With `refusals`, mounts that are
// refused go there and the rest is planned on. As prepare_step() else.
Result<PreparedStep> plan_step(const StepLaunch& launch, const ShepherdSettings& settings,
                               container::Identity identity, const image::StoredImage* stored,
                               const StepHoldings& holdings, std::vector<std::string>* refusals);

// `stored`: the image if it is of the store, or null. REQUIRES: root, one thread.
Result<PreparedStep> prepare_step(const StepLaunch& launch, const ShepherdSettings& settings,
                                  container::Identity identity, const image::StoredImage* stored,
                                  const StepHoldings& holdings);

}  // namespace gd::agent
