// Which engine makes a step's container, and where its programs are on this node.
#pragma once

#include <memory>

#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/container/engine.h"

namespace gd::agent {

// Errors are this node's: a runtime that is not installed, an engine that is not known here.
Result<std::unique_ptr<container::Engine>> engine_of(const StepLaunch& launch,
                                                     const ShepherdSettings& settings);

}  // namespace gd::agent
