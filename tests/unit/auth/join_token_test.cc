// The text of a join token: both ways, and what a damaged one says.
#include "proto/join_token.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gd {
namespace {

const std::string kKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

JoinToken sample() {
  return {Bytes("0123456789\0bcdef", 16), "head.example.org:6820", kKey};
}

TEST(JoinToken, ComesBackAsItWas) {
  const std::string text = format_join_token(sample());
  EXPECT_TRUE(text.starts_with("gdjoin-"));
  const auto back = parse_join_token(" " + text + "\n");  // as it is pasted
  ASSERT_TRUE(back.ok()) << back.error().text;
  EXPECT_EQ(*back, sample());
}

TEST(JoinToken, AddressAtItsLimitFitsAndOneMoreIsRefused) {
  JoinToken token = sample();
  token.controller = std::string(kMaxAddressBytes, 'h');
  const auto back = parse_join_token(format_join_token(token));
  ASSERT_TRUE(back.ok()) << back.error().text;
  EXPECT_EQ(back->controller.size(), kMaxAddressBytes);
  const std::string longer = sample().secret + kKey + std::string(kMaxAddressBytes + 9, 'h');
  EXPECT_FALSE(parse_join_token("gdjoin-" + to_base64(longer)).ok());
}

TEST(JoinToken, DamagedTextsAreRefused) {
  const std::string text = format_join_token(sample());
  const JoinToken token = sample();
  for (const std::string& bad : {
           std::string(),
           std::string("gdjoin-"),
           text.substr(1),
           text.substr(0, 40),
           text + "!",
           "gdjoin-" + to_base64(token.secret + token.controller_key),  // no address
           "gdjoin-" + to_base64(token.secret + token.controller_key + "ho st:1"),
           "gdjoin-" + to_base64(token.secret + std::string(40, '~') + "host:1"),
       }) {
    const auto back = parse_join_token(bad);
    ASSERT_FALSE(back.ok()) << bad;
    EXPECT_EQ(back.error().code, ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace gd
