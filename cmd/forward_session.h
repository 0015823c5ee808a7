// gdsh --no-shell -L: forwarding, and nothing beside it, until a signal ends it or the job does.
#pragma once

#include <vector>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "cmd/forward_spec.h"

namespace gd::cmd {

// The exit code: 0 after a signal, 1 if it ended by itself, which was told then.
Result<int> run_forward_session(JobId job, const std::vector<ForwardSpec>& specs, Client& client,
                                Context& context);

}  // namespace gd::cmd
