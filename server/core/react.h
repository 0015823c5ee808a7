// react: what must leave the process because of an event, once it is durable.
// Called after apply(); only adds to `effects`, and adding twice is the same.
#pragma once

#include "server/core/cluster.h"
#include "server/core/effect.h"
#include "server/core/event.h"

namespace gd::core {

void react(const Cluster& cluster, const Event& event, Effects& effects);

// All that a controller must do after a start: what a crash may have left unsaid.
void react_to_start(const Cluster& cluster, Effects& effects);

}  // namespace gd::core
