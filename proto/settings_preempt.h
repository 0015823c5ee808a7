// The keys of gd.conf about preemption: for proto/settings.cc alone.
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "proto/settings.h"

namespace gd {

// Fills in what the controller, the partitions and the limits say of it; these have been read.
// Refused: a QOS that could end up ending its own jobs, and a type under which nobody could go.
Result<void> read_preemption(const Config& config, Settings& settings);

}  // namespace gd
