// text: whole numbers or none, sizes as Slurm reads them, quoting that a shell
// and a terminal survive, names near enough to be meant.
#include "base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace gd {
namespace {

using Words = std::vector<std::string_view>;

TEST(Split, KeepsEmptyPartsAndSplitWordsDoesNot) {
  EXPECT_EQ(split("a,,b,", ','), (Words{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (Words{""}));
  EXPECT_EQ(split_words("  a\t b\n"), (Words{"a", "b"}));
  EXPECT_TRUE(split_words(" \t").empty());
  EXPECT_EQ(join(split("a,b,c", ','), "; "), "a; b; c");
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" "), "");
}

TEST(Case, IsComparedInAsciiOnly) {
  EXPECT_TRUE(equal_no_case("ExClusive", "exclusivE"));
  EXPECT_FALSE(equal_no_case("all", "al"));
  EXPECT_TRUE(starts_with_no_case("SIGterm", "sig"));
  EXPECT_FALSE(starts_with_no_case("si", "sig"));
  EXPECT_EQ(to_upper("aZ9"), "AZ9");
  std::string_view text = "--time=3";
  EXPECT_FALSE(take_prefix(text, "--mem="));
  EXPECT_TRUE(take_prefix(text, "--time="));
  EXPECT_EQ(text, "3");
}

TEST(ParseNumber, TakesTheLimitsOfItsTypeAndNotOneMore) {
  EXPECT_EQ(*parse_number<uint16_t>("65535"), 65535);
  EXPECT_EQ(parse_number<uint16_t>("65536").error().text, "65536 is not between 0 and 65535");
  EXPECT_EQ(*parse_number<int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_FALSE(parse_number<int64_t>("-9223372036854775809").ok());
  EXPECT_EQ(*parse_number<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_number<uint64_t>("18446744073709551616").ok());
  EXPECT_EQ(parse_number<int>("9", 1, 8).error().text, "9 is not between 1 and 8");
  EXPECT_EQ(parse_number<uint32_t>("-1").error().text, "-1 is not between 0 and 4294967295");
}

TEST(ParseNumber, RefusesHalfANumber) {
  for (const char* text : {"", "12x", " 1", "1 ", "+1", "0x10", "1.5", "-", "--1"}) {
    const Result<int> number = parse_number<int>(text);
    ASSERT_FALSE(number.ok()) << text;
    EXPECT_EQ(number.error().text, "'" + std::string(text) + "' is not a whole number");
  }
}

TEST(ParseReal, IsFiniteAndWithoutLocale) {
  EXPECT_EQ(*parse_real("2.5"), 2.5);
  EXPECT_EQ(*parse_real("-1e3"), -1000.0);
  for (const char* text : {"", "inf", "nan", "1,5", "1e999", "2.5x"}) {
    EXPECT_FALSE(parse_real(text).ok()) << text;
  }
}

TEST(ParseMib, ReadsSlurmsSizes) {
  EXPECT_EQ(*parse_mib("512"), 512u);
  EXPECT_EQ(*parse_mib("512M"), 512u);
  EXPECT_EQ(*parse_mib("4G"), 4096u);
  EXPECT_EQ(*parse_mib("4g"), 4096u);
  EXPECT_EQ(*parse_mib("2GB"), 2048u);
  EXPECT_EQ(*parse_mib("2GiB"), 2048u);
  EXPECT_EQ(*parse_mib("1T"), 1048576u);
  EXPECT_EQ(*parse_mib("1024K"), 1u);
  EXPECT_EQ(*parse_mib("1025K"), 2u) << "rounded up: never less than was asked";
  EXPECT_EQ(*parse_mib("0"), 0u);
  for (const char* text : {"", "G", "1.5G", "4X", "4GX", "-1G", "4 G", "0x4"}) {
    EXPECT_FALSE(parse_mib(text).ok()) << text;
  }
  EXPECT_EQ(parse_mib("99999999999P").error().text, "99999999999P is more than 64 bits can count");
}

TEST(ParseBytes, CountsAPlainNumberAsBytes) {
  EXPECT_EQ(*parse_bytes("4096"), 4096u);
  EXPECT_EQ(*parse_bytes("64K"), 65536u);
  EXPECT_EQ(*parse_bytes("16383P"), uint64_t{16383} << 50);
  EXPECT_FALSE(parse_bytes("16384P").ok());
}

TEST(FormatMib, IsTheInverseOfParseMib) {
  EXPECT_EQ(format_mib(0), "0M");
  EXPECT_EQ(format_mib(1536), "1536M");
  EXPECT_EQ(format_mib(4096), "4G");
  for (const uint64_t mib : {uint64_t{1}, uint64_t{1024}, uint64_t{1} << 30, UINT64_MAX}) {
    EXPECT_EQ(*parse_mib(format_mib(mib)), mib);
  }
}

TEST(ShellQuote, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quote("a/b-1.sh"), "a/b-1.sh");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("it's $x"), "'it'\\''s $x'");
}

TEST(Printable, LetsNoInputForgeALineOrMoveACursor) {
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f"), "a\\nb\\x1b[2J\\x7f");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "C1 control";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Nearest, IsWithinTwoEditsAndAThirdOfTheLength) {
  constexpr std::array<std::string_view, 4> kKnown = {"partition", "priority", "mem", "time"};
  EXPECT_EQ(nearest("partiton", kKnown), "partition");
  EXPECT_EQ(nearest("paritition", kKnown), "partition");
  EXPECT_EQ(nearest("Partition", kKnown), "partition");
  EXPECT_EQ(nearest("tmie", kKnown), "time") << "a swap is one edit";
  EXPECT_EQ(nearest("meme", kKnown), "mem");
  EXPECT_FALSE(nearest("prtn", kKnown));
  EXPECT_FALSE(nearest("mxy", kKnown)) << "two edits are too many for three letters";
  EXPECT_FALSE(nearest("", kKnown));
  EXPECT_FALSE(nearest(std::string(65, 'p'), kKnown));
  EXPECT_EQ(did_you_mean("partiton", kKnown), "; did you mean 'partition'?");
  EXPECT_EQ(did_you_mean("zzz", kKnown), "");
}

TEST(GlobMatch, KnowsStarsQuestionMarksAndClasses) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("a*b*c", "a--b--b-c"));
  EXPECT_FALSE(glob_match("a*b*c", "a--b--b-"));
  EXPECT_TRUE(glob_match("node0?", "node07"));
  EXPECT_FALSE(glob_match("node0?", "node0"));
  EXPECT_TRUE(glob_match("[a-c]x[!0-9]", "bxz"));
  EXPECT_FALSE(glob_match("[a-c]x[!0-9]", "bx7"));
  EXPECT_TRUE(glob_match("[]]", "]"));
  EXPECT_TRUE(glob_match("[x", "[x"));
  EXPECT_TRUE(glob_match("a\\*", "a*"));
  EXPECT_FALSE(glob_match("a\\*", "ab"));
  EXPECT_FALSE(glob_match("a", "ab"));
}

TEST(GlobMatch, DoesNotExplode) {
  EXPECT_FALSE(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(20000, 'a')));
}

TEST(Hex, GoesBothWays) {
  EXPECT_EQ(to_hex(std::string("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(*from_hex("00FF1a"), std::string("\x00\xff\x1a", 3));
  EXPECT_FALSE(from_hex("0").ok());
  EXPECT_EQ(from_hex("00g0").error().text, "'g0' is not hexadecimal, at position 3");
}

TEST(Base64, GoesBothWaysInOneSpelling) {
  const std::array<std::pair<const char*, const char*>, 4> cases = {
      {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(to_base64(plain), coded);
    EXPECT_EQ(*from_base64(coded), plain);
  }
  for (const char* text : {"Zg=", "Z===", "Zh==", "Zg==Zg==", "Z g=", "===="}) {
    EXPECT_FALSE(from_base64(text).ok()) << text;
  }
}

}  // namespace
}  // namespace gd
