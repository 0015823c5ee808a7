// ZeroMQ sockets with CURVE, wrapped: the only door to libzmq.
//
// A frame on the wire is [tag: 8 bytes][body]. The tag is chosen by the asking
// side and comes back with each answer; it means nothing else. Bodies are
// encode()d messages. A socket belongs to one thread. Sends never block: past
// kMaxQueuedMessages for one peer they are dropped (the protocols survive that),
// and send() says so.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "proto/message_type.h"
#include "proto/peer.h"

namespace gd {

inline constexpr int kMaxQueuedMessages = 10000;  // a peer, each direction

struct CurveKeys {  // Z85 texts, 40 characters each
  std::string public_key;
  std::string secret_key;
};

CurveKeys make_curve_keys();
Result<std::string> curve_public_of(const std::string& secret_key);
[[nodiscard]] bool is_curve_key(std::string_view text);

inline constexpr int kUsualSockets = 1023;  // of one context; peers of a ServerSocket are none

// One per process. Sockets must be gone before it is.
class SocketContext {
 public:
  explicit SocketContext(int io_threads = 1, int max_sockets = kUsualSockets);
  ~SocketContext();
  SocketContext(SocketContext&&) = delete;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Where an answer goes: libzmq's name of the connection. Empty: nowhere.
using Route = std::string;

struct Incoming {
  Route route;
  Peer peer;  // established by the ZAP handler
  uint64_t tag = 0;
  Bytes body;
};

// ROUTER with CURVE: many peers.
class ServerSocket {
 public:
  // endpoint "tcp://127.0.0.1:6820"; port "*" takes a free one (see endpoint()).
  static Result<ServerSocket> bind(SocketContext& context, const std::string& endpoint,
                                   const CurveKeys& keys);
  ServerSocket(ServerSocket&&) noexcept;
  ServerSocket& operator=(ServerSocket&&) noexcept;
  ~ServerSocket();

  [[nodiscard]] std::string endpoint() const;
  // Nothing waiting, or a frame that is not ours: nullopt (the latter is counted).
  std::optional<Incoming> receive();
  // False: the peer is gone or its queue is full.
  bool send(const Route& route, uint64_t tag, Bytes body);

  struct Impl;

 private:
  friend struct WaitItem;
  explicit ServerSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct Reply {
  uint64_t tag = 0;
  Bytes body;
};

// DEALER with CURVE: one server. Reconnects by itself.
class ClientSocket {
 public:
  static Result<ClientSocket> connect(SocketContext& context, const std::string& endpoint,
                                      const std::string& server_key, const CurveKeys& keys);
  ClientSocket(ClientSocket&&) noexcept;
  ClientSocket& operator=(ClientSocket&&) noexcept;
  ~ClientSocket();

  bool send(uint64_t tag, Bytes body);
  std::optional<Reply> receive();
  // For a Poller, where there are too many sockets for wait(). Readable says "look", once: after
  // it, and after each send(), receive() until there is nothing.
  [[nodiscard]] int fd() const;

  struct Impl;

 private:
  friend struct WaitItem;
  explicit ClientSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What wait() looks at: a socket of ours, or a plain descriptor (readable). An
// epoll descriptor (base/poller.h) counts as one: that is how the loops combine.
struct WaitItem {
  WaitItem(ServerSocket& socket);  // NOLINT: implicit
  WaitItem(ClientSocket& socket);  // NOLINT: implicit
  WaitItem(int fd);                // NOLINT: implicit
  void* socket = nullptr;
  int fd = -1;
  bool ready = false;
};

// Until one is ready or the time is over (negative: for ever). False: time over,
// or a signal came (look again).
bool wait(std::span<WaitItem> items, std::chrono::milliseconds timeout);

// Answers libzmq's question "who has this key?" for every new connection of all
// ServerSockets of the context, on a thread of its own. `identify` runs on that
// thread; it gets a Z85 public key and the peer's address and never refuses for
// an unknown key (PeerKind::nobody), but returns nullopt for a connection that is
// to be dropped.
class ZapHandler {
 public:
  using Identify =
      std::function<std::optional<Peer>(const std::string& public_key, const std::string& address)>;
  ZapHandler(SocketContext& context, Identify identify);
  ~ZapHandler();
  ZapHandler(ZapHandler&&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gd
