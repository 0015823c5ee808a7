// What an administrator sets, as the core uses it: a value, made from gd.conf by
// the controller (proto/settings.h), never read from a file here. The defaults are
// those of an empty file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/duration.h"
#include "proto/limit_values.h"
#include "proto/usage_reset.h"
#include "server/sched/fair_share.h"
#include "server/sched/plan.h"

namespace gd::core {

struct PartitionConfig {
  std::string name = "batch";
  std::vector<std::string> nodes;  // names; empty: every node there is
  bool is_default = false;
  bool up = true;  // down: jobs are accepted and wait
  std::optional<Seconds> max_time;
  std::optional<Seconds> default_time;  // of a job that asks for none; empty: max_time
  std::optional<uint32_t> max_nodes;    // of one job
  uint32_t priority_tier = 1;
  uint32_t priority_job_factor = 1;
  std::vector<std::string> allow_groups;  // empty: everybody
  std::vector<std::string> allow_users;
  std::vector<std::string> allow_accounts;  // empty: all
  std::vector<std::string> allow_qos;       // empty: all
  std::string default_image;                // empty: the cluster's
  std::vector<std::string> allow_images;    // patterns of names; empty: all
  bool root_inside = true;                  // may be asked for
  bool root_mounts_read_only = false;       // of containers whose user is root inside
  std::string engine;                       // that makes the containers: StepLaunch::engine
  std::optional<Seconds> session_idle;      // StepLaunch::session_idle
  std::optional<PreemptMode> preempt_mode;  // of its jobs; empty: the cluster's
  Seconds grace_time{};                     // theirs between TERM and KILL; 0: kill_wait
  bool operator==(const PartitionConfig&) const = default;
};

struct NodeConfig {  // restricts what a node says about itself
  std::string name;
  std::optional<uint32_t> cpus;
  std::optional<uint64_t> memory_mib;
  std::vector<std::string> features;  // added to those found
  bool operator==(const NodeConfig&) const = default;
};

struct ClusterConfig {
  std::string cluster = "gd";
  std::vector<PartitionConfig> partitions;  // empty: one, "batch", of all nodes
  std::vector<NodeConfig> nodes;
  uint32_t max_jobs = 1'000'000;        // live ones
  uint32_t max_array_size = 1'000'001;  // elements are numbered below it
  uint32_t max_steps = 10'000;          // of one life of a job
  Seconds min_job_age{300};             // an ended job stays live so long
  Seconds kill_wait{30};                // between TERM and KILL
  Seconds heartbeat{5};                 // a full report at least so often
  Seconds node_timeout{60};             // silence, then the node is down
  // Silence, then its jobs count as lost: they end as NODE_FAIL or are requeued. Empty: wait for
  // the node to come back, or for an administrator to say that it is down.
  std::optional<Seconds> node_lost_after{Seconds{300}};
  Seconds client_silence{60};        // an interactive job's client, then it is cancelled
  uint32_t launch_retries = 3;       // failed launches in a row, then the job is held
  uint32_t max_requeues = 16;        // by the loss of nodes, then the job is held
  bool job_requeue = true;           // of jobs that do not say
  bool enforce_part_limits = false;  // refuse what could only wait
  bool allow_root_jobs = false;
  std::string default_image = "host";
  uint64_t default_memory_per_cpu_mib = 0;  // 0: each cpu takes along its part of the node's
  sched::Policy policy;
  std::vector<sched::Account> accounts;  // parents first; empty: any name is only a label
  LimitSettings limits;
  sched::PreemptPolicy preempt;
  Seconds usage_half_life{7 * 24 * 3600};
  const TimeZone* zone = &utc_zone();  // whose clock crontabs go by; never null
  UsageResetPeriod usage_reset_period = UsageResetPeriod::none;
  uint32_t max_submit_rate = 0;  // of a user, a minute; 0: as many as she likes
  bool operator==(const ClusterConfig&) const = default;
};

}  // namespace gd::core
