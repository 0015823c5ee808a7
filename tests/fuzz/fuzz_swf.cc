// Traces from anywhere: what is accepted keeps the reading rules, and can be replayed.
#include <cstdint>

#include "base/check.h"
#include "gdsim/replay.h"
#include "gdsim/swf.h"
#include "gdsim/workload.h"

// Whatever a job asks for, it is cut to the machine and starts.
static void check_replay(const gd::sim::Trace& trace,
                         const std::vector<gd::sim::NodeClass>& classes) {
  const gd::Result<gd::sim::Workload> workload = gd::sim::workload_of(trace, classes);
  if (!workload.ok()) return;
  const gd::Result<gd::sim::Schedule> schedule = gd::sim::replay(*workload, {});
  GD_CHECK(schedule.ok(), schedule.error().text);
  for (size_t i = 0; i < workload->jobs.size(); ++i) {
    GD_CHECK(schedule->jobs[i].start >= workload->jobs[i].submit, i);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::sim::Trace> trace = gd::sim::parse_swf(text);
  if (!trace.ok()) return 0;
  gd::Seconds last{};
  for (const gd::sim::TraceJob& job : trace->jobs) {
    GD_CHECK(job.run > gd::Seconds{0} && job.run <= job.limit, job.run.count());
    GD_CHECK(job.processors > 0 && job.submit >= last, job.submit.count());
    last = job.submit;
  }
  check_replay(*trace, {{.count = 3, .cpus = 2, .memory_mib = 0}});
  check_replay(*trace, {{.count = 2, .cpus = 2, .memory_mib = 700}, {.cpus = 1, .memory_mib = 9}});
  if (!trace->classes.empty()) (void)gd::sim::parse_node_classes(trace->classes).ok();
  return 0;
}
