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

#include <concepts>
#include <string_view>
#include <variant>

#include "proto/messages_accounts.h"
#include "proto/messages_client.h"
#include "proto/messages_cluster.h"
#include "proto/messages_crontab.h"
#include "proto/messages_identity.h"
#include "proto/messages_node.h"
#include "proto/messages_policy.h"
#include "proto/messages_stream.h"

namespace gd {

using MessageVariant = std::variant<
    ErrorReply, OkReply, PingRequest, PingReply, SubmitRequest, SubmitReply, JobQuery,
    JobQueryReply, CancelRequest, JobControlRequest, JobUpdateRequest, JobsReply, WaitRequest,
    JobNotice, StepRequest, StepReply, NodeQuery, NodeQueryReply, NodeUpdateRequest, PartitionQuery,
    PartitionQueryReply, ShareQuery, ShareQueryReply, LimitQuery, LimitQueryReply, WhyQuery,
    WhyReply, ReservationQuery, ReservationQueryReply, ReservationRequest, UsageResetRequest,
    ConfigQuery, ConfigReply, ReconfigureRequest, ShutdownRequest, KeyListRequest, KeyListReply,
    KeyRevokeRequest, NodeTokenRequest, NodeTokenReply, ScriptQuery, ScriptReply, StatsQuery,
    StatsReply, LoginStart, LoginPrompt, LoginAnswer, LoginDone, EnrolRequest, NodeJoin, NodeJoined,
    NodeHello, NodeWelcome, NodeReport, NodeOrders, StreamOpen, StreamOpened, StreamData, StreamEnd,
    StreamAck, StreamResize, StreamSignal, StreamPing, StreamExit, StreamNotice, StepLaunch,
    ShepherdStatus, ShepherdOrder, ExplainReply, NodeExplain, NodeExplained, StepSample,
    AccountsRequest, AccountsReply, CrontabQuery, CrontabReply, CrontabRequest>;

template <class Body>
concept MessageBody = requires {
  { Body::kType } -> std::convertible_to<MessageType>;
};

// One of them. A class of its own only so that copying, destroying and comparing
// seventy alternatives is compiled once, in messages.cc, and not in every file
// that hands a message on: std::visit, get and get_if work as on the variant.
class Message : public MessageVariant {
 public:
  Message();
  template <MessageBody Body>
  Message(Body body);  // NOLINT: implicit; instantiated for each in messages.cc
  template <size_t index>
  explicit Message(std::in_place_index_t<index> which) : MessageVariant(which) {}
  Message(const Message& other);
  Message(Message&& other) noexcept;
  Message& operator=(const Message& other);
  Message& operator=(Message&& other) noexcept;
  ~Message();
  bool operator==(const Message& other) const;
};

[[nodiscard]] std::string_view name(MessageType type);  // "submit_request", for logs and errors
[[nodiscard]] MessageType type_of(const Message& message);

}  // namespace gd
