// What goes to a node: derived from what should be there and what it reported,
// so that a lost, doubled or late message changes nothing.
//
//   a step of a starting or running job that the node does not list -> launch it
//   a step of a completing job that has not ended there             -> end it
//   a step that we know nothing of and that runs there              -> end it at once
//   a step that ended there and is recorded as ended here           -> confirm it
//   another time limit, or signals not yet delivered                -> say so
//
// A launch is sent once and then again only if a later full report does not know
// it, since a script may be large.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "proto/messages_node.h"
#include "server/core/cluster.h"

namespace gd::core {

inline constexpr size_t kLaunchesPerMessage = 64;

struct OrdersDraft {
  struct Blobs {  // what the controller reads from the store into launches[i]
    std::optional<Digest> script;
    std::optional<Digest> environment;
  };
  NodeOrders orders;
  std::vector<Blobs> blobs;  // one for each of orders.launches
  bool more = false;         // ask again at once: kLaunchesPerMessage was reached
};

// The next message for this node, with its number, or nothing to say. Changes only
// the link (what was sent under which number), which is not durable.
std::optional<OrdersDraft> next_orders(Cluster& cluster, std::string_view node);

// All that a node is told of one step, but for what the controller fills in: blobs and keys.
StepLaunch launch_of(const Cluster& cluster, const JobRecord& job, const StepRecord& step,
                     std::string_view node);

// The answer to the node's last hello; ticket_key is for the controller to fill.
std::optional<NodeWelcome> welcome_for(const Cluster& cluster, std::string_view node);

}  // namespace gd::core
