// The pure part of gdinfo: which nodes go into which row.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/node_fields.h"

namespace gd::cmd {

struct InfoOptions {
  std::vector<std::string> clusters;
  std::vector<std::string> partitions, nodes, states;
  std::optional<std::string> format, long_format;
  bool long_listing = false, by_node = false, no_header = false, summary = false, json = false;
  bool reasons = false, all = false, reservations = false;
  std::optional<uint32_t> iterate;
};

void define_gdinfo(Cli& cli, InfoOptions& options);

Result<std::vector<FormatItem>> info_format(const InfoOptions& options);

// Rows in the order of the partitions; nodes that the columns cannot tell apart share one.
std::vector<NodeRow> group_nodes(const InfoOptions& options, const std::vector<FormatItem>& items,
                                 const std::vector<PartitionView>& partitions,
                                 const std::vector<NodeView>& nodes);

}  // namespace gd::cmd
