// What a step got, in a few lines that are kept with its job. Pure.
#pragma once

#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/container/launch_plan.h"
#include "server/image/store.h"

namespace gd::agent {

// `stored`: the image if it is of the store, or null. `processors`: its own; empty: any.
Receipt receipt_of(const StepLaunch& launch, const ShepherdSettings& settings,
                   const container::LaunchPlan& plan, const image::StoredImage* stored,
                   const Processors& processors);

}  // namespace gd::agent
