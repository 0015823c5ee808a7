// What gdauthd reads as root, and what clients and nodes read from it: packets,
// enrolment lines, join tokens. What is accepted survives a round trip.
#include <cstdint>

#include "base/check.h"
#include "proto/enrol.h"
#include "proto/join_token.h"
#include "server/auth/auth_packet.h"

namespace {

void packet(std::string_view bytes) {
  const auto parsed = gd::auth::parse_packet(bytes);
  if (parsed.ok()) GD_CHECK(gd::auth::format_packet(*parsed).reveal() == bytes, bytes.size());
}

void ask(std::string_view line) {
  const auto key = gd::parse_enrol_ask(line);
  if (key.ok()) GD_CHECK(gd::format_enrol_ask(*key) == std::string(line) + "\n", *key);
}

void answer(std::string_view line) {
  const auto parsed = gd::parse_enrol_answer(line);
  if (!parsed.ok()) return;
  std::string again = gd::format_enrol_answer(parsed);
  again.pop_back();
  const auto second = gd::parse_enrol_answer(again);
  GD_CHECK(second.ok() && *second == *parsed, again);
}

void token(std::string_view text) {
  const auto parsed = gd::parse_join_token(text);
  if (!parsed.ok()) return;
  const auto again = gd::parse_join_token(gd::format_join_token(*parsed));
  GD_CHECK(again.ok() && *again == *parsed, parsed->controller);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  packet(text);
  ask(text);
  answer(text);
  token(text);
  return 0;
}
