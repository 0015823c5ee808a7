// libzmq's C interface, wrapped. C rather than cppzmq: errors stay values, and this
// file is the only one that would include either.
#include "proto/socket.h"

#include <poll.h>
#include <zmq.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/check.h"

namespace gd {

namespace {

constexpr size_t kTagBytes = 8;
constexpr int kLingerMs = 1000;  // unsent replies may still leave at the end
constexpr int kHandshakeMs = 10000;
constexpr int kHeartbeatMs = 10000;  // finds connections that died without a word
constexpr int kReconnectMs = 20;
constexpr int kMaxReconnectMs = 2000;
constexpr char kZapEndpoint[] = "inproc://zeromq.zap.01";

Error zmq_error(const std::string& what) {
  const int number = zmq_errno();
  const ErrorCode code = number == EADDRINUSE ? ErrorCode::exists : ErrorCode::unavailable;
  return {code, what + ": " + zmq_strerror(number)};
}

struct SocketCloser {
  void operator()(void* socket) const { zmq_close(socket); }
};
using Handle = std::unique_ptr<void, SocketCloser>;

class Frame {  // one zmq_msg_t, closed when it goes
 public:
  Frame() { zmq_msg_init(&message_); }
  explicit Frame(std::string_view bytes) {
    GD_CHECK(zmq_msg_init_size(&message_, bytes.size()) == 0, bytes.size());
    if (!bytes.empty()) std::memcpy(zmq_msg_data(&message_), bytes.data(), bytes.size());
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() { zmq_msg_close(&message_); }

  bool receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
  bool send(void* socket, int flags) {
    return zmq_msg_send(&message_, socket, flags | ZMQ_DONTWAIT) >= 0;
  }
  [[nodiscard]] bool more() const { return zmq_msg_more(&message_) != 0; }
  [[nodiscard]] std::string_view bytes() {
    return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }
  [[nodiscard]] std::string property(const char* name) {
    const char* text = zmq_msg_gets(&message_, name);
    return text == nullptr ? std::string{} : std::string(text);
  }

 private:
  zmq_msg_t message_;
};

std::string pack_tag(uint64_t tag) {
  std::string bytes(kTagBytes, '\0');
  for (size_t i = 0; i < kTagBytes; ++i) bytes[i] = static_cast<char>(tag >> (8 * i));
  return bytes;
}

uint64_t unpack_tag(std::string_view bytes) {
  uint64_t tag = 0;
  for (size_t i = 0; i < kTagBytes; ++i) {
    tag |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return tag;
}

// A message without an end (a peer that sends parts for ever) is read to its end
// or to this many parts, then the connection's next parts start a new, bad message.
constexpr int kMaxParts = 16;

void skip_parts(void* socket, Frame& last) {
  for (int part = 0; last.more() && part < kMaxParts; ++part) {
    if (!last.receive(socket)) return;
  }
}

// An IPv4 peer of an IPv6 socket is called ::ffff:a.b.c.d; people call it a.b.c.d.
std::string plain_address(const std::string& address) {
  constexpr std::string_view kMapped = "::ffff:";
  return address.starts_with(kMapped) ? address.substr(kMapped.size()) : address;
}

bool set(void* socket, int option, int value) {
  return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

bool set(void* socket, int option, const std::string& value) {
  return zmq_setsockopt(socket, option, value.data(), value.size()) == 0;
}

bool set_common(void* socket) {
  const int64_t max_bytes = int64_t{kMaxMessageBytes};
  return set(socket, ZMQ_LINGER, kLingerMs) && set(socket, ZMQ_SNDHWM, kMaxQueuedMessages) &&
         set(socket, ZMQ_RCVHWM, kMaxQueuedMessages) &&
         set(socket, ZMQ_HANDSHAKE_IVL, kHandshakeMs) &&
         set(socket, ZMQ_HEARTBEAT_IVL, kHeartbeatMs) && set(socket, ZMQ_IPV6, 1) &&
         zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes) == 0;
}

}  // namespace

CurveKeys make_curve_keys() {
  std::array<char, 41> public_key{};
  std::array<char, 41> secret_key{};
  GD_CHECK(zmq_curve_keypair(public_key.data(), secret_key.data()) == 0);
  return {public_key.data(), secret_key.data()};
}

Result<std::string> curve_public_of(const std::string& secret_key) {
  std::array<char, 41> public_key{};
  if (!is_curve_key(secret_key) || zmq_curve_public(public_key.data(), secret_key.c_str()) != 0) {
    return Error{ErrorCode::invalid, "not a CURVE key of 40 characters"};
  }
  return std::string(public_key.data());
}

bool is_curve_key(std::string_view text) {
  std::array<uint8_t, 32> octets{};
  return text.size() == 40 && zmq_z85_decode(octets.data(), std::string(text).c_str()) != nullptr;
}

// ---- context

struct SocketContext::Impl {
  void* context = zmq_ctx_new();
};

SocketContext::SocketContext(int io_threads, int max_sockets) : impl_(std::make_unique<Impl>()) {
  GD_CHECK(impl_->context != nullptr);
  zmq_ctx_set(impl_->context, ZMQ_IO_THREADS, io_threads);
  zmq_ctx_set(impl_->context, ZMQ_MAX_SOCKETS, max_sockets);
}

SocketContext::~SocketContext() {
  zmq_ctx_term(impl_->context);
}

// ---- server

struct ServerSocket::Impl {
  Handle socket;
};

ServerSocket::ServerSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServerSocket::ServerSocket(ServerSocket&&) noexcept = default;
ServerSocket& ServerSocket::operator=(ServerSocket&&) noexcept = default;
ServerSocket::~ServerSocket() = default;

Result<ServerSocket> ServerSocket::bind(SocketContext& context, const std::string& endpoint,
                                        const CurveKeys& keys) {
  Handle socket(zmq_socket(context.impl().context, ZMQ_ROUTER));
  if (!socket) return zmq_error("socket");
  // MANDATORY: a send to a peer that is gone fails instead of vanishing.
  const bool prepared = set_common(socket.get()) && set(socket.get(), ZMQ_CURVE_SERVER, 1) &&
                        set(socket.get(), ZMQ_CURVE_SECRETKEY, keys.secret_key) &&
                        set(socket.get(), ZMQ_ROUTER_MANDATORY, 1) &&
                        set(socket.get(), ZMQ_BACKLOG, 4096) &&
                        set(socket.get(), ZMQ_ZAP_DOMAIN, std::string("gd"));
  if (!prepared) return zmq_error("socket options");
  if (zmq_bind(socket.get(), endpoint.c_str()) != 0) return zmq_error("listen on " + endpoint);
  auto impl = std::make_unique<Impl>();
  impl->socket = std::move(socket);
  return ServerSocket(std::move(impl));
}

std::string ServerSocket::endpoint() const {
  std::array<char, 256> text{};
  size_t size = text.size();
  if (zmq_getsockopt(impl_->socket.get(), ZMQ_LAST_ENDPOINT, text.data(), &size) != 0) return {};
  return text.data();
}

std::optional<Incoming> ServerSocket::receive() {
  void* socket = impl_->socket.get();
  Frame route;
  if (!route.receive(socket)) return std::nullopt;
  Frame tag;
  if (!route.more() || !tag.receive(socket)) return std::nullopt;
  Frame body;
  if (!tag.more() || !body.receive(socket)) return std::nullopt;
  skip_parts(socket, body);
  if (tag.bytes().size() != kTagBytes) return std::nullopt;
  Result<Peer> peer = parse_peer(body.property("User-Id"));
  if (!peer.ok()) return std::nullopt;  // no ZAP handler answered for it: nobody may speak
  peer->address = plain_address(body.property("Peer-Address"));
  return Incoming{Route(route.bytes()), std::move(peer).take(), unpack_tag(tag.bytes()),
                  Bytes(body.bytes())};
}

bool ServerSocket::send(const Route& route, uint64_t tag, Bytes body) {
  if (route.empty()) return false;
  void* socket = impl_->socket.get();
  return Frame(route).send(socket, ZMQ_SNDMORE) && Frame(pack_tag(tag)).send(socket, ZMQ_SNDMORE) &&
         Frame(body).send(socket, 0);
}

// ---- client

struct ClientSocket::Impl {
  Handle socket;
};

ClientSocket::ClientSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ClientSocket::ClientSocket(ClientSocket&&) noexcept = default;
ClientSocket& ClientSocket::operator=(ClientSocket&&) noexcept = default;
ClientSocket::~ClientSocket() = default;

Result<ClientSocket> ClientSocket::connect(SocketContext& context, const std::string& endpoint,
                                           const std::string& server_key, const CurveKeys& keys) {
  if (!is_curve_key(server_key)) return Error{ErrorCode::invalid, "malformed key of the server"};
  Handle socket(zmq_socket(context.impl().context, ZMQ_DEALER));
  if (!socket) return zmq_error("socket");
  const bool prepared = set_common(socket.get()) &&
                        set(socket.get(), ZMQ_CURVE_SERVERKEY, server_key) &&
                        set(socket.get(), ZMQ_CURVE_PUBLICKEY, keys.public_key) &&
                        set(socket.get(), ZMQ_CURVE_SECRETKEY, keys.secret_key) &&
                        set(socket.get(), ZMQ_RECONNECT_IVL, kReconnectMs) &&
                        set(socket.get(), ZMQ_RECONNECT_IVL_MAX, kMaxReconnectMs);
  if (!prepared) return zmq_error("socket options");
  if (zmq_connect(socket.get(), endpoint.c_str()) != 0) return zmq_error("connect to " + endpoint);
  auto impl = std::make_unique<Impl>();
  impl->socket = std::move(socket);
  return ClientSocket(std::move(impl));
}

bool ClientSocket::send(uint64_t tag, Bytes body) {
  void* socket = impl_->socket.get();
  return Frame(pack_tag(tag)).send(socket, ZMQ_SNDMORE) && Frame(body).send(socket, 0);
}

std::optional<Reply> ClientSocket::receive() {
  void* socket = impl_->socket.get();
  Frame tag;
  if (!tag.receive(socket)) return std::nullopt;
  Frame body;
  if (!tag.more() || !body.receive(socket)) return std::nullopt;
  skip_parts(socket, body);
  if (tag.bytes().size() != kTagBytes) return std::nullopt;
  return Reply{unpack_tag(tag.bytes()), Bytes(body.bytes())};
}

int ClientSocket::fd() const {
  int fd = -1;
  size_t size = sizeof fd;
  GD_CHECK(zmq_getsockopt(impl_->socket.get(), ZMQ_FD, &fd, &size) == 0, zmq_errno());
  return fd;
}

// ---- waiting

WaitItem::WaitItem(ServerSocket& s) : socket(s.impl_->socket.get()) {}
WaitItem::WaitItem(ClientSocket& s) : socket(s.impl_->socket.get()) {}
WaitItem::WaitItem(int plain_fd) : fd(plain_fd) {}

bool wait(std::span<WaitItem> items, std::chrono::milliseconds timeout) {
  std::array<zmq_pollitem_t, 16> polled{};
  GD_CHECK(items.size() <= polled.size(), items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    polled[i] = {items[i].socket, items[i].fd, ZMQ_POLLIN, 0};
  }
  const long limit = timeout.count() < 0 ? -1 : static_cast<long>(timeout.count());
  const int count = zmq_poll(polled.data(), static_cast<int>(items.size()), limit);
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].ready = count > 0 && (polled[i].revents & ZMQ_POLLIN) != 0;
  }
  return count > 0;
}

// ---- ZAP, RFC 27: [ , ] version, request id, domain, address, routing id, mechanism, key

struct ZapHandler::Impl {
  Handle socket;
  Handle stop_sender;
  Handle stop_receiver;
  Identify identify;
  std::thread thread;

  void run();
  void answer();
};

void ZapHandler::Impl::run() {
  for (;;) {
    std::array<zmq_pollitem_t, 2> items{
        {{socket.get(), -1, ZMQ_POLLIN, 0}, {stop_receiver.get(), -1, ZMQ_POLLIN, 0}}};
    if (zmq_poll(items.data(), 2, -1) < 0) {
      if (zmq_errno() == EINTR) continue;
      return;
    }
    if ((items[1].revents & ZMQ_POLLIN) != 0) return;
    if ((items[0].revents & ZMQ_POLLIN) != 0) answer();
  }
}

void ZapHandler::Impl::answer() {
  enum { kVersion, kRequest, kDomain, kAddress, kRouting, kMechanism, kCredentials, kPartCount };
  std::vector<std::string> parts;
  Frame frame;
  do {
    if (!frame.receive(socket.get())) return;
    if (parts.size() < kPartCount) parts.emplace_back(frame.bytes());
  } while (frame.more());
  if (parts.size() < kMechanism + 1) return;

  std::optional<Peer> peer;
  if (parts.size() == kPartCount && parts[kMechanism] == "CURVE" &&
      parts[kCredentials].size() == 32) {
    std::array<char, 41> key{};
    zmq_z85_encode(key.data(), reinterpret_cast<const uint8_t*>(parts[kCredentials].data()), 32);
    peer = identify(key.data(), plain_address(parts[kAddress]));
  }
  const std::array<std::string, 6> reply{parts[kVersion],
                                         parts[kRequest],
                                         peer ? "200" : "400",
                                         peer ? "OK" : "refused",
                                         peer ? format_peer(*peer) : "",
                                         ""};
  for (size_t i = 0; i < reply.size(); ++i) {
    if (!Frame(reply[i]).send(socket.get(), i + 1 < reply.size() ? ZMQ_SNDMORE : 0)) return;
  }
}

ZapHandler::ZapHandler(SocketContext& context, Identify identify)
    : impl_(std::make_unique<Impl>()) {
  void* zmq = context.impl().context;
  impl_->identify = std::move(identify);
  impl_->socket.reset(zmq_socket(zmq, ZMQ_REP));
  impl_->stop_sender.reset(zmq_socket(zmq, ZMQ_PAIR));
  impl_->stop_receiver.reset(zmq_socket(zmq, ZMQ_PAIR));
  set(impl_->socket.get(), ZMQ_LINGER, 0);
  set(impl_->stop_sender.get(), ZMQ_LINGER, 0);
  GD_CHECK(zmq_bind(impl_->socket.get(), kZapEndpoint) == 0, zmq_strerror(zmq_errno()));
  const std::string stop = "inproc://gd-zap-stop";
  GD_CHECK(zmq_bind(impl_->stop_receiver.get(), stop.c_str()) == 0);
  GD_CHECK(zmq_connect(impl_->stop_sender.get(), stop.c_str()) == 0);
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

ZapHandler::~ZapHandler() {
  zmq_send(impl_->stop_sender.get(), "", 0, 0);
  impl_->thread.join();
}

}  // namespace gd
