// A workload through the controller's own core: the commands that clients, nodes and the clock
// would give, in simulated time. Nodes do at once what they are told, and a job runs for as long
// as the workload says; check_all() after every command.
//
// At one moment first all ends, then all submissions, then what is due, then passes until none is
// wanted: as gdsim's replay has it, so that their schedules can be compared second by second.
#pragma once

#include "base/result.h"
#include "gdsim/replay.h"
#include "gdsim/workload.h"

namespace gd::test {

// Whether what the core keeps beside its records is made anew from them before each pass.
enum class Indices : uint8_t { kept, rebuilt };

// Refused: what the core refuses, by its text; a broken invariant; jobs that wait at the end.
Result<sim::Schedule> core_replay(const sim::Workload& workload, const sim::ReplayOptions& options,
                                  Indices indices = Indices::kept);

}  // namespace gd::test
