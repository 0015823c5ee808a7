// Nodes and partitions as text: sinfo's fields, and the blocks of scontrol.
//
// A row is a set of nodes that look alike in the columns shown, with one partition.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "cmd/format.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

struct NodeRow {
  const PartitionView* partition = nullptr;
  std::vector<const NodeView*> nodes;
};

std::span<const Field<NodeRow>> node_fields();
// Sums over the nodes of a row (%D, %N, %C ...), so it does not tell rows apart.
bool is_sum(const FormatItem& item);

std::string node_state(const NodeView& view);          // "mixed", "drained", "down*"
std::string short_node_state(const NodeView& view);    // "mix", "drain", "down*"
std::string control_node_state(const NodeView& view);  // "MIXED", "IDLE+DRAIN"

std::string node_block(const NodeView& view, bool one_line);
std::string partition_block(const PartitionView& view, bool one_line);
void write_json(JsonWriter& json, const NodeView& view);
void write_json(JsonWriter& json, const PartitionView& view);

}  // namespace gd::cmd
