// What a step's container would be on this node, in lines for people: see container/explain.h.
//
// Everything is judged as at a launch, but nothing is started, fetched, made or opened for
// writing. REQUIRES: root, one thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"

namespace gd::agent {

struct Explanation {
  std::vector<std::string> lines;
  std::vector<std::string> refusals;  // why a launch would be refused here
};

// An error says that this node cannot judge it: the user is not known here.
Result<Explanation> explain_step(StepLaunch launch, const ShepherdSettings& settings);

}  // namespace gd::agent
