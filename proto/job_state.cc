#include "proto/job_state.h"

#include <array>

#include "base/text.h"

namespace gd {

namespace {

struct StateName {
  JobState state;
  std::string_view long_name;
  std::string_view short_name;
};

// Slurm's names: squeue(1), JOB STATE CODES.
constexpr std::array kStateNames{
    StateName{JobState::pending, "PENDING", "PD"},
    StateName{JobState::starting, "CONFIGURING", "CF"},
    StateName{JobState::running, "RUNNING", "R"},
    StateName{JobState::suspended, "SUSPENDED", "S"},
    StateName{JobState::completing, "COMPLETING", "CG"},
    StateName{JobState::completed, "COMPLETED", "CD"},
    StateName{JobState::failed, "FAILED", "F"},
    StateName{JobState::cancelled, "CANCELLED", "CA"},
    StateName{JobState::timeout, "TIMEOUT", "TO"},
    StateName{JobState::out_of_memory, "OUT_OF_MEMORY", "OOM"},
    StateName{JobState::node_fail, "NODE_FAIL", "NF"},
    StateName{JobState::preempted, "PREEMPTED", "PR"},
    StateName{JobState::deadline, "DEADLINE", "DL"},
    StateName{JobState::boot_fail, "BOOT_FAIL", "BF"},
};

const StateName* find(JobState state) {
  for (const StateName& entry : kStateNames) {
    if (entry.state == state) return &entry;
  }
  return nullptr;
}

// By value of Reason. Slurm's names: squeue(1), JOB REASON CODES.
constexpr std::array kReasonNames =
    std::to_array<std::string_view>({"None",
                                     "Priority",
                                     "Resources",
                                     "BeginTime",
                                     "JobHeldUser",
                                     "JobHeldAdmin",
                                     "Dependency",
                                     "DependencyNeverSatisfied",
                                     "PartitionDown",
                                     "PartitionConfig",
                                     "PartitionTimeLimit",
                                     "ReqNodeNotAvail",
                                     "NodesDown",
                                     "NodeDown",
                                     "JobLaunchFailure",
                                     "BadConstraints",
                                     "ImagePull",
                                     "NonZeroExitCode",
                                     "TimeLimit",
                                     "OutOfMemory",
                                     "RaisedSignal",
                                     "AssociationJobLimit",
                                     "QOSJobLimit",
                                     "Reservation",
                                     "Licenses",
                                     "JobRequeueLimit",
                                     "SystemFailure",
                                     "JobArrayTaskLimit",
                                     "ReservationDeleted",
                                     "InvalidAccount",
                                     "InvalidQOS",
                                     "AssocMaxJobsLimit",
                                     "AssocGrpJobsLimit",
                                     "AssocGrpCpuLimit",
                                     "AssocGrpMemLimit",
                                     "AssocGrpNodeLimit",
                                     "AssocGrpGRES",
                                     "AssocMaxCpuPerJobLimit",
                                     "AssocMaxMemPerJob",
                                     "AssocMaxNodePerJobLimit",
                                     "AssocMaxGRESPerJob",
                                     "AssocMaxWallDurationPerJobLimit",
                                     "QOSGrpJobsLimit",
                                     "QOSGrpCpuLimit",
                                     "QOSGrpMemLimit",
                                     "QOSGrpNodeLimit",
                                     "QOSGrpGRES",
                                     "QOSMaxJobsPerUserLimit",
                                     "QOSMaxCpuPerUserLimit",
                                     "QOSMaxMemoryPerUser",
                                     "QOSMaxNodePerUserLimit",
                                     "QOSMaxGRESPerUser",
                                     "MaxJobsPerAccount",
                                     "MaxCpuPerAccount",
                                     "MaxMemoryPerAccount",
                                     "MaxNodePerAccount",
                                     "MaxGRESPerAccount",
                                     "QOSMaxCpuPerJobLimit",
                                     "QOSMaxMemoryPerJob",
                                     "QOSMaxNodePerJobLimit",
                                     "QOSMaxGRESPerJob",
                                     "QOSMaxWallDurationPerJobLimit",
                                     "AssocGrpCPUMinutesLimit",
                                     "AssocGrpMemMinutes",
                                     "AssocGrpNodeMinutes",
                                     "AssocGrpGRESMinutes",
                                     "AssocGrpWallLimit",
                                     "AssocGrpCPURunMinutesLimit",
                                     "AssocGrpMemRunMinutes",
                                     "AssocGrpNodeRunMinutes",
                                     "AssocGrpGRESRunMinutes",
                                     "AssocMaxCpuMinutesPerJobLimit",
                                     "AssocMaxMemMinutesPerJob",
                                     "AssocMaxNodeMinutesPerJob",
                                     "AssocMaxGRESMinutesPerJob",
                                     "QOSGrpCPUMinutesLimit",
                                     "QOSGrpMemoryMinutes",
                                     "QOSGrpNodeMinutes",
                                     "QOSGrpGRESMinutes",
                                     "QOSGrpWallLimit",
                                     "QOSGrpCPURunMinutesLimit",
                                     "QOSGrpMemoryRunMinutes",
                                     "QOSGrpNodeRunMinutes",
                                     "QOSGrpGRESRunMinutes",
                                     "QOSMaxCpuMinutesPerJobLimit",
                                     "QOSMaxMemoryMinutesPerJob",
                                     "QOSMaxNodeMinutesPerJob",
                                     "QOSMaxGRESMinutesPerJob"});
static_assert(kReasonNames.size() == size_t(Reason::qos_max_gres_minutes_per_job) + 1);

}  // namespace

std::string_view long_name(JobState state) {
  const StateName* found = find(state);
  return found ? found->long_name : "UNKNOWN";
}

std::string_view short_name(JobState state) {
  const StateName* found = find(state);
  return found ? found->short_name : "?";
}

std::optional<JobState> parse_job_state(std::string_view name) {
  for (const StateName& entry : kStateNames) {
    if (equal_no_case(name, entry.long_name) || equal_no_case(name, entry.short_name)) {
      return entry.state;
    }
  }
  return std::nullopt;
}

std::string_view name(Reason reason) {
  const auto index = static_cast<size_t>(reason);
  return index < kReasonNames.size() ? kReasonNames[index] : "Unknown";
}

}  // namespace gd
