#include "cmd/forward_spec.h"

#include <vector>

#include "base/inet_address.h"
#include "base/text.h"

namespace gd::cmd {
namespace {

Error wrong(std::string_view text, const std::string& why) {
  return Error{ErrorCode::usage, "-L " + printable(text) + ": " + why};
}

// "a:b", "[::1]:b": at colons that are not in brackets.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts(1);
  bool bracketed = false;
  for (const char c : text) {
    if (c == '[') {
      bracketed = true;
    } else if (c == ']') {
      bracketed = false;
    } else if (c == ':' && !bracketed) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Result<std::string> address_of(const std::string& word) {
  if (word == "localhost") return std::string("127.0.0.1");
  (void)TRY(InetAddress::parse(word, 0));
  return word;
}

}  // namespace

Result<ForwardSpec> parse_forward(std::string_view text) {
  const std::vector<std::string> parts = parts_of(text);
  if (parts.size() > 4) return wrong(text, "expected [BIND:]PORT[:HOST:PORT]");
  const bool bound = parts.size() % 2 == 0;
  const bool aimed = parts.size() > 2;
  const size_t at = bound ? 1 : 0;
  ForwardSpec spec;
  const auto address = [&](const std::string& word, std::string& to) -> Result<void> {
    Result<std::string> parsed = address_of(word);
    if (!parsed.ok()) return wrong(text, parsed.error().text + "; names are not looked up");
    to = std::move(parsed).take();
    return {};
  };
  const auto port = [&](const std::string& word, uint16_t least, uint16_t& to) -> Result<void> {
    const Result<uint16_t> parsed = parse_number<uint16_t>(word, least);
    if (!parsed.ok()) return wrong(text, "port " + parsed.error().text);
    to = *parsed;
    return {};
  };
  if (bound) TRY(address(parts[0] == "*" ? "0.0.0.0" : parts[0], spec.bind));
  TRY(port(parts[at], aimed ? 0 : 1, spec.port));
  spec.host_port = spec.port;
  if (aimed) {
    TRY(address(parts[at + 1], spec.host));
    TRY(port(parts[at + 2], 1, spec.host_port));
  }
  return spec;
}

}  // namespace gd::cmd
