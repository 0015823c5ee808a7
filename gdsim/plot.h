// A schedule as a picture: cpus in use and jobs waiting, over time.
#pragma once

#include <string>

#include "gdsim/replay.h"
#include "gdsim/workload.h"

namespace gd::sim {

// An SVG of two charts; each column shows the mean over its part of the time.
std::string plot_svg(const Workload& workload, const Schedule& schedule);

}  // namespace gd::sim
