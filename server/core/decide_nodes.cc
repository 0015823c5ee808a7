// What nodes say, and what administrators say about nodes.
#include <algorithm>

#include "base/hostlist.h"
#include "base/text.h"
#include "server/core/admission.h"
#include "server/core/life.h"
#include "server/core/verbs.h"

namespace gd::core {

namespace {

Result<void> check_info(const NodeInfo& info) {
  if (info.name.empty() || info.name.size() > kMaxHostNameBytes) {
    return Error{ErrorCode::invalid, "a node's name has 1 to " + std::to_string(kMaxHostNameBytes) +
                                         " bytes, not " + std::to_string(info.name.size())};
  }
  if (info.total.cpus == 0 || info.total.cpus > kMaxCpusPerTask) {
    return Error{ErrorCode::invalid, "node " + info.name + ": " + std::to_string(info.total.cpus) +
                                         " cpus, expected 1 to " + std::to_string(kMaxCpusPerTask)};
  }
  if (info.total.memory_mib > kMaxMemoryMib) {
    return Error{ErrorCode::invalid,
                 "node " + info.name + ": " + std::to_string(info.total.memory_mib) +
                     " MiB of memory, at most " + std::to_string(kMaxMemoryMib) + " are believed"};
  }
  if (info.boot_id.empty()) {
    return Error{ErrorCode::invalid, "node " + info.name + ": no boot id"};
  }
  return {};
}

void change(Draft& draft, NodeRecord record, NodeState state, std::string reason, Uid by) {
  record.state = state;
  record.reason = std::move(reason);
  record.reason_uid = by;
  record.reason_time = draft.now;
  draft.emit(NodeChanged{std::move(record)});
}

bool is_of_another_boot(const JobRecord& job, const NodeEntry& node) {
  return std::any_of(job.nodes.begin(), job.nodes.end(), [&](const NodeShare& share) {
    return share.node == node.record.name && share.boot_id != node.record.info.boot_id;
  });
}

// Steps that are recorded as running and that a full report does not know are gone; so are all
// unknown ones of an earlier boot. What the node does know of that time it tells itself: a
// status that was on its disk outlives the boot.
void lose_missing(Draft& draft, const NodeEntry& node, const NodeReport& report) {
  std::set<StepKey> there;
  for (const StepStatus& status : report.steps) {
    there.insert({status.job, status.launch, status.step});
  }
  for (const JobId id : node.jobs) {
    for (const StepRecord& step : std::vector<StepRecord>(draft.job(id).steps)) {
      const JobRecord& job = draft.job(id);
      const StepShare* share = share_on(step, node.record.name);
      if (!allocated(job.state) || share == nullptr) continue;
      if (share->state == StepState::ended || there.contains({id, job.launch, step.id})) continue;
      if (share->state == StepState::starting && !is_of_another_boot(job, node)) continue;
      StepStatus gone;
      gone.job = id;
      gone.launch = job.launch;
      gone.step = step.id;
      gone.phase = StepPhase::ended;
      gone.cause = EndCause::lost;
      gone.error = is_of_another_boot(job, node)
                       ? "node " + node.record.name + " was started anew"
                       : "node " + node.record.name + " does not know this step any more";
      take_status(draft, node.record.name, gone);
    }
  }
}

bool is_heard(const Draft& draft, const NodeEntry& node) {
  return node.link.session != 0 &&
         draft.now - node.record.last_heard <= draft.cluster.config().node_timeout;
}

void set_down(Draft& draft, const NodeEntry& node, const Actor& actor, const std::string& reason) {
  NodeRecord record = node.record;
  record.set_down = true;
  change(draft, std::move(record), NodeState::down, reason, actor.uid);
  if (!is_heard(draft, node)) {  // an administrator's word that nothing runs there
    lose_node(draft, node, "node " + node.record.name + " was set down: " + reason);
    return;
  }
  for (const JobId id : node.jobs) {
    const JobRecord& job = draft.job(id);
    if (job.state == JobState::completing || !holds(job, node.record.name)) continue;
    end_job(draft, id,
            Ending{.as = JobState::node_fail,
                   .reason = Reason::node_down,
                   .text = "node " + node.record.name + " was set down: " + reason,
                   .by = {},
                   .requeue = may_requeue(draft.cluster.config(), job)});
  }
}

void resume(Draft& draft, const NodeEntry& node) {
  NodeRecord record = node.record;
  record.drained = false;
  record.set_down = false;
  const NodeState state = is_heard(draft, node)                ? NodeState::up
                          : record.state == NodeState::unknown ? NodeState::unknown
                                                               : NodeState::down;
  change(draft, std::move(record), state, {}, 0);
}

Result<void> remove(Draft& draft, const NodeEntry& node) {
  if (!node.jobs.empty() && is_heard(draft, node)) {
    return Error{ErrorCode::conflict, "node " + node.record.name + " has " +
                                          std::to_string(node.jobs.size()) +
                                          " jobs; drain it and wait, or set it down"};
  }
  lose_node(draft, node, "node " + node.record.name + " was removed");
  draft.emit(NodeRemoved{node.record.name});
  return {};
}

Result<void> update_one(Draft& draft, const UpdateNodes& command, const NodeEntry& node) {
  const NodeUpdateRequest& request = command.request;
  NodeRecord record = node.record;
  switch (request.action) {
    case NodeAction::drain:
      record.drained = true;
      change(draft, std::move(record), node.record.state, request.reason, command.actor.uid);
      return {};
    case NodeAction::down: set_down(draft, node, command.actor, request.reason); return {};
    case NodeAction::resume: resume(draft, node); return {};
    case NodeAction::remove: return remove(draft, node);
    case NodeAction::vouch:
    case NodeAction::no_vouch:
      record.may_vouch = request.action == NodeAction::vouch;
      draft.emit(NodeChanged{std::move(record)});
      return {};
  }
  return Error{ErrorCode::invalid, "unknown action"};
}

constexpr std::string_view kActionNames[] = {"drain",  "resume", "down",
                                             "remove", "vouch",  "no_vouch"};

}  // namespace

Result<Reply> node_arrived(Draft& draft, const NodeArrived& command) {
  const NodeInfo& info = command.hello.info;
  TRY(check_info(info));
  draft.emit(NodeCame{info, draft.new_session(), command.hello.nonce, draft.now});
  return Reply{Done{}};  // what it still has is in its first full report
}

Result<Reply> node_told(Draft& draft, const NodeTold& command) {
  const NodeReport& report = command.report;
  const NodeEntry* node = draft.cluster.find_node(command.node);
  if (node == nullptr || node->link.session == 0 || node->link.session != report.session) {
    draft.emit(NodeUnknown{command.node});
    return Reply{Done{}};
  }
  if (report.number <= node->link.last_report) return Reply{Done{}};  // doubled or late
  draft.emit(NodeReported{command.node, report, draft.now});
  if (node->record.state != NodeState::up && !node->record.set_down) {
    NodeRecord record = node->record;
    record.last_heard = draft.now;
    // A reason that an administrator gave for draining it is kept.
    change(draft, record, NodeState::up, record.drained ? record.reason : std::string(),
           record.drained ? record.reason_uid : 0);
  }
  for (const StepStatus& status : report.steps) take_status(draft, command.node, status);
  if (report.full) lose_missing(draft, *node, report);
  return Reply{Done{}};
}

Result<Reply> update_nodes(Draft& draft, const UpdateNodes& command) {
  const NodeUpdateRequest& request = command.request;
  if (!command.actor.administrator) {
    return Error{ErrorCode::denied, "user " + command.actor.user + " is not an administrator"};
  }
  const bool needs_reason =
      request.action == NodeAction::drain || request.action == NodeAction::down;
  if (needs_reason && request.reason.empty()) {
    return Error{ErrorCode::invalid, "give a reason, so that others know why"};
  }
  if (request.reason.size() > kMaxNameBytes) {
    return Error{ErrorCode::invalid, "the reason has " + std::to_string(request.reason.size()) +
                                         " bytes, at most " + std::to_string(kMaxNameBytes) +
                                         " are allowed"};
  }
  std::vector<const NodeEntry*> nodes;
  for (const std::string& name : request.names) {
    const NodeEntry* node = draft.cluster.find_node(name);
    if (node == nullptr) {
      return Error{ErrorCode::not_found, "node " + printable(name) + ": no such node"};
    }
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
  for (const NodeEntry* node : nodes) {
    TRY(update_one(draft, command, *node));
    std::string text = std::string(kActionNames[static_cast<size_t>(request.action)]) + " node " +
                       node->record.name;
    if (!request.reason.empty()) text += ": " + request.reason;
    audit(draft, command.actor, std::move(text));
  }
  return Reply{Done{}};
}

Result<Reply> reconfigure(Draft& draft, const Reconfigure& command) {
  if (!command.actor.administrator) {
    return Error{ErrorCode::denied, "user " + command.actor.user + " is not an administrator"};
  }
  draft.emit(Reconfigured{command.config});
  audit(draft, command.actor, "reconfigure");
  return Reply{Done{}};
}

// Whether the actor may has been judged change by change (account_edits.h).
Result<Reply> set_accounts(Draft& draft, const SetAccounts& command) {
  draft.emit(Reconfigured{command.config});
  audit(draft, command.actor, command.what);
  return Reply{Done{}};
}

}  // namespace gd::core
