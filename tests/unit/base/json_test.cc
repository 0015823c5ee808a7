// json: valid whatever the strings hold; calls out of order abort.
#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gd {
namespace {

TEST(JsonWriter, WritesCompactAndPretty) {
  const auto write = [](JsonStyle style) {
    JsonWriter json{style};
    json.begin_object().key("job").number(42).key("nodes").begin_array();
    json.string("a").boolean(true).null().end_array();
    json.key("none").begin_object().end_object().end_object();
    return json.take();
  };
  EXPECT_EQ(write(JsonStyle::compact), R"({"job":42,"nodes":["a",true,null],"none":{}})");
  EXPECT_EQ(write(JsonStyle::pretty), R"({
  "job": 42,
  "nodes": [
    "a",
    true,
    null
  ],
  "none": {}
}
)");
}

std::string string_of(std::string_view text) {
  return JsonWriter{}.string(text).text();
}

TEST(JsonWriter, EscapesWhatJsonCannotHold) {
  EXPECT_EQ(string_of("a\"b\\c\n\x01"), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(string_of("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(string_of("\xff|\xed\xa0\x80"),
            "\"\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(JsonWriter, KeepsTheLimitsOfNumbers) {
  EXPECT_EQ(JsonWriter{}.number(UINT64_MAX).text(), "18446744073709551615");
  EXPECT_EQ(JsonWriter{}.number(INT64_MIN).text(), "-9223372036854775808");
  EXPECT_EQ(JsonWriter{}.number(int8_t{-7}).text(), "-7");
  EXPECT_EQ(JsonWriter{}.real(0.1).text(), "0.1");
  EXPECT_EQ(JsonWriter{}.real(std::numeric_limits<double>::infinity()).text(), "null");
}

TEST(JsonWriterDeathTest, AbortsOnCallsOutOfOrder) {
  EXPECT_DEATH(JsonWriter{}.begin_object().number(1), "check failed");
  EXPECT_DEATH(JsonWriter{}.begin_array().key("x"), "check failed");
  EXPECT_DEATH(JsonWriter{}.begin_array().end_object(), "check failed");
  EXPECT_DEATH(JsonWriter{}.begin_object().key("x").end_object(), "check failed");
  EXPECT_DEATH(JsonWriter{}.number(1).number(2), "check failed");
  EXPECT_DEATH((void)JsonWriter{}.begin_array().take(), "check failed");
}

}  // namespace
}  // namespace gd
