// What is asked about the cluster itself, and told to it: nodes, partitions, configuration.
// See proto/messages.h for the form.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/message_type.h"
#include "proto/node_record.h"
#include "proto/preempt.h"

namespace gd {

struct NodeQuery {
  static constexpr MessageType kType = MessageType::node_query;
  std::vector<std::string> names;  // empty: all
  bool operator==(const NodeQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("names", self.names); }
};

enum class NodeReserved : uint8_t { no = 0, yes = 1, maintenance = 2 };  // now

struct NodeView {
  NodeRecord node;
  Resources usable;  // what is found, cut by configuration
  Resources allocated;
  uint32_t jobs = 0;
  bool completing = false;
  double load = 0;  // one-minute load average
  uint64_t free_memory_mib = 0;
  std::vector<std::string> partitions;
  NodeReserved reserved = NodeReserved::no;
  bool operator==(const NodeView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("usable", self.usable);
    field("alloc", self.allocated);
    field("jobs", self.jobs);
    field("completing", self.completing);
    field("load", self.load);
    field("free", self.free_memory_mib);
    field("parts", self.partitions);
    field("reserved", self.reserved);
  }
};

struct NodeQueryReply {
  static constexpr MessageType kType = MessageType::node_query_reply;
  std::vector<NodeView> nodes;
  bool operator==(const NodeQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("nodes", self.nodes); }
};

enum class NodeAction : uint8_t {
  drain = 0,
  resume = 1,
  down = 2,
  remove = 3,
  vouch = 4,
  no_vouch = 5
};

struct NodeUpdateRequest {
  static constexpr MessageType kType = MessageType::node_update_request;
  RequestId request;
  std::vector<std::string> names;
  NodeAction action = NodeAction::drain;
  std::string reason;  // drain and down need one
  bool operator==(const NodeUpdateRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("names", self.names);
    field("action", self.action);
    field("reason", self.reason);
  }
};

struct PartitionQuery {
  static constexpr MessageType kType = MessageType::partition_query;
  bool operator==(const PartitionQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct PartitionView {
  std::string name;
  bool is_default = false;
  bool up = true;
  std::optional<Seconds> max_time;
  std::optional<Seconds> default_time;
  std::string nodes;  // folded hostlist
  uint32_t priority_tier = 1;
  uint32_t total_nodes = 0;
  uint32_t total_cpus = 0;
  PreemptMode preempt_mode = PreemptMode::off;  // in force for its jobs
  Seconds grace_time{};
  bool operator==(const PartitionView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("default", self.is_default);
    field("up", self.up);
    field("max", self.max_time);
    field("def", self.default_time);
    field("nodes", self.nodes);
    field("tier", self.priority_tier);
    field("total_nodes", self.total_nodes);
    field("total_cpus", self.total_cpus);
    field("preempt", self.preempt_mode);
    field("grace", self.grace_time);
  }
};

struct PartitionQueryReply {
  static constexpr MessageType kType = MessageType::partition_query_reply;
  std::vector<PartitionView> partitions;
  bool operator==(const PartitionQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("parts", self.partitions); }
};

struct ShareQuery {
  static constexpr MessageType kType = MessageType::share_query;
  bool operator==(const ShareQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct ShareView {  // an account, or a user of one
  std::string account;
  std::string parent;
  std::string user;  // empty: the account
  uint32_t depth = 0;
  uint32_t shares = 1;
  double part_of_shares = 0;  // among its siblings
  double usage = 0;           // cpu seconds, faded
  double part_of_usage = 0;   // of its parent's
  double part_of_all = 0;
  double level = 0;
  double factor = 0;
  bool operator==(const ShareView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("account", self.account);
    field("parent", self.parent);
    field("user", self.user);
    field("depth", self.depth);
    field("shares", self.shares);
    field("norm_shares", self.part_of_shares);
    field("usage", self.usage);
    field("eff_usage", self.part_of_usage);
    field("norm_usage", self.part_of_all);
    field("level", self.level);
    field("factor", self.factor);
  }
};

struct ShareQueryReply {
  static constexpr MessageType kType = MessageType::share_query_reply;
  std::vector<ShareView> rows;  // parents first
  bool operator==(const ShareQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("rows", self.rows); }
};

struct ConfigQuery {
  static constexpr MessageType kType = MessageType::config_query;
  bool operator==(const ConfigQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct ConfigValue {
  std::string section;  // "", "partition short"
  std::string key;
  std::string value;
  bool is_default = true;
  bool operator==(const ConfigValue&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("section", self.section);
    field("key", self.key);
    field("value", self.value);
    field("default", self.is_default);
  }
};

struct ConfigReply {
  static constexpr MessageType kType = MessageType::config_reply;
  std::vector<ConfigValue> entries;
  bool operator==(const ConfigReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("entries", self.entries); }
};

struct ReconfigureRequest {
  static constexpr MessageType kType = MessageType::reconfigure_request;
  bool operator==(const ReconfigureRequest&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct ShutdownRequest {
  static constexpr MessageType kType = MessageType::shutdown_request;
  bool operator==(const ShutdownRequest&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

// What the controller has done since its start: sdiag.
struct StatsQuery {
  static constexpr MessageType kType = MessageType::stats_query;
  bool reset = false;  // begin again; for administrators
  bool operator==(const StatsQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("reset", self.reset); }
};

struct RequestCount {  // by kind of message, or by user
  std::string name;
  uint32_t number = 0;  // the message's, or the uid
  uint64_t count = 0;
  uint64_t total_us = 0;
  bool operator==(const RequestCount&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("number", self.number);
    field("count", self.count);
    field("us", self.total_us);
  }
};

struct StatsReply {
  static constexpr MessageType kType = MessageType::stats_reply;
  TimePoint now{};
  TimePoint since{};
  uint32_t threads = 0;
  uint64_t queued = 0;  // requests that wait for the name service
  uint64_t submitted = 0, started = 0, completed = 0, cancelled = 0, failed = 0;
  uint64_t pending = 0, running = 0;  // now; elements of an array count each
  uint64_t passes = 0;                // of the scheduler
  uint64_t last_us = 0, max_us = 0, total_us = 0;
  uint64_t last_depth = 0, total_depth = 0;  // records that waited when a pass began
  uint64_t last_started = 0;
  std::vector<RequestCount> by_type;
  std::vector<RequestCount> by_user;
  bool operator==(const StatsReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("now", self.now);
    field("since", self.since);
    field("threads", self.threads);
    field("queued", self.queued);
    field("submitted", self.submitted);
    field("started", self.started);
    field("completed", self.completed);
    field("cancelled", self.cancelled);
    field("failed", self.failed);
    field("pending", self.pending);
    field("running", self.running);
    field("passes", self.passes);
    field("last_us", self.last_us);
    field("max_us", self.max_us);
    field("total_us", self.total_us);
    field("last_depth", self.last_depth);
    field("total_depth", self.total_depth);
    field("last_started", self.last_started);
    field("types", self.by_type);
    field("users", self.by_user);
  }
};

}  // namespace gd
