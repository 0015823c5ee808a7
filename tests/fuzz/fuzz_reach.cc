// What comes from the other side of gdcp and gdsh -L, and the words that they take.
#include <stdlib.h>
#include <sys/socket.h>

#include <cstdint>

#include "base/fd.h"
#include "cmd/forward_spec.h"
#include "cmd/gdcp.h"
#include "cmd/socket_owner.h"
#include "proto/port_mux.h"
#include "proto/tree_receive.h"

namespace {

// As it comes, and with heads of frames put before pieces of it, or most inputs end at once.
std::string framed(std::string_view bytes) {
  std::string out;
  while (bytes.size() > 2) {
    const size_t length = std::min<size_t>(static_cast<unsigned char>(bytes[1]), bytes.size() - 2);
    out += gd::byte_frame(static_cast<uint8_t>(bytes[0] & 7), 1, bytes.substr(2, length));
    bytes.remove_prefix(2 + length);
  }
  return out;
}

void receive_tree(std::string_view bytes, const std::string& folder) {
  const gd::ReceiveRules rules{.attributes = gd::Attributes::keep};
  auto receiver = gd::TreeReceiver::open(folder, 1, rules, [](const auto&) {});
  if (receiver.ok()) (void)receiver->take(bytes).ok();
}

// At either end: one opens, with a link that is up; at the other links are asked for.
void carry(std::string_view bytes) {
  static const auto poller = gd::Poller::create().take();  // to make one takes long
  gd::SocketPair pair = gd::make_socket_pair(SOCK_STREAM | SOCK_NONBLOCK).take();
  gd::PortMux client(*poller, {.send = [](std::string_view) {},
                               .has_room = [] { return true; },
                               .on_open = nullptr,
                               .on_closed = [](std::string_view) {}});
  (void)client.open(std::move(pair.first), "x").ok();
  (void)client.take(bytes).ok();
  gd::PortMux* self = nullptr;
  gd::PortMux server(*poller, {.send = [](std::string_view) {},
                               .has_room = [] { return true; },
                               .on_open =
                                   [&](uint32_t number, std::string_view target) {
                                     if (target.empty()) return self->refuse(number, "none");
                                     auto two = gd::make_socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
                                     self->accept(number, std::move(two->first));
                                   },
                               .on_closed = nullptr});
  self = &server;
  (void)server.take(bytes).ok();
  (void)poller->run_once(gd::Milliseconds{0}).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string folder = "/tmp/gd-fuzz-reach-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 0;
  for (const std::string& stream : {std::string(bytes), framed(bytes)}) {
    receive_tree(stream, folder);
    carry(stream);
  }
  (void)gd::remove_tree(folder).ok();
  (void)gd::cmd::parse_copy_place(bytes);
  (void)gd::cmd::parse_forward(bytes).ok();
  (void)gd::cmd::owner_in_table(bytes, "a", "b");
  return 0;
}
