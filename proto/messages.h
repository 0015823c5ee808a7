// Every message, one struct each with one list of its fields.
//
// On the wire a message is [version, type, {field: value}] in msgpack. Fields
// travel by name; a field that equals its default is left out, an unknown one is
// skipped: so fields may be added, never renamed or reused. Whether a value makes
// sense is for its user to judge (server/core/admission.h), not for the codec.
// Who sent a message is never in it: the socket knows (proto/peer.h).
//
// Three conversations:  client -> controller (proto/messages_client.h)
//                       node  <-> controller (proto/messages_node.h)
//                       client <-> node, node <-> shepherd (proto/messages_stream.h)
#pragma once

#include <variant>

#include "proto/messages_client.h"
#include "proto/messages_node.h"
#include "proto/messages_stream.h"

namespace gd {

using Message = std::variant<
    ErrorReply, OkReply, PingRequest, PingReply, SubmitRequest, SubmitReply, JobQuery, JobQueryReply,
    CancelRequest, JobControlRequest, JobUpdateRequest, JobsReply, WaitRequest, JobNotice,
    StepRequest, StepReply, NodeQuery, NodeQueryReply, NodeUpdateRequest, PartitionQuery,
    PartitionQueryReply, ConfigQuery, ConfigReply, ReconfigureRequest, ShutdownRequest,
    KeyListRequest, KeyListReply, KeyRevokeRequest, NodeTokenRequest, NodeTokenReply, ScriptQuery,
    ScriptReply, LoginStart, LoginPrompt, LoginAnswer, LoginDone, EnrolRequest, NodeJoin, NodeJoined,
    NodeHello, NodeWelcome, NodeReport, NodeOrders, StreamOpen, StreamOpened, StreamData, StreamEnd,
    StreamAck, StreamResize, StreamSignal, StreamPing, StreamExit, StepLaunch, ShepherdStatus,
    ShepherdOrder>;

[[nodiscard]] std::string_view name(MessageType type);  // "submit_request", for logs and errors
[[nodiscard]] MessageType type_of(const Message& message);

}  // namespace gd
