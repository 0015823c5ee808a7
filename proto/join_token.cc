// See join_token.h for the form.
#include "proto/join_token.h"

#include "base/check.h"
#include "base/text.h"
#include "proto/enrol.h"

namespace gd {

namespace {

constexpr std::string_view kPrefix = "gdjoin-";
constexpr size_t kKeyBytes = 40;

Error bad_token(std::string_view why) {
  return {ErrorCode::invalid,
          "join token " + std::string(why) + "; give the whole text that gdctl node token printed"};
}

}  // namespace

std::string format_join_token(const JoinToken& token) {
  GD_CHECK(token.secret.size() == kJoinSecretBytes, token.secret.size());
  GD_CHECK(is_key_text(token.controller_key), token.controller_key);
  GD_CHECK(token.controller.size() <= kMaxAddressBytes, token.controller.size());
  return std::string(kPrefix) + to_base64(token.secret + token.controller_key + token.controller);
}

Result<JoinToken> parse_join_token(std::string_view text) {
  text = trim(text);
  if (!take_prefix(text, kPrefix)) return bad_token("does not begin with gdjoin-");
  constexpr size_t kFixed = kJoinSecretBytes + kKeyBytes;
  if (text.size() > (kFixed + kMaxAddressBytes + 2) / 3 * 4) {
    return bad_token("of " + std::to_string(text.size()) + " characters is too long");
  }
  Result<Bytes> decoded = from_base64(text);
  if (!decoded.ok()) return bad_token("is damaged");
  if (decoded->size() <= kFixed) return bad_token("is cut short");
  JoinToken token;
  token.secret = decoded->substr(0, kJoinSecretBytes);
  token.controller_key = decoded->substr(kJoinSecretBytes, kKeyBytes);
  token.controller = decoded->substr(kFixed);
  const bool plain = token.controller.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%") ==
                     std::string::npos;
  if (!is_key_text(token.controller_key) || !plain) return bad_token("is damaged");
  return token;
}

}  // namespace gd
