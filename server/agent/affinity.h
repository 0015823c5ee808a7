// The processors that a process may run on: sched_setaffinity(2). What it starts inherits them.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "server/agent/processors.h"

namespace gd::agent {

Result<Processors> affinity_of(pid_t process);  // 0: this thread
// Those of them that the machine has not, or that are out of bounds, do not count; an error if none
// is left. 0: this thread.
Result<void> keep_to(const Processors& processors, pid_t process = 0);

}  // namespace gd::agent
