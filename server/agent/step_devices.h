// The devices of a job: free ones for its GRES, and those that it names.
//
//   <devices_dir>/VENDOR_CLASS=NAME    "job_JOB.LAUNCH", locked by that job's shepherd until
//                                      nothing of the job is left
//
// What a GRES stands for is given to one job at a time; what is asked for by name (--device) is
// shared, and must be among device_allow. A shepherd that is killed takes lock and container along.
// REQUIRES: root.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/container/cdi.h"
#include "server/container/cgroup.h"

namespace gd::agent {

struct DeviceChoice {
  std::vector<std::string> names;  // VENDOR/CLASS=NAME
  container::CdiEdits edits;       // all nodes with their numbers
  std::vector<UniqueFd> locks;     // while these live the devices are the job's
};

enum class Claim : uint8_t {
  take,     // of the job's first step: free ones, locked
  join,     // of a further step: those that the job has
  preview,  // for an explanation: what it might get
};

// Errors: denied and not_found are the request's, unavailable is this node's.
Result<DeviceChoice> choose_devices(const StepLaunch& launch, const ShepherdSettings& settings,
                                    Claim claim);

// For the job's control group.
std::vector<container::DeviceRule> rules_of(const container::CdiEdits& edits);

// What jobs can ask for on this node.
Result<std::vector<GresCount>> count_gres(const DeviceSettings& settings);

}  // namespace gd::agent
