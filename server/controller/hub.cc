// The ways to change what the owner thread owns.
#include "server/controller/hub.h"

#include "proto/codec.h"
#include "server/core/apply.h"
#include "server/core/react.h"
#include "server/store/tables.h"

namespace gd::controller {

Bytes Turn::encode_message(const Message& message) {
  return encode(message);
}

Hub::Hub(Parts given, std::shared_ptr<const core::ClusterConfig> config, TimePoint started)
    : parts(std::move(given)),
      cluster_config_now(config),
      cluster(std::move(config), started),
      stats(started),
      now(started) {}

Result<core::Decision> Hub::run(const core::Command& command) {
  Result<core::Decision> decision = core::decide(cluster, command, now);
  if (!decision.ok()) return decision;
  for (const core::Event& event : decision->events) {
    core::apply(cluster, event);
    core::react(cluster, event, turn.effects);
    stats.note(cluster, event);
  }
  return decision;
}

void Hub::change_keys(const auth::KeyChange& change) {
  if (change.put.empty() && change.erase.empty()) return;
  for (const KeyRecord& key : change.put) {
    turn.writes.push_back({store::Table::keys, key.public_key, encode_record(key)});
  }
  for (const std::string& key : change.erase) {
    turn.writes.push_back({store::Table::keys, key, std::nullopt});
  }
  auth::apply(keys, change);
  turn.after.emplace_back([this] { parts.directory->publish(keys.snapshot()); });
}

void Hub::audit(const auth::Caller& caller, const std::string& text) {
  turn.writes.push_back({store::Table::events, store::time_key(now, ++audit_serial),
                         std::to_string(caller.uid) + "\t" + caller.name + "\t" + text});
}

core::Actor Hub::actor_of(const auth::Caller& caller) const {
  core::Actor actor;
  actor.uid = caller.uid;
  actor.gid = caller.gid;
  actor.user = caller.name;
  actor.administrator = caller.administrator;
  if (const UserGroups* found = groups.find(caller.uid); found != nullptr) {
    actor.group = found->group;
    actor.groups = found->groups;
  }
  return actor;
}

std::vector<StepAccess> Hub::access_to(const JobRecord& job, const StepRecord& step,
                                       const std::string& client_key) const {
  std::vector<StepAccess> ways;
  for (const StepShare& share : step.shares) {
    const core::NodeEntry* node = cluster.find_node(share.node);
    if (node == nullptr || node->record.info.stream_address.empty()) return {};
    const Ticket ticket{.job = job.id,
                        .launch = job.launch,
                        .step = step.id,
                        .uid = job.uid,
                        .node = share.node,
                        .client_key = client_key};
    ways.push_back({share.node,
                    share.tasks,
                    {node->record.info.stream_address, node->record.info.stream_key,
                     sign_ticket(ticket, parts.ticket_keys.secret_key)}});
  }
  return ways;
}

}  // namespace gd::controller
