// -M, --clusters: a client of several Slurm clusters names ours, too. gd knows one cluster; its
// own name and "all" are taken, and any other is refused as Slurm refuses one it cannot reach.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/context.h"

namespace gd::cmd {

void define_clusters(Cli& cli, std::vector<std::string>& clusters);

// No network of its own, but the connection's configuration.
Result<void> check_clusters(const std::vector<std::string>& clusters, Context& context);

// "CLUSTER: NAME", before the heading of a listing that named clusters.
std::string cluster_line(const std::vector<std::string>& clusters, Context& context);

}  // namespace gd::cmd
