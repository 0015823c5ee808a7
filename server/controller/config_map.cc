// gd.conf's values as the core takes them.
#include <limits>

#include "server/controller/hub.h"

namespace gd::controller {
namespace {

core::PartitionConfig partition_config(const PartitionSettings& from) {
  core::PartitionConfig to;
  to.name = from.name;
  to.nodes = from.nodes;  // empty: all
  to.is_default = from.is_default;
  to.up = from.up;
  to.max_time = from.max_time;
  to.default_time = from.default_time;
  to.max_nodes = from.max_nodes;
  to.priority_tier = from.priority_tier;
  to.priority_job_factor = from.priority_job_factor;
  to.allow_groups = from.allow_groups;
  to.allow_users = from.allow_users;
  to.allow_accounts = from.allow_accounts;
  to.allow_qos = from.allow_qos;
  to.engine = from.engine;
  to.default_image = from.default_image;
  to.allow_images = from.allow_images;
  to.root_inside = from.root_inside;
  to.root_mounts_read_only = from.root_mounts_read_only;
  to.session_idle = from.session_idle;
  to.preempt_mode = from.preempt_mode;
  to.grace_time = from.grace_time;
  return to;
}

sched::Policy policy_of(const ControllerSettings& from) {
  sched::Policy policy;
  switch (from.policy) {
    case SchedulerPolicy::fifo: policy.reservation_depth = 0; break;
    case SchedulerPolicy::easy: policy.reservation_depth = 1; break;
    case SchedulerPolicy::conservative:
      policy.reservation_depth = std::numeric_limits<uint32_t>::max();
      break;
  }
  policy.search_limit = from.promise_limit;
  policy.weights = {.age = from.priority_weight_age,
                    .fair_share = from.priority_weight_fair_share,
                    .stretch = from.priority_weight_stretch,
                    .size = from.priority_weight_size,
                    .partition = from.priority_weight_partition,
                    .qos = from.priority_weight_qos,
                    .age_max = from.priority_age_max,
                    .overdue_after = from.priority_overdue_after};
  return policy;
}

}  // namespace

std::shared_ptr<const core::ClusterConfig> cluster_config(const Settings& settings) {
  const ControllerSettings& from = settings.controller;
  auto to = std::make_shared<core::ClusterConfig>();
  to->cluster = from.cluster;
  for (const PartitionSettings& each : settings.partitions) {
    to->partitions.push_back(partition_config(each));
  }
  for (const NodeSettings& each : settings.nodes) {
    for (const std::string& name : each.names) {
      to->nodes.push_back({name, each.cpus, each.memory_mib, each.features});
    }
  }
  for (const AccountSettings& each : settings.accounts) {
    sched::Account account{each.name, each.parent, each.shares, {}};
    for (const AccountUserSettings& user : each.users) {
      account.users.push_back({user.name, user.shares});
    }
    to->accounts.push_back(std::move(account));
  }
  to->limits = settings.limits;
  to->preempt = {from.preempt_type, from.preempt_mode, from.preempt_exempt_time};
  to->usage_half_life = from.priority_half_life;
  to->usage_reset_period = from.priority_usage_reset_period;
  to->max_submit_rate = from.max_submit_rate;
  to->max_jobs = from.max_jobs;
  to->max_array_size = from.max_array_size;
  to->min_job_age = from.min_job_age;
  to->kill_wait = from.kill_wait;
  to->heartbeat = from.heartbeat;
  to->node_timeout = from.node_timeout;
  to->node_lost_after = from.node_lost_after;
  to->client_silence = kClientSilence;
  to->launch_retries = from.launch_retries;
  to->job_requeue = from.requeue;
  to->enforce_part_limits = from.enforce_part_limits;
  to->allow_root_jobs = from.allow_root_jobs;
  to->default_image = from.default_image;
  to->policy = policy_of(from);
  to->zone = &local_zone();
  return to;
}

}  // namespace gd::controller
