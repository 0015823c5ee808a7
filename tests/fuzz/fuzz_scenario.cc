// Scenarios from anywhere: bounded, and what is accepted gives a schedule or a reason; who waits
// for others starts after they have ended, and what is expected can be compared with what came.
#include <cstdint>

#include "base/check.h"
#include "gdsim/expect.h"
#include "gdsim/replay.h"
#include "gdsim/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::sim::Workload> workload = gd::sim::parse_scenario(text);
  if (!workload.ok()) {
    GD_CHECK(workload.error().text.find('\n') == std::string::npos, workload.error().text);
    return 0;
  }
  const gd::sim::ReplayOptions how{.policy = {}, .keep = gd::sim::Keep::placements, .progress = {}};
  const gd::Result<gd::sim::Schedule> schedule = gd::sim::replay(*workload, how);
  if (!schedule.ok()) return 0;
  for (size_t i = 0; i < workload->jobs.size(); ++i) {
    GD_CHECK(schedule->jobs[i].start >= workload->jobs[i].submit, i);
  }
  for (const auto& [job, others] : workload->after) {
    for (const uint32_t other : others) {
      GD_CHECK(schedule->jobs[job].start >= schedule->jobs[other].end, job);
    }
  }
  (void)gd::sim::differences(*workload, *schedule);
  return 0;
}
