#include "cmd/client.h"

#include <algorithm>

#include "base/digest.h"
#include "base/duration.h"
#include "proto/codec.h"

namespace gd::cmd {

RequestId new_request_id() {
  RequestId id{random_number(), random_number()};
  if (!id.given()) id.low = 1;
  return id;
}

Client::Client(LoginSettings settings, Identity identity, ClientOptions options)
    : settings_(std::move(settings)),
      identity_(std::move(identity)),
      options_(options),
      sockets_(std::make_unique<SocketContext>()) {}

Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::connect(LoginSettings settings, Identity identity,
                                                ClientOptions options) {
  auto client = std::make_shared<Client>(std::move(settings), std::move(identity), options);
  TRY(client->open());
  return client;
}

Result<void> Client::open() {
  socket_.reset();
  socket_ = TRY(ClientSocket::connect(*sockets_, "tcp://" + identity_.controller,
                                      identity_.controller_key, identity_.keys));
  return {};
}

Error Client::no_answer() const {
  return Error{ErrorCode::unavailable, "cannot reach the controller at " + identity_.controller +
                                           " for " + format_interval(options_.patience) +
                                           "; is gdctld running? try 'gdctl ping'"};
}

Error Client::unexpected(const Message& reply) {
  return Error{ErrorCode::internal, "the controller answered with a " +
                                        std::string(name(type_of(reply))) +
                                        ", which does not fit the request"};
}

Result<void> Client::send(uint64_t tag, const Message& request) {
  if (!socket_->send(tag, encode(request))) {
    return Error{ErrorCode::unavailable, "too many requests are under way"};
  }
  return {};
}

Result<std::optional<Tagged>> Client::receive(Milliseconds timeout) {
  const Deadline deadline = Deadline::after(timeout);
  while (true) {
    if (std::optional<Reply> reply = socket_->receive()) {
      return std::optional<Tagged>{Tagged{reply->tag, TRY(decode(reply->body))}};
    }
    if (deadline.passed()) return std::optional<Tagged>{};
    WaitItem item(*socket_);
    (void)wait(std::span(&item, 1), deadline.remaining());
  }
}

// The first answer to the request, sent as often as needed. Each copy has its own tag, so
// that the pages of two answers never mix.
Result<Tagged> Client::await(const Bytes& body) {
  const Deadline deadline = Deadline::after(options_.patience);
  const uint64_t first = last_tag_ + 1;
  while (!deadline.passed()) {
    (void)socket_->send(new_tag(), body);  // a full queue is the next round's business
    const Deadline again = Deadline::after(options_.resend_after);
    while (!again.passed() && !deadline.passed()) {
      std::optional<Tagged> answer =
          TRY(receive(std::min(again.remaining(), deadline.remaining())));
      if (answer && answer->tag >= first) return std::move(*answer);
      if (answer && on_notice_) on_notice_(answer->message);
    }
  }
  return no_answer();
}

Result<Tagged> Client::call_tagged(const Message& request) {
  Tagged reply = TRY(await(encode(request)));
  ErrorReply* refused = std::get_if<ErrorReply>(&reply.message);
  if (refused == nullptr) return reply;
  if (refused->code == ErrorCode::unauthenticated && !renewed_) {
    renewed_ = true;
    Result<Identity> fresh = renew_identity(settings_, identity_);
    if (!fresh.ok() && identity_.job) return fresh.error();  // it says why there is none
    if (fresh.ok()) {
      identity_ = std::move(fresh).take();
      TRY(open());
      return call_tagged(request);
    }
  }
  return Error{refused->code, std::move(refused->text)};
}

Result<Message> Client::call(const Message& request) {
  return std::move(TRY(call_tagged(request)).message);
}

Result<void> Client::pages(const Message& request, const OnPage& on_page) {
  Tagged page = TRY(call_tagged(request));
  while (TRY(on_page(std::move(page.message)))) {
    const Deadline deadline = Deadline::after(options_.patience);
    std::optional<Tagged> next;
    do {
      if (deadline.passed()) return no_answer();
      next = TRY(receive(deadline.remaining()));
    } while (!next || next->tag != page.tag);
    if (ErrorReply* refused = std::get_if<ErrorReply>(&next->message)) {
      return Error{refused->code, std::move(refused->text)};
    }
    page.message = std::move(next->message);
  }
  return {};
}

}  // namespace gd::cmd
