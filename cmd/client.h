// Client: one connection to the controller, and one call with timeout and retry.
//
// A request is sent again while no answer has come, with the same bytes and so the same
// request id: the controller makes no second job of it. After `patience` without any
// answer the error says where nobody answered. Answers to a query may come in pages; once
// the first has come there is no retry, since the caller may have printed it.
// A key that the controller does not know (any more) is renewed once, silently, where
// this machine allows that.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "cmd/login_client.h"
#include "proto/messages.h"
#include "proto/socket.h"

namespace gd::cmd {

struct ClientOptions {
  Milliseconds patience = 10s;  // with no answer at all
  Milliseconds resend_after = 2s;
};

struct Tagged {
  uint64_t tag = 0;
  Message message;
};

class Client {
 public:
  static Result<std::shared_ptr<Client>> connect(LoginSettings settings, Identity identity,
                                                 ClientOptions options = {});
  Client(LoginSettings settings, Identity identity, ClientOptions options);  // for connect()
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // An ErrorReply comes back as an Error.
  Result<Message> call(const Message& request);

  template <class Reply>
  Result<Reply> ask(const Message& request) {
    Message reply = TRY(call(request));
    if (Reply* right = std::get_if<Reply>(&reply)) return std::move(*right);
    return unexpected(reply);
  }

  // on_page is called for each answer and says whether more follow.
  using OnPage = std::function<Result<bool>(Message&& page)>;
  Result<void> pages(const Message& request, const OnPage& on_page);

  // Notices that come while ask() waits for its answer; else they are dropped.
  using OnNotice = std::function<void(const Message& notice)>;
  void set_notices(OnNotice on_notice) { on_notice_ = std::move(on_notice); }

  // Several requests under way at once, or notices over time: tags are the caller's.
  Result<void> send(uint64_t tag, const Message& request);
  Result<std::optional<Tagged>> receive(Milliseconds timeout);  // nothing: time over

  [[nodiscard]] const CurveKeys& keys() const { return identity_.keys; }
  [[nodiscard]] Error no_answer() const;
  [[nodiscard]] SocketContext& sockets() { return *sockets_; }
  [[nodiscard]] ClientSocket& socket() { return *socket_; }
  [[nodiscard]] uint64_t new_tag() { return ++last_tag_; }
  [[nodiscard]] const std::string& cluster() const { return settings_.cluster; }
  [[nodiscard]] Milliseconds patience() const { return options_.patience; }

 private:
  Result<void> open();
  Result<Tagged> await(const Bytes& body);
  Result<Tagged> call_tagged(const Message& request);
  static Error unexpected(const Message& reply);

  LoginSettings settings_;
  Identity identity_;
  ClientOptions options_;
  std::unique_ptr<SocketContext> sockets_;
  std::optional<ClientSocket> socket_;
  uint64_t last_tag_ = 0;
  OnNotice on_notice_;
  bool renewed_ = false;
};

RequestId new_request_id();

}  // namespace gd::cmd
