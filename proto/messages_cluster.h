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

namespace gd {

struct NodeQuery {
  static constexpr MessageType kType = MessageType::node_query;
  std::vector<std::string> names;  // empty: all
  bool operator==(const NodeQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("names", self.names); }
};

struct NodeView {
  NodeRecord node;
  Resources usable;  // what is found, cut by configuration
  Resources allocated;
  uint32_t jobs = 0;
  bool completing = false;
  double load = 0;  // one-minute load average
  uint64_t free_memory_mib = 0;
  std::vector<std::string> partitions;
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

}  // namespace gd
