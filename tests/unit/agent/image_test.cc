// What may be fetched, from where, and who may ask the node what about images.
#include <gtest/gtest.h>

#include "base/fd.h"
#include "server/agent/explainer.h"
#include "server/agent/image_port.h"
#include "server/agent/image_rules.h"
#include "server/agent/store_answer.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

ImageName name_of(std::string_view text) {
  return *parse_image_name(text);
}

TEST(ImageRulesTest, ADenialGoesBeforeAnAllowance) {
  const ImageRules rules{.allow = {"docker.io/library/*", "reg.lab/*"}, .deny = {"*secret*"}};
  EXPECT_TRUE(check_allowed(name_of("debian:12"), rules).ok());
  EXPECT_TRUE(check_allowed(name_of("reg.lab/tools:1"), rules).ok());
  EXPECT_EQ(check_allowed(name_of("reg.lab/secret:1"), rules).error().text,
            "image reg.lab/secret:1 is among this node's image_deny");
  EXPECT_EQ(check_allowed(name_of("quay.io/x:1"), rules).error().code, ErrorCode::denied);
  EXPECT_TRUE(check_allowed(name_of("quay.io/x:1"), {}).ok());
}

TEST(ImageRulesTest, AMirrorIsAskedInsteadAndIsTheOneThatMayBePlain) {
  const ImageRules rules{.plain_http = {"mirror:5000"}, .mirrors = {"docker.io=mirror:5000"}};
  EXPECT_EQ(mirror_of(name_of("debian"), rules), "mirror:5000");
  EXPECT_TRUE(is_plain_http(name_of("debian"), rules));
  EXPECT_EQ(mirror_of(name_of("quay.io/x"), rules), "");
  EXPECT_FALSE(is_plain_http(name_of("quay.io/x"), rules));
}

TEST(StoreAnswerTest, ErrorsComeThroughWithTheirKind) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::unauthenticated); ++code) {
    const Error error{static_cast<ErrorCode>(code), "image x: not found (so it says)"};
    const std::optional<Error> got = parse_store_error(render_store_error(error));
    ASSERT_TRUE(got.has_value()) << code;
    EXPECT_EQ(got->code, error.code);
    EXPECT_EQ(got->text, error.text);
  }
  EXPECT_FALSE(parse_store_error("done"));
  EXPECT_FALSE(parse_store_error("error 3"));
  EXPECT_FALSE(parse_store_error("error 99 text"));
}

TEST(ExplanationTest, IsReadFromItsLines) {
  const NodeExplained told =
      parse_explanation(4, "line image host\nline uid 1 is 1\nrefused mount /x: no\nodd\ndone\n");
  EXPECT_EQ(told.number, 4U);
  EXPECT_EQ(told.lines, (std::vector<std::string>{"image host", "uid 1 is 1"}));
  EXPECT_EQ(told.refusals, std::vector<std::string>{"mount /x: no"});
  EXPECT_EQ(told.error, "");
  EXPECT_NE(parse_explanation(4, "line image host\n").error, "");  // it died in the middle
  const Error error{ErrorCode::denied, "user ann is not known"};
  EXPECT_EQ(parse_explanation(4, render_store_error(error) + "\n").error, error.text);
}

TEST(ExplainerTest, QuestionsAndAnswersAreBounded) {
  const std::unique_ptr<Poller> poller = Poller::create().take();
  std::vector<NodeExplained> answers;
  const test::TempDir dir;
  const std::string program = dir / "endless";
  ASSERT_TRUE(replace_file(program, "#!/bin/sh\nexec yes\n", 0755).ok());
  Explainer explainer(*poller, program, "settings",
                      [&answers](const NodeExplained& answer) { answers.push_back(answer); });
  for (size_t i = 0; i <= kMaxExplaining; ++i) explainer.explain({.number = i});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].number, kMaxExplaining);
  EXPECT_NE(answers[0].error.find("try again"), std::string::npos);
  while (answers.size() <= kMaxExplaining) ASSERT_TRUE(poller->run_once(Milliseconds(5000)).ok());
  for (size_t i = 1; i < answers.size(); ++i) {
    EXPECT_NE(answers[i].error.find(std::to_string(kMaxExplainBytes) + " bytes of answer"),
              std::string::npos)
        << answers[i].error;
  }
  explainer.explain({.number = 99});  // there is room again
  EXPECT_EQ(answers.size(), kMaxExplaining + 1);
}

TEST(ExplainerTest, AProgramThatSaysNothingIsAnErrorToo) {
  const std::unique_ptr<Poller> poller = Poller::create().take();
  std::optional<NodeExplained> told;
  Explainer explainer(*poller, "/bin/true", "settings",
                      [&told](const NodeExplained& answer) { told = answer; });
  explainer.explain({.number = 5});
  while (!told) ASSERT_TRUE(poller->run_once(Milliseconds(5000)).ok());
  EXPECT_EQ(told->number, 5U);
  EXPECT_NE(told->error, "");
}

TEST(ImagePortTest, WhoMayAskWhat) {
  const struct {
    std::string_view line;
    uid_t uid;
    std::string_view arguments;  // or "!": refused
  } table[] = {
      {"list", 1000, "--uid 1000 list"},
      {"pull debian:12", 1000, "--uid 1000 pull debian:12"},
      {"remove debian:12", 1000, "--uid 1000 remove debian:12 1000"},
      {"remove-shared debian:12", 0, "--uid 0 remove debian:12 everybody"},
      {"remove-shared debian:12", 1000, "!"},
      {"prune 100", 0, "--uid 0 prune 100"},
      {"prune 100", 1000, "!"},
      {"verify", 0, "--uid 0 verify"},
      {"verify", 1000, "!"},
      {"verify now", 0, "!"},
      {"pull", 1000, "!"},
      {"pull --settings", 1000, "!"},
      {"destroy x", 0, "!"},
      {"", 0, "!"},
  };
  for (const auto& [line, uid, expected] : table) {
    const Result<std::vector<std::string>> words = store_arguments(line, uid);
    std::string text = "!";
    if (words.ok()) {
      text.clear();
      for (const std::string& word : *words) text += (text.empty() ? "" : " ") + word;
    }
    EXPECT_EQ(text, expected) << line;
  }
}

}  // namespace
}  // namespace gd::agent
