// The mounts of a step: the home, what the user asks for (base/mount_request.h), the volumes that
// the administrator has named, the working folder.
//
// Every source is opened with the user's own rights and handed on as a descriptor; it is judged by
// where that descriptor is, so a symlink or a rename gains nothing. What is refused fails the step.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_plan.h"

namespace gd::agent {

// REQUIRES: root, one thread; the plan's identity and sizes are set. The first mount that is
// refused is the error; with `refusals`, all of them go there, and the others are granted.
Result<void> add_mounts(PreparedStep& step, const StepLaunch& launch,
                        const ShepherdSettings& settings, const std::string& working_folder,
                        std::vector<std::string>* refusals = nullptr);

// All that is bound, but at `but`, becomes read-only.
void seal_mounts(container::LaunchPlan& plan, std::string_view but);

// Is `path` the folder `tree`, or below it? Both absolute and plain.
bool is_below(std::string_view path, std::string_view tree);

// May a user's own mount have this source? `path` has no symlinks left in it.
bool may_mount(std::string_view path, const ShepherdSettings& settings);

// Where an open file is, without symlinks.
Result<std::string> path_of(int fd);

}  // namespace gd::agent
