// The holder of the jobs' control groups: a process that does nothing but be there.
//
// systemd removes a unit's group with its last process. The jobs of a node live below
// gdjobs.service, apart from the agent, so that an agent's restart or upgrade leaves them
// alone; this process keeps that unit alive. On cgroup v2 processes stand in leaves only,
// so it moves to one of its own. Returns on SIGTERM.
#pragma once

#include "base/result.h"

namespace gd::agent {

Result<void> hold();

}  // namespace gd::agent
