// gd.conf as values: what each process of the system reads of it, checked.
//
// The table of all keys with types, defaults and one sentence each is in
// proto/settings_schema.cc; the sample file and gd.conf(5) are printed from it. An
// empty or missing file is a working cluster of one machine: one partition,
// "batch", with all nodes. Errors name file and line, and the nearest key.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/result.h"
#include "proto/account_section.h"
#include "proto/limit_values.h"
#include "proto/usage_reset.h"

namespace gd {

enum class SchedulerPolicy : uint8_t { fifo, easy, conservative };

struct ControllerSettings {
  std::string cluster;
  std::string controller;      // host:port where clients and nodes find it
  std::string controller_key;  // path of its public key
  std::string listen;          // address:port
  std::string state_dir;
  std::string run_dir;
  std::string user;  // that gdctld becomes
  LogLevel log_level = LogLevel::info;
  std::string log_file;                     // empty: standard error
  std::vector<std::string> administrators;  // names, and "@group"

  Seconds key_lifetime{};  // 0: keys do not expire
  bool allow_root_jobs = false;
  bool private_data = false;

  Seconds min_job_age{};  // an ended job is listed as live for so long
  Seconds history_age{};  // finished jobs are forgotten after; 0: never
  Seconds replay_age{};   // scripts and environments are kept so long after a job's end
  Seconds audit_age{};
  Seconds kill_wait{};  // between TERM and KILL
  Seconds heartbeat{};
  Seconds node_timeout{};                  // silence after which a node is down
  std::optional<Seconds> node_lost_after;  // silence after which its jobs are; empty: never
  uint32_t max_jobs = 0;
  uint32_t max_array_size = 0;
  uint32_t launch_retries = 0;
  bool requeue = true;
  std::string default_image;
  std::string mail_program;  // as sendmail
  uint64_t low_disk_mib = 0;
  SchedulerPolicy policy = SchedulerPolicy::easy;
  uint32_t promise_limit = 0;  // searches for a promised start in one pass
  bool enforce_part_limits = false;
  // Of a job's priority: points for `priority_age_max` of waiting, for having waited many times
  // the job's own limit, for all of the cluster's cpus, for the highest factor of a partition.
  double priority_weight_age = 0;
  double priority_weight_fair_share = 0;
  double priority_weight_stretch = 0;
  double priority_weight_size = 0;
  double priority_weight_partition = 0;
  double priority_weight_qos = 0;
  Seconds priority_age_max{};
  UsageResetPeriod priority_usage_reset_period = UsageResetPeriod::none;
  uint32_t max_submit_rate = 0;                   // submissions of a user, a minute; 0: no limit
  Seconds priority_half_life{};                   // of usage, for the fair share; 0: it never fades
  std::optional<Seconds> priority_overdue_after;  // who waited longer goes first; empty: nobody
  PreemptType preempt_type = PreemptType::none;
  PreemptMode preempt_mode = PreemptMode::off;  // where QOS and partition say nothing
  Seconds preempt_exempt_time{};                // a job is left alone so long

  bool operator==(const ControllerSettings&) const = default;
};

struct PartitionSettings {
  std::string name;
  bool all_nodes = true;
  std::vector<std::string> nodes;  // if not all
  bool is_default = false;
  bool up = true;
  std::optional<Seconds> max_time;      // empty: unlimited
  std::optional<Seconds> default_time;  // empty: max_time
  std::optional<uint32_t> max_nodes;    // of one job
  uint32_t priority_tier = 1;
  uint32_t priority_job_factor = 1;
  std::vector<std::string> allow_users;  // both empty: everybody
  std::vector<std::string> allow_groups;
  std::vector<std::string> allow_accounts;  // empty: all
  std::vector<std::string> allow_qos;       // empty: all
  std::string engine;                       // empty (ours), crun, runc
  std::string default_image;                // empty: the cluster's
  std::vector<std::string> allow_images;    // patterns; empty: all
  bool root_inside = true;
  bool root_mounts_read_only = false;
  std::optional<Seconds> session_idle;      // empty: sessions may be idle for ever
  std::optional<PreemptMode> preempt_mode;  // of its jobs, under partition_prio
  Seconds grace_time{};
  bool operator==(const PartitionSettings&) const = default;
};

struct AccountUserSettings {
  std::string name;  // "*": everybody else
  uint32_t shares = 1;
  bool operator==(const AccountUserSettings&) const = default;
};

struct AccountSettings {
  std::string name;
  std::string parent;  // empty: none
  uint32_t shares = 1;
  std::vector<AccountUserSettings> users;
  bool operator==(const AccountSettings&) const = default;
};

// Cuts down what a node has found out about itself.
struct NodeSettings {
  std::vector<std::string> names;
  std::optional<uint32_t> cpus;
  std::optional<uint64_t> memory_mib;
  std::vector<std::string> features;  // added
  bool operator==(const NodeSettings&) const = default;
};

struct AgentSettings {
  std::string name;     // empty: the host's short name
  std::string listen;   // for interactive streams
  std::string address;  // host:port told to clients; empty: the node's name and listen's port
  std::string spool_dir;
  std::string cgroup_root;
  std::string cgroup;  // folder of all jobs below each hierarchy
  bool enrol = true;   // offers the socket for local users (needs the controller's trust too)
  uint32_t subid_base = 0;
  uint32_t subid_count = 0;
  uint32_t cpus = 0;  // 0: those that are found
  uint32_t reserved_cpus = 0;
  bool bind_processors = true;  // each job to its own
  uint64_t reserved_memory_mib = 0;
  std::vector<std::string> features;
  uint32_t max_processes = 0;      // a job
  Seconds sample_interval{};       // between readings of what a step uses
  uint64_t writable_size_mib = 0;  // a job's layer over its image
  uint64_t tmp_size_mib = 0;
  uint64_t shm_size_mib = 0;
  std::string client_dir;  // empty: as installed
  std::vector<std::string> mount_prefixes;
  std::vector<std::string> image_prefixes;
  std::string image_dir;  // empty: below spool_dir
  std::vector<std::string> image_allow;
  std::vector<std::string> image_deny;
  std::vector<std::string> image_plain_http;
  std::vector<std::string> image_mirrors;
  Seconds image_timeout{1800};
  uint64_t image_size_mib = 0;  // to which the store is pruned
  Seconds save_timeout{1800};
  uint64_t save_size_mib = 0;
  Seconds container_keep{};
  uint64_t container_quota_mib = 0;  // of a user's together; 0: no limit
  std::string job_dir;               // of jobs' kept folders; empty: jobs have none
  Seconds job_dir_keep{};
  uint64_t job_dir_quota_mib = 0;  // of a user's together; 0: no limit
  bool operator==(const AgentSettings&) const = default;
};

struct SettingValue {   // as written, for `gdctl show config`
  std::string section;  // "", "partition short"
  std::string key;
  std::string value;
  bool is_default = true;
  bool operator==(const SettingValue&) const = default;
};

struct Settings {
  ControllerSettings controller;
  std::vector<PartitionSettings> partitions;  // never empty; exactly one is the default
  std::vector<AccountSettings> accounts;      // parents first
  LimitSettings limits;
  std::vector<NodeSettings> nodes;
  AgentSettings agent;
  std::vector<SettingValue> values;
  std::string file;
  ConfigFile source;              // what stands in the file, and nothing else
  bool accounts_in_file = false;  // it has sections of kAccountKinds: those are in force
  bool operator==(const Settings&) const = default;
};

// All that the names in it stand for must be in it.
Result<Settings> parse_settings(std::string_view text, const std::string& file);
// A missing file is an empty one. Accounts and QOS that a partition names may be kept by the
// controller; with_accounts() tells whether they are.
Result<Settings> load_settings(const std::string& path);
// With the sections that the controller keeps, unless the file has such: accounts are in one
// place or the other, and the file says in which.
Result<Settings> with_accounts(const Settings& from_file, std::span<const AccountSection> kept);

// "host:port", "*:6820", "[::1]:6820"; a port that is not given is default_port.
struct HostPort {
  std::string host;
  uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};
Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port);
std::string tcp_endpoint(const HostPort& address);  // "tcp://[::1]:6820", for proto/socket.h

ConfigSchema settings_schema();
std::string sample_settings();  // etc/gd.conf

}  // namespace gd
