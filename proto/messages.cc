// The special members of Message, compiled once; see the header.
#include "proto/messages.h"

#include <utility>

namespace gd {

namespace {

const MessageVariant& variant_of(const Message& message) {
  return message;
}

}  // namespace

Message::Message() = default;
Message::Message(const Message& other) = default;
Message::Message(Message&& other) noexcept = default;
Message& Message::operator=(const Message& other) = default;
Message& Message::operator=(Message&& other) noexcept = default;
Message::~Message() = default;

bool Message::operator==(const Message& other) const {
  return variant_of(*this) == variant_of(other);
}

template <MessageBody Body>
Message::Message(Body body) : MessageVariant(std::move(body)) {}

// One line for each alternative; a missing one does not link.
template Message::Message(ErrorReply);
template Message::Message(OkReply);
template Message::Message(PingRequest);
template Message::Message(PingReply);
template Message::Message(SubmitRequest);
template Message::Message(SubmitReply);
template Message::Message(JobQuery);
template Message::Message(JobQueryReply);
template Message::Message(CancelRequest);
template Message::Message(JobControlRequest);
template Message::Message(JobUpdateRequest);
template Message::Message(JobsReply);
template Message::Message(WaitRequest);
template Message::Message(JobNotice);
template Message::Message(StepRequest);
template Message::Message(StepReply);
template Message::Message(NodeQuery);
template Message::Message(NodeQueryReply);
template Message::Message(NodeUpdateRequest);
template Message::Message(PartitionQuery);
template Message::Message(PartitionQueryReply);
template Message::Message(ShareQuery);
template Message::Message(ShareQueryReply);
template Message::Message(LimitQuery);
template Message::Message(LimitQueryReply);
template Message::Message(AccountsRequest);
template Message::Message(AccountsReply);
template Message::Message(CrontabQuery);
template Message::Message(CrontabReply);
template Message::Message(CrontabRequest);
template Message::Message(WhyQuery);
template Message::Message(WhyReply);
template Message::Message(ReservationQuery);
template Message::Message(ReservationQueryReply);
template Message::Message(ReservationRequest);
template Message::Message(UsageResetRequest);
template Message::Message(ConfigQuery);
template Message::Message(ConfigReply);
template Message::Message(ReconfigureRequest);
template Message::Message(ShutdownRequest);
template Message::Message(KeyListRequest);
template Message::Message(KeyListReply);
template Message::Message(KeyRevokeRequest);
template Message::Message(NodeTokenRequest);
template Message::Message(NodeTokenReply);
template Message::Message(ScriptQuery);
template Message::Message(ScriptReply);
template Message::Message(StatsQuery);
template Message::Message(StatsReply);
template Message::Message(LoginStart);
template Message::Message(LoginPrompt);
template Message::Message(LoginAnswer);
template Message::Message(LoginDone);
template Message::Message(EnrolRequest);
template Message::Message(NodeJoin);
template Message::Message(NodeJoined);
template Message::Message(NodeHello);
template Message::Message(NodeWelcome);
template Message::Message(NodeReport);
template Message::Message(NodeOrders);
template Message::Message(StreamOpen);
template Message::Message(StreamOpened);
template Message::Message(StreamData);
template Message::Message(StreamEnd);
template Message::Message(StreamAck);
template Message::Message(StreamResize);
template Message::Message(StreamSignal);
template Message::Message(StreamPing);
template Message::Message(StreamExit);
template Message::Message(StreamNotice);
template Message::Message(StepLaunch);
template Message::Message(ShepherdStatus);
template Message::Message(ShepherdOrder);
template Message::Message(ExplainReply);
template Message::Message(NodeExplain);
template Message::Message(NodeExplained);
template Message::Message(StepSample);

}  // namespace gd
