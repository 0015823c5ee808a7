// Nodes: hello, reports, and what administrators say about nodes.
#include "server/controller/handlers.h"

namespace gd::controller {
namespace {

void vouch_if_promised(Hub& hub, const std::string& name) {
  if (hub.vouch_when_known.erase(name) == 0) return;
  hub.turn.writes.push_back({store::Table::meta, kVouchPrefix + name, std::nullopt});
  core::UpdateNodes command;
  command.actor.user = "join token";
  command.actor.administrator = true;
  command.request.names = {name};
  command.request.action = NodeAction::vouch;
  const Result<core::Decision> done = hub.run(command);
  if (!done.ok()) hub.audit({.name = name}, "not trusted to vouch: " + done.error().text);
}

}  // namespace

void on_hello(Hub& hub, const Origin& origin, NodeHello&& hello) {
  const std::string& name = origin.caller.name;
  if (hello.info.name != name) {
    return hub.refuse(origin, {ErrorCode::denied,
                               "this key is node " + name + "'s, not " + hello.info.name + "'s"});
  }
  const Result<core::Decision> reply = hub.run(core::NodeArrived{std::move(hello)});
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.node_routes[name] = origin.route;
  hub.hello_tags[name] = origin.tag;
  vouch_if_promised(hub, name);
}

void on_report(Hub& hub, const Origin& origin, NodeReport&& report) {
  const std::string& name = origin.caller.name;
  hub.node_routes[name] = origin.route;
  const Result<core::Decision> reply = hub.run(core::NodeTold{name, std::move(report)});
  if (!reply.ok()) hub.refuse(origin, reply.error());
}

void on_reservation(Hub& hub, const Origin& origin, ReservationRequest&& request) {
  Result<core::Decision> done =
      hub.run(core::ChangeReservation{hub.actor_of(origin.caller), std::move(request)});
  if (!done.ok()) return hub.refuse(origin, done.error());
  ReservationQueryReply reply;
  reply.reservations.push_back(std::get<core::Reserved>(done->reply).record);
  reply.now = hub.now;
  hub.reply(origin, reply);
}

void on_node_update(Hub& hub, const Origin& origin, NodeUpdateRequest&& request) {
  const NodeAction action = request.action;
  const std::vector<std::string> names = request.names;
  Result<core::Decision> reply =
      hub.run(core::UpdateNodes{hub.actor_of(origin.caller), std::move(request)});
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  if (action == NodeAction::remove) {  // it would come back with its next hello
    auth::KeyChange change;
    for (const std::string& name : names) {
      for (const auth::KeyPointer& key : hub.keys.of_node(name)) {
        change.erase.push_back(key->public_key);
      }
      hub.node_routes.erase(name);
      hub.hello_tags.erase(name);
    }
    hub.change_keys(change);
  }
  hub.reply(origin, OkReply{std::get<core::Done>(reply->reply).warnings});
}

}  // namespace gd::controller
