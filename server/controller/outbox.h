// Where messages to peers leave: the socket in gdctld, a list in tests.
#pragma once

#include "base/fd.h"
#include "proto/messages.h"
#include "proto/socket.h"

namespace gd::controller {

// Did the message find its peer's queue? gone: the connection has ended, or its
// queue is full; the protocols survive that, and whoever waits there need not be kept.
enum class Sent : uint8_t { queued, gone };

class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual Sent send(const Route& route, uint64_t tag, Bytes body) = 0;
};

class SocketOutbox final : public Outbox {
 public:
  explicit SocketOutbox(ServerSocket& socket) : socket_(socket) {}
  Sent send(const Route& route, uint64_t tag, Bytes body) override {
    return socket_.send(route, tag, std::move(body)) ? Sent::queued : Sent::gone;
  }

 private:
  ServerSocket& socket_;
};

}  // namespace gd::controller
