// What goes to nodes: orders made from the state at the moment they are sent, with
// scripts and environments filled in here, at the edge.
#include "base/log.h"
#include "proto/codec.h"
#include "server/controller/controller.h"
#include "server/core/orders.h"

namespace gd::controller {
namespace {

Result<void> fill_blobs(Hub& hub, core::OrdersDraft& draft, store::Snapshot& snapshot) {
  for (size_t i = 0; i < draft.blobs.size(); ++i) {
    StepLaunch& launch = draft.orders.launches[i];
    if (draft.blobs[i].script) {
      launch.script = TRY(hub.blobs.read(*draft.blobs[i].script, snapshot));
    }
    if (draft.blobs[i].environment) {
      launch.environment = TRY(hub.blobs.read(*draft.blobs[i].environment, snapshot));
    }
  }
  return {};
}

// The job's own key, which its commands inside speak with.
void fill_keys(const Hub& hub, NodeOrders& orders) {
  for (StepLaunch& launch : orders.launches) {
    const auto key = hub.job_keys.find(launch.job);
    if (key == hub.job_keys.end()) continue;
    launch.job_key = key->second.public_key;
    launch.job_secret = key->second.secret_key;
  }
}

}  // namespace

void send_orders(Hub& hub, const std::set<std::string>& nodes) {
  std::unique_ptr<store::Snapshot> snapshot;
  for (const std::string& name : nodes) {
    const auto route = hub.node_routes.find(name);
    if (route == hub.node_routes.end()) continue;  // its next hello brings it back
    std::optional<core::OrdersDraft> draft = core::next_orders(hub.cluster, name);
    if (!draft) continue;
    if (!snapshot && !draft->blobs.empty()) {
      Result<std::unique_ptr<store::Snapshot>> fresh = hub.parts.store->snapshot();
      if (!fresh.ok()) return log_error("orders_not_sent", {{"error", fresh.error()}});
      snapshot = std::move(fresh).take();
    }
    if (snapshot) {
      const Result<void> filled = fill_blobs(hub, *draft, *snapshot);
      if (!filled.ok()) {
        log_error("orders_not_sent", {{"node", name}, {"error", filled.error()}});
        continue;
      }
    }
    fill_keys(hub, draft->orders);
    hub.parts.outbox->send(route->second, 0, encode(std::move(draft->orders)));
  }
}

void send_welcomes(Hub& hub, const core::Effects& effects) {
  for (const std::string& name : effects.welcome) {
    const auto route = hub.node_routes.find(name);
    std::optional<NodeWelcome> welcome = core::welcome_for(hub.cluster, name);
    if (route == hub.node_routes.end() || !welcome) continue;
    welcome->ticket_key = hub.parts.ticket_keys.public_key;
    hub.parts.outbox->send(route->second, hub.hello_tags[name], encode(std::move(*welcome)));
  }
  for (const std::string& name : effects.say_hello) {
    const auto route = hub.node_routes.find(name);
    if (route == hub.node_routes.end()) continue;
    hub.parts.outbox->send(route->second, 0,
                           encode(ErrorReply{ErrorCode::conflict,
                                             "node " + name + " has no session here; say hello"}));
  }
}

}  // namespace gd::controller
