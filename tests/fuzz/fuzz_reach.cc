// What comes from the other side of gdcp, and the names that it takes.
#include <stdlib.h>

#include <cstdint>

#include "base/fd.h"
#include "cmd/gdcp.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string folder = "/tmp/gd-fuzz-reach-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 0;
  for (const std::string& stream : {std::string(bytes), framed(bytes)}) {
    receive_tree(stream, folder);
  }
  (void)gd::remove_tree(folder).ok();
  (void)gd::cmd::parse_copy_place(bytes);
  return 0;
}
