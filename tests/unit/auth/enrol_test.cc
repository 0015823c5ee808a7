// The lines of silent enrolment: both ways, at their limits, and what is refused.
#include "proto/enrol.h"

#include <gtest/gtest.h>

#include "proto/enrol_listener.h"
#include "tests/support/temp_dir.h"

namespace gd {
namespace {

const std::string kKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const std::string kOther = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

TEST(EnrolLines, AskComesBack) {
  const std::string line = format_enrol_ask(kKey);
  ASSERT_EQ(line.back(), '\n');
  EXPECT_LE(line.size(), kMaxEnrolAsk);
  EXPECT_EQ(*parse_enrol_ask(std::string_view(line).substr(0, line.size() - 1)), kKey);
}

TEST(EnrolLines, WrongAsksAreRefused) {
  for (const std::string& line :
       {std::string(), std::string("gd1"), "gd2 " + kKey, "gd1 " + kKey + " ", "gd1  " + kKey,
        "gd1 " + kKey.substr(1), "gd1 ~" + kKey.substr(1)}) {
    EXPECT_FALSE(parse_enrol_ask(line).ok()) << line;
  }
}

TEST(EnrolLines, AnswersComeBack) {
  const EnrolAnswer answer{"alice", TimePoint{Seconds{1800000000}}, "head:6820", kOther};
  std::string line = format_enrol_answer(answer);
  EXPECT_EQ(line, "ok alice 1800000000 head:6820 " + kOther + "\n");
  line.pop_back();
  EXPECT_EQ(*parse_enrol_answer(line), answer);

  const Result<EnrolAnswer> refusal = Error{ErrorCode::exhausted, "32 keys\nalready"};
  line = format_enrol_answer(refusal);
  EXPECT_EQ(line, "no 32 keys\\nalready\n");  // no answer can be two lines
  line.pop_back();
  EXPECT_EQ(parse_enrol_answer(line).error(), (Error{ErrorCode::denied, "32 keys\\nalready"}));
}

TEST(EnrolLines, LongRefusalsStayInsideTheLimit) {
  const std::string line =
      format_enrol_answer(Error{ErrorCode::denied, std::string(2 * kMaxEnrolAnswer, '\x01')});
  EXPECT_LE(line.size(), kMaxEnrolAnswer);
}

TEST(EnrolLines, WrongAnswersAreRefused) {
  const std::string good = "ok alice 12 head:1 " + kOther;
  ASSERT_TRUE(parse_enrol_answer(good).ok());
  for (const std::string& line :
       {std::string(), std::string("ok"), good + " x", "yes" + good.substr(2),
        "ok alice -1 head:1 " + kOther, "ok alice x head:1 " + kOther,
        "ok alice 99999999999999999 head:1 " + kOther, "ok alice 12 head:1 " + kOther.substr(1),
        "ok  12 head:1 " + kOther}) {
    const auto answer = parse_enrol_answer(line);
    ASSERT_FALSE(answer.ok()) << line;
    EXPECT_EQ(answer.error().code, ErrorCode::internal);
  }
}

TEST(EnrolClient, SaysThatNobodyListens) {
  const test::TempDir dir;
  EXPECT_EQ(enrol_at(dir / "none.sock", kKey).error().code, ErrorCode::unavailable);
  { const UniqueFd closed = std::move(bind_enrol_socket(dir / "dead.sock")).take(); }
  EXPECT_EQ(enrol_at(dir / "dead.sock", kKey).error().code, ErrorCode::unavailable);
}

TEST(EnrolClient, GivesUpWhenNobodyAnswersInTime) {
  const test::TempDir dir;
  const UniqueFd mute = std::move(bind_enrol_socket(dir / "mute.sock")).take();
  const auto answer = enrol_at(dir / "mute.sock", kKey, 30ms);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace gd
