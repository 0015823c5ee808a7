// apply: makes an event true in memory and marks the records that it changed.
//
// Total on valid events: it never fails, asks no clock, and leaves all indices
// equal to a rebuild (invariants.h). A life that is not in the table of
// transition.h is a bug and stops the process.
#pragma once

#include "server/core/cluster.h"
#include "server/core/event.h"

namespace gd::core {

void apply(Cluster& cluster, const Event& event);

// The part of it that concerns one job's record: decide() uses it to look ahead.
void apply_to_job(JobRecord& job, const Event& event);

}  // namespace gd::core
