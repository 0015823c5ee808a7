// digest: known answers, secrets that are gone after use.
#include "base/digest.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace gd {
namespace {

TEST(Digest, GivesTheKnownAnswersOfBlake2b256) {
  EXPECT_EQ(digest_of("").hex(),
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(digest_of("abc").hex(),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(Digest, ReadsItsOwnHexAndNothingElse) {
  const Digest digest = digest_of("abc");
  EXPECT_EQ(*Digest::from_hex(digest.hex()), digest);
  EXPECT_NE(digest_of("abd"), digest);
  EXPECT_FALSE(Digest::from_hex(digest.hex().substr(2)).ok());
  EXPECT_FALSE(Digest::from_hex("zz" + digest.hex().substr(2)).ok());
}

TEST(DigestStream, EqualsTheDigestOfTheWhole) {
  DigestStream stream;
  stream.add("a");
  stream.add("");
  stream.add("bc");
  EXPECT_EQ(stream.finish(), digest_of("abc"));
}

TEST(Random, GivesWhatWasAskedAndNotTwice) {
  EXPECT_EQ(random_bytes(17).size(), 17u);
  EXPECT_NE(random_bytes(16), random_bytes(16));
  EXPECT_NE(random_number(), random_number());
  const std::string token = random_token(24);
  EXPECT_EQ(token.size(), 32u);
  EXPECT_EQ(token.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-_"),
            std::string::npos);
  EXPECT_EQ(random_token(1).size(), 2u) << "no padding";
}

TEST(EqualConstantTime, Compares) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
}

TEST(SecretString, IsWipedWhereItWas) {
  static_assert(!std::is_copy_constructible_v<SecretString>);
  std::string typed = "hunter2";  // short: it lies inside the object
  const char* where = typed.data();
  const SecretString secret{std::move(typed)};
  EXPECT_EQ(secret.reveal(), "hunter2");
  EXPECT_EQ(std::string_view(where, 7), std::string_view("\0\0\0\0\0\0\0", 7));
}

TEST(Wipe, ClearsTheWholeCapacity) {
  std::string text(100, 's');
  text.resize(3);
  const char* where = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(where[50], '\0');
}

}  // namespace
}  // namespace gd
