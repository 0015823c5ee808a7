#include "cmd/clusters.h"

#include "base/text.h"
#include "cmd/client.h"

namespace gd::cmd {

void define_clusters(Cli& cli, std::vector<std::string>& clusters) {
  cli.list("-M,--clusters,--cluster", "NAME[,...]", "This cluster, by its name, or 'all'", clusters)
      .env("CLUSTERS");
}

Result<void> check_clusters(const std::vector<std::string>& clusters, Context& context) {
  if (clusters.empty()) return {};
  const std::string& own = TRY(context.controller())->cluster();
  for (const std::string& name : clusters) {
    if (name == own || equal_no_case(name, "all")) continue;
    return Error{ErrorCode::invalid,
                 context.slurm()
                     ? "'" + printable(name) +
                           "' can't be reached now, or it is an invalid entry for --cluster. "
                           "Use 'sacctmgr list clusters' to see available clusters."
                     : "cluster '" + printable(name) + "' is not this one, which is " + own};
  }
  return {};
}

std::string cluster_line(const std::vector<std::string>& clusters, Context& context) {
  if (clusters.empty() || context.client == nullptr) return "";
  return "CLUSTER: " + context.client->cluster() + "\n";
}

}  // namespace gd::cmd
