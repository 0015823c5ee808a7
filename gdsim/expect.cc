#include "gdsim/expect.h"

#include <algorithm>

namespace gd::sim {

namespace {

std::string list(const std::vector<Seconds>& times) {
  std::string text;
  for (const Seconds time : times) {
    text += (text.empty() ? "" : ",") + std::to_string(time.count());
  }
  return text;
}

std::string nodes_of(const Workload& workload, const Life& life) {
  std::string text;
  for (const sched::NodeUse& use : life.uses) {
    text += (text.empty() ? "" : "+") + workload.nodes[use.node.value].name;
  }
  return text;
}

// What is known of the job, as far as the line asks for it.
Expected found(const Expected& asked, const Workload& workload, const JobRun& run) {
  Expected real;
  std::vector<Life> lives = run.earlier;
  lives.push_back(run);
  for (const Life& life : lives) {
    if (!asked.starts.empty()) real.starts.push_back(life.start);
    if (!asked.ends.empty()) real.ends.push_back(life.end);
  }
  if (!asked.nodes.empty()) real.nodes = nodes_of(workload, run);
  return real;
}

std::string text_of(const Expected& one) {
  std::string text;
  if (!one.starts.empty()) text += " start=" + list(one.starts);
  if (!one.ends.empty()) text += " end=" + list(one.ends);
  if (!one.nodes.empty()) text += " on=" + one.nodes;
  return text;
}

}  // namespace

std::string differences(const Workload& workload, const Schedule& schedule) {
  std::string text;
  for (const Expected& asked : workload.expected) {
    const Expected real = found(asked, workload, schedule.jobs[asked.job]);
    if (real.starts == asked.starts && real.ends == asked.ends && real.nodes == asked.nodes) {
      continue;
    }
    text += "job " + std::to_string(workload.jobs[asked.job].id) + ":" + text_of(asked) +
            " expected," + text_of(real) + " found\n";
  }
  return text;
}

}  // namespace gd::sim
