// States, reasons and their names: one table each, in Slurm's spellings.
//
// On the wire and on disk: never renumber.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gd {

enum class JobState : uint8_t {
  pending = 0,
  starting = 1,  // sent to its nodes; CONFIGURING in Slurm's words
  running = 2,
  suspended = 3,
  completing = 4,  // told to end, or ended but not all of it confirmed
  // Ended: no way back but a requeue, which makes a new life under the same id.
  completed = 10,
  failed = 11,
  cancelled = 12,
  timeout = 13,
  out_of_memory = 14,
  node_fail = 15,
  preempted = 16,
  deadline = 17,
  boot_fail = 18,  // the container could not be made
};

[[nodiscard]] constexpr bool ended(JobState state) {
  return state >= JobState::completed;
}
// Holds resources on nodes.
[[nodiscard]] constexpr bool allocated(JobState state) {
  return state >= JobState::starting && state <= JobState::completing;
}

[[nodiscard]] std::string_view long_name(JobState state);                      // "PENDING"
[[nodiscard]] std::string_view short_name(JobState state);                     // "PD"
[[nodiscard]] std::optional<JobState> parse_job_state(std::string_view name);  // either, any case

// Why a job is where it is; squeue's REASON column.
enum class Reason : uint8_t {
  none = 0,
  priority = 1,   // others are before it
  resources = 2,  // its turn, and not enough is free
  begin_time = 3,
  job_held_user = 4,
  job_held_admin = 5,
  dependency = 6,
  dependency_never_satisfied = 7,
  partition_down = 8,
  partition_config = 9,  // no node of its partition could ever hold it
  partition_time_limit = 10,
  req_node_not_avail = 11,
  nodes_down = 12,
  node_down = 13,  // requeued after its node was lost
  launch_failed = 14,
  bad_constraints = 15,
  image_pull = 16,
  non_zero_exit = 17,
  time_limit = 18,
  out_of_memory = 19,
  raised_signal = 20,
  association_limit = 21,
  qos_limit = 22,
  reservation = 23,
  licenses = 24,
  requeue_limit = 25,  // held: it has been sent back too often
  system_failure = 26,
  job_array_task_limit = 27,  // as many elements of its array run as may
  // What a limit keeps from starting: proto/limit_values.h.
  reservation_deleted = 28,
  invalid_account = 29,
  invalid_qos = 30,
  assoc_max_jobs = 31,
  assoc_grp_jobs = 32,
  assoc_grp_cpu = 33,
  assoc_grp_mem = 34,
  assoc_grp_node = 35,
  assoc_grp_gres = 36,
  assoc_max_cpu_per_job = 37,
  assoc_max_mem_per_job = 38,
  assoc_max_node_per_job = 39,
  assoc_max_gres_per_job = 40,
  assoc_max_wall = 41,
  qos_grp_jobs = 42,
  qos_grp_cpu = 43,
  qos_grp_mem = 44,
  qos_grp_node = 45,
  qos_grp_gres = 46,
  qos_max_jobs_per_user = 47,
  qos_max_cpu_per_user = 48,
  qos_max_mem_per_user = 49,
  qos_max_node_per_user = 50,
  qos_max_gres_per_user = 51,
  qos_max_jobs_per_account = 52,
  qos_max_cpu_per_account = 53,
  qos_max_mem_per_account = 54,
  qos_max_node_per_account = 55,
  qos_max_gres_per_account = 56,
  qos_max_cpu_per_job = 57,
  qos_max_mem_per_job = 58,
  qos_max_node_per_job = 59,
  qos_max_gres_per_job = 60,
  qos_max_wall = 61,
  assoc_grp_cpu_minutes = 62,
  assoc_grp_mem_minutes = 63,
  assoc_grp_node_minutes = 64,
  assoc_grp_gres_minutes = 65,
  assoc_grp_wall = 66,
  assoc_grp_cpu_run_minutes = 67,
  assoc_grp_mem_run_minutes = 68,
  assoc_grp_node_run_minutes = 69,
  assoc_grp_gres_run_minutes = 70,
  assoc_max_cpu_minutes_per_job = 71,
  assoc_max_mem_minutes_per_job = 72,
  assoc_max_node_minutes_per_job = 73,
  assoc_max_gres_minutes_per_job = 74,
  qos_grp_cpu_minutes = 75,
  qos_grp_mem_minutes = 76,
  qos_grp_node_minutes = 77,
  qos_grp_gres_minutes = 78,
  qos_grp_wall = 79,
  qos_grp_cpu_run_minutes = 80,
  qos_grp_mem_run_minutes = 81,
  qos_grp_node_run_minutes = 82,
  qos_grp_gres_run_minutes = 83,
  qos_max_cpu_minutes_per_job = 84,
  qos_max_mem_minutes_per_job = 85,
  qos_max_node_minutes_per_job = 86,
  qos_max_gres_minutes_per_job = 87,
};

[[nodiscard]] std::string_view name(Reason reason);  // "Resources", "JobHeldUser", "None"

enum class NodeState : uint8_t {
  unknown = 0,  // configured or known, not heard of since the controller started
  up = 1,
  down = 2,  // not heard of for too long, or set so by an administrator
};

}  // namespace gd
