// log: one event is one line, whatever the values hold.
#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "tests/support/temp_dir.h"

namespace gd {
namespace {

constexpr TimePoint kNow{1'790'000'000'007ms};

std::string line(LogFields fields) {
  return format_log_line(LogStyle::journal, kNow, LogLevel::warning, "event", fields);
}

TEST(FormatLogLine, HasATimeOrAPriority) {
  EXPECT_EQ(format_log_line(LogStyle::timestamped, kNow, LogLevel::info, "job_started",
                            {{"job", 42}, {"name", "my job"}, {"requeue", true}}),
            "2026-09-21T14:13:20.007Z info job_started job=42 name=\"my job\" requeue=yes");
  EXPECT_EQ(line({{"node", "n1"}}), "<4>event node=n1");
}

TEST(FormatLogLine, LetsNoValueForgeAFieldOrALine) {
  EXPECT_EQ(line({{"a", "x\n<3>forged b=1"}}), "<4>event a=\"x\\n<3>forged b=1\"");
  EXPECT_EQ(line({{"a", "x\ny"}}), "<4>event a=x\\ny");
  EXPECT_EQ(line({{"a", "say \"hi\" \\"}}), "<4>event a=\"say \\\"hi\\\" \\\\\"");
  EXPECT_EQ(line({{"a", ""}}), "<4>event a=\"\"");
  EXPECT_EQ(line({{"error", Error{ErrorCode::internal, "disk full"}}}),
            "<4>event error=\"disk full\"");
}

TEST(FormatLogLine, IsCutAtItsLimit) {
  const std::string head = "<4>event a=";
  const std::string fits(kMaxLogLineBytes - head.size(), 'x');
  EXPECT_EQ(line({{"a", fits}}), head + fits);
  const std::string cut = line({{"a", fits + "x"}});
  EXPECT_EQ(cut.size(), kMaxLogLineBytes);
  EXPECT_TRUE(cut.ends_with("x..."));
}

TEST(LogEvent, GoesToTheFileFromTheLevelOn) {
  const test::TempDir dir;
  ASSERT_TRUE(log_to_file(dir / "log", LogLevel::notice).ok());
  log_debug("quiet");
  log_info("quiet");
  log_notice("first", {{"n", 1}});
  log_error("second");
  log_to_stderr(LogLevel::info);
  const std::string text = *read_file(dir / "log");
  const std::vector<std::string_view> lines = split(text, '\n');
  ASSERT_EQ(lines.size(), 3u) << text;
  EXPECT_TRUE(lines[0].ends_with(" notice first n=1")) << text;
  EXPECT_TRUE(lines[1].ends_with(" error second")) << text;
}

TEST(ParseLogLevel, KnowsTheNamesOnly) {
  EXPECT_EQ(*parse_log_level("Warning"), LogLevel::warning);
  EXPECT_FALSE(parse_log_level("loud").ok());
}

TEST(LogLimiter, CountsWhatItHeldBack) {
  LogLimiter limiter{2, 1s};
  EXPECT_EQ(limiter.allow(0ms), 0u);
  EXPECT_EQ(limiter.allow(1ms), 0u);
  EXPECT_FALSE(limiter.allow(2ms));
  EXPECT_FALSE(limiter.allow(999ms));
  EXPECT_EQ(limiter.allow(1000ms), 2u);
  EXPECT_EQ(limiter.allow(1001ms), 0u);
}

}  // namespace
}  // namespace gd
