// A peer for client code: a ServerSocket on a thread of its own, with a script for what to
// answer. on_message runs on that thread; send() may be called from it only.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/check.h"
#include "proto/codec.h"
#include "proto/socket.h"

namespace gd::test {

class FakeServer {
 public:
  using OnMessage = std::function<void(FakeServer&, const Route&, uint64_t tag, const Message&)>;

  explicit FakeServer(OnMessage on_message)
      : on_message_(std::move(on_message)),
        zap_(context_, [](const std::string& key, const std::string&) {
          return std::optional<Peer>{
              Peer{.kind = PeerKind::user, .public_key = key, .name = "alice"}};
        }) {
    Result<ServerSocket> socket = ServerSocket::bind(context_, "tcp://127.0.0.1:*", keys_);
    GD_CHECK(socket.ok(), socket.error().text);
    socket_.emplace(std::move(socket).take());
    thread_ = std::thread([this] { loop(); });
  }
  ~FakeServer() {
    stopped_ = true;
    thread_.join();
    socket_.reset();
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  void send(const Route& route, uint64_t tag, const Message& message) {
    (void)socket_->send(route, tag, encode(message));
  }
  [[nodiscard]] std::string address() const {
    return socket_->endpoint().substr(std::string("tcp://").size());
  }
  [[nodiscard]] const CurveKeys& keys() const { return keys_; }

 private:
  void loop() {
    while (!stopped_) {
      WaitItem item(*socket_);
      (void)wait(std::span(&item, 1), Milliseconds{20});
      while (std::optional<Incoming> in = socket_->receive()) {
        const Result<Message> message = decode(in->body);
        GD_CHECK(message.ok(), message.error().text);
        on_message_(*this, in->route, in->tag, message.value());
      }
    }
  }

  SocketContext context_;
  CurveKeys keys_ = make_curve_keys();
  OnMessage on_message_;
  ZapHandler zap_;
  std::optional<ServerSocket> socket_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace gd::test
