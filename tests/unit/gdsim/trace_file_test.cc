// Traces from disk: plain, compressed, damaged, too long.
#include "gdsim/trace_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/temp_dir.h"

namespace gd::sim {
namespace {

Bytes compressed(const Bytes& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes result(deflateBound(&stream, text.size()), '\0');
  Bytes input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

class TraceFile : public testing::Test {
 protected:
  std::string path_of(const Bytes& content) {
    const std::string path = folder_.path() + "/trace";
    EXPECT_TRUE(replace_file(path, content, 0600).ok());
    return path;
  }
  test::TempDir folder_;
};

TEST_F(TraceFile, PlainAndCompressedGiveTheSame) {
  Bytes text;
  for (int i = 0; i < 300'000; ++i) text += std::to_string(i) + "\n";  // more than one piece
  EXPECT_EQ(read_trace_file(path_of(text)).value(), text);
  EXPECT_EQ(read_trace_file(path_of(compressed(text))).value(), text);
  EXPECT_EQ(read_trace_file(path_of("")).value(), "");
}

TEST_F(TraceFile, ADamagedOneIsRefused) {
  const Bytes whole = compressed("1 2 3 4 5 6 7 8 9\n");
  const auto cut = read_trace_file(path_of(whole.substr(0, whole.size() - 6)));
  ASSERT_FALSE(cut.ok());
  EXPECT_NE(cut.error().text.find("is damaged: "), std::string::npos) << cut.error().text;
  Bytes changed = whole;
  changed[whole.size() - 6] = static_cast<char>(changed[whole.size() - 6] ^ 1);
  EXPECT_FALSE(read_trace_file(path_of(changed)).ok());
}

TEST_F(TraceFile, TheLimitIsOfTheUnpackedText) {
  const Bytes text(1000, 'x');
  EXPECT_LT(kMaxTraceBytes, size_t{1} << 40);
  EXPECT_TRUE(read_trace_file(path_of(compressed(text)), 1000).ok());
  const auto refused = read_trace_file(path_of(compressed(text)), 999);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text.find("more than 999 octets"), std::string::npos);
}

TEST_F(TraceFile, AMissingOneIsNamed) {
  EXPECT_EQ(read_trace_file("/nonexistent/t").error().text,
            "open /nonexistent/t: No such file or directory");
}

}  // namespace
}  // namespace gd::sim
