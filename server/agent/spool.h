// What an agent finds on its disk and in its control groups when it starts.
//
//   folder of another boot        ended if its status says so, else lost with the machine
//   folder without the mark       accepted: to be started now
//   a living shepherd             running: to be adopted
//   a dead one                    ended by its status; else said to be lost, for ever
//
// Groups that no living shepherd owns are killed and removed; half-made and half-removed
// folders go. Nothing here waits for a shepherd.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/agent/agent_core.h"
#include "server/agent/step_folder.h"
#include "server/container/cgroup.h"

namespace gd::agent {

struct SpoolFindings {
  std::vector<FoundStep> steps;
  struct Living {
    StepKey key;
    pid_t shepherd = 0;
  };
  std::vector<Living> living;
  std::vector<std::string> complaints;  // for the log
};

Result<SpoolFindings> examine_spool(const std::string& jobs_dir, const std::string& boot_id,
                                    TimePoint now);

// Kills and removes the groups that belong to nobody who lives. Gives their names.
Result<std::vector<std::string>> sweep_groups(const container::Tree& tree,
                                              const std::vector<SpoolFindings::Living>& living);

}  // namespace gd::agent
