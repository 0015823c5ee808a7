// What gd's own commands need inside of a job's container, whatever its image is:
//
//   /run/gd/client           the commands, one static program and its names; read-only, last on
//   PATH /run/gd/gd.conf          the cluster's name, and where this node reaches its controller
//   /run/gd/controller.pub   the controller's public key
//   /run/gd/key              the job's own key, 0600, the user's
//
// GD_CONF and GD_KEY point there. A step that joins a container finds the files of the step
// that made it. Pure.
#pragma once

#include <optional>
#include <vector>

#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_environment.h"
#include "server/container/launch_plan.h"

namespace gd::agent {

std::vector<container::FileSpec> inside_files(const StepLaunch& launch,
                                              const ShepherdSettings& settings);

// Nothing if this node has no such folder.
std::optional<container::MountSpec> inside_client(const ShepherdSettings& settings);

// What the submitter exported of these names was meant for where she was: it goes.
void set_inside(Environment& env, const StepLaunch& launch, const ShepherdSettings& settings);

}  // namespace gd::agent
