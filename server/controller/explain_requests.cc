// --explain-sandbox: the node that would run a job says what it would get there.
//
// A submission is judged as by --test-only; the first node of its placement is sent what it
// would be sent at the launch, and its answer goes to who asked. Nothing durable changes. A
// question that a node has not answered in time, or that is one too many, is refused.
#include "proto/codec.h"
#include "server/controller/handlers.h"

namespace gd::controller {
namespace {

Result<void> check_room(const Hub& hub, const auth::Caller& caller) {
  size_t own = 0;
  for (const auto& [number, each] : hub.explanations) {
    own += each.origin.caller.uid == caller.uid ? 1 : 0;
  }
  if (hub.explanations.size() < kMaxExplanations && own < kMaxExplanationsOfUser) return {};
  return Error{ErrorCode::exhausted, std::to_string(hub.explanations.size()) +
                                         " such questions wait for their nodes, " +
                                         std::to_string(own) + " of them yours; try again"};
}

Result<core::Submitted> judge(Hub& hub, const Origin& origin, const SubmitRequest& request) {
  core::Submit command;
  command.actor = hub.actor_of(origin.caller);
  command.request = request.request;
  command.spec = request.spec;
  command.test_only = true;
  core::Decision decision = TRY(hub.run(command));
  return std::move(std::get<core::Submitted>(decision.reply));
}

Result<void> ask_node(Hub& hub, const Origin& origin, SubmitRequest&& request) {
  TRY(check_room(hub, origin.caller));
  core::Submitted judged = TRY(judge(hub, origin, request));
  if (!judged.trial) {
    return Error{ErrorCode::unavailable,
                 judged.warnings.empty() ? "no node could run it" : judged.warnings.back()};
  }
  const std::string node = judged.expected_nodes.front();
  const auto route = hub.node_routes.find(node);
  if (route == hub.node_routes.end()) {
    return Error{ErrorCode::unavailable, "node " + node + " would run it, and is not here to ask"};
  }
  NodeExplain question{.number = ++hub.last_explanation, .launch = *std::move(judged.trial)};
  question.launch.script = std::move(request.script);
  question.launch.environment = std::move(request.environment);
  hub.explanations[question.number] = {.origin = origin,
                                       .node = node,
                                       .until = hub.now + kExplainPatience,
                                       .expected_start = judged.expected_start};
  hub.turn.reply(route->second, 0, std::move(question));
  return {};
}

}  // namespace

void explain_submission(Hub& hub, const Origin& origin, SubmitRequest&& request) {
  const Result<void> asked = ask_node(hub, origin, std::move(request));
  if (!asked.ok()) hub.refuse(origin, asked.error());
}

void on_explained(Hub& hub, const Origin& origin, NodeExplained&& answer) {
  const auto found = hub.explanations.find(answer.number);
  // Late, or of a node that was not asked.
  if (found == hub.explanations.end() || found->second.node != origin.caller.name) return;
  const PendingExplanation pending = std::move(found->second);
  hub.explanations.erase(found);
  if (!answer.error.empty()) {
    return hub.refuse(pending.origin,
                      {ErrorCode::unavailable, "node " + pending.node + ": " + answer.error});
  }
  hub.reply(pending.origin, ExplainReply{.node = pending.node,
                                         .expected_start = pending.expected_start,
                                         .lines = std::move(answer.lines),
                                         .refusals = std::move(answer.refusals)});
}

void expire_explanations(Hub& hub) {
  std::erase_if(hub.explanations, [&](const auto& each) {
    if (each.second.until > hub.now) return false;
    hub.refuse(each.second.origin,
               {ErrorCode::unavailable, "node " + each.second.node + " has not answered"});
    return true;
  });
}

}  // namespace gd::controller
