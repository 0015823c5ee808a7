// Scenarios from anywhere: bounded, and what is accepted gives a schedule or a reason.
#include <cstdint>

#include "base/check.h"
#include "gdsim/replay.h"
#include "gdsim/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::sim::Workload> workload = gd::sim::parse_scenario(text);
  if (!workload.ok()) {
    GD_CHECK(workload.error().text.find('\n') == std::string::npos, workload.error().text);
    return 0;
  }
  const gd::Result<gd::sim::Schedule> schedule = gd::sim::replay(*workload, {});
  if (!schedule.ok()) return 0;
  for (size_t i = 0; i < workload->jobs.size(); ++i) {
    GD_CHECK(schedule->jobs[i].start >= workload->jobs[i].submit, i);
  }
  return 0;
}
