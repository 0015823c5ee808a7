// Octets from the network: whatever decodes must encode, and come back equal.
#include "base/check.h"
#include "proto/codec.h"
#include "proto/peer.h"
#include "proto/ticket.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const gd::Result<gd::Message> message = gd::decode(bytes);
  if (message.ok()) {
    const gd::Result<gd::Message> again = gd::decode(gd::encode(*message));
    GD_CHECK(again.ok(), gd::describe(*message));
    // A number that is not equal to itself (a load of NaN) is the one exception.
    GD_CHECK(*again == *message || gd::describe(*again) == gd::describe(*message));
  } else {
    GD_CHECK(message.error().text.find('\n') == std::string::npos, message.error().text);
  }
  (void)gd::decode_record<gd::JobRecord>(bytes).ok();
  (void)gd::decode_record<gd::StepLaunch>(bytes).ok();
  (void)gd::open_ticket(gd::Bytes(bytes), gd::Bytes(32, '\1')).ok();
  (void)gd::parse_peer(bytes).ok();
  return 0;
}
