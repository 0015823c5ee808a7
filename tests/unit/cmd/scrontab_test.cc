// From a crontab's text to jobs that recur.
#include "cmd/scrontab.h"

#include <gtest/gtest.h>

#include "cmd/crontab_text.h"

namespace gd::cmd {
namespace {

std::string error_of(const std::string& text) {
  const Result<std::vector<CrontabEntry>> entries = parse_crontab(text);
  return entries.ok() ? "" : entries.error().text;
}

TEST(CrontabText, EntriesHaveAScheduleACommandAndOptions) {
  const auto entries = *parse_crontab(
      "# mine\n"
      "\n"
      "#SCRON -t 10 --mem=2G # a comment\n"
      "#SCRON -J 'two words'\n"
      "  30 4  * * mon\t./report  --all # not a comment here\n"
      "@daily echo done\r\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].line, 5U);
  EXPECT_EQ(entries[0].schedule, "30 4  * * mon");
  EXPECT_EQ(entries[0].command, "./report  --all # not a comment here");
  ASSERT_EQ(entries[0].options.size(), 2U);
  EXPECT_EQ(entries[0].options[1].words, (std::vector<std::string>{"-J", "two words"}));
  EXPECT_EQ(entries[1].line, 6U);
  EXPECT_EQ(entries[1].schedule, "@daily");
  EXPECT_EQ(entries[1].command, "echo done");
  EXPECT_TRUE(entries[1].options.empty());
}

TEST(CrontabText, OptionsOfADisabledLineAreNotTheNextOnes) {
  const auto entries = *parse_crontab("#SCRON -t 10\n#DISABLED: @daily a\n@daily b\n");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].options.empty());
}

TEST(CrontabText, WhatIsWrongIsNamedByItsLine) {
  EXPECT_EQ(error_of("\n0 25 * * * x\n"), "line 2: hour '25' is not between 0 and 23");
  EXPECT_EQ(error_of("0 5 * *\n"),
            "line 1: '0 5 * *' has 4 fields; a time has five: minute hour day month weekday");
  EXPECT_EQ(error_of("0 5 * * *\n"), "line 1: '0 5 * * *' has no command");
  EXPECT_EQ(error_of("@daily   \n"), "line 1: '@daily' has no command");
  EXPECT_EQ(error_of("#SCRON -J 'x\n@daily a\n"), "line 1: the quote ' is not closed");
  EXPECT_EQ(error_of("@daily a\n#SCRON -t 1\n# end\n"), "line 2: the options are of no entry");
  EXPECT_TRUE(error_of("MAILTO=ann\n").starts_with("line 1: 'MAILTO=ann' has 1 fields"));
  EXPECT_EQ(error_of(std::string("@daily a\0b", 10)), "the crontab contains a NUL byte");
}

TEST(CrontabText, LimitsHoldAtTheLimit) {
  std::string text;
  for (size_t i = 0; i < kMaxCronEntries; ++i) text += "@daily x\n";
  EXPECT_EQ(error_of(text), "");
  EXPECT_EQ(error_of(text + "@daily x\n"), "line 201: more than 200 entries");
  EXPECT_EQ(error_of(std::string(kMaxCrontabBytes, '#')), "");
  EXPECT_NE(error_of(std::string(kMaxCrontabBytes + 1, '#')), "");
}

TEST(Scrontab, EachEntryIsABatchJobInTheHome) {
  const Surroundings around{
      .now = {}, .host = "login", .directory = "/home/ann", .environment = {"SECRET=1", "LANG=C"}};
  const CrontabRequest request = *to_crontab_request(
      "#SCRON -t 10 -o log/%j --export=LANG\n5 * * * * /opt/bin/tool -x\n"
      "@daily true\n",
      around);
  ASSERT_EQ(request.entries.size(), 2U);
  const CronEntry& first = request.entries[0];
  EXPECT_EQ(first.spec.cron, "5 * * * *");
  EXPECT_EQ(first.spec.cron_line, 2U);
  EXPECT_EQ(first.spec.time_limit, Seconds{600});
  EXPECT_EQ(first.spec.output, "log/%j");
  EXPECT_EQ(first.spec.name, "tool");
  EXPECT_EQ(first.spec.chdir, "/home/ann");
  EXPECT_EQ(first.spec.command, "/opt/bin/tool -x");
  EXPECT_EQ(first.script, "#!/bin/sh\n# line 2 of a crontab\n\n/opt/bin/tool -x\n");
  EXPECT_EQ(first.environment, Bytes("LANG=C\0", 7));
  EXPECT_EQ(request.entries[1].environment, "");
  EXPECT_EQ(request.entries[1].spec.output, "scrontab-%x.out");
}

TEST(Scrontab, OptionsThatMeanOneMomentAreRefused) {
  for (const auto& [option, error] : std::vector<std::pair<std::string, std::string>>{
           {"-a 1-3", "line 2: --array has no meaning for a job that recurs"},
           {"-d afterok:1", "line 2: --dependency has no meaning for a job that recurs"},
           {"-b now+1hour", "line 2: --begin has no meaning for a job that recurs"},
           {"--time=soon", "line 1: --time=soon: "},
           {"file", "line 1: 'file' is not an option"}}) {
    const auto request = to_crontab_request("#SCRON " + option + "\n@daily x\n", {});
    ASSERT_FALSE(request.ok()) << option;
    EXPECT_EQ(request.error().text.substr(0, error.size()), error);
  }
}

TEST(Scrontab, OneThingAtATime) {
  EXPECT_EQ(*verb_of({}), CrontabVerb::install);
  EXPECT_EQ(*verb_of({.list = true}), CrontabVerb::list);
  EXPECT_EQ(*verb_of({.rest = {"-"}}), CrontabVerb::install);
  for (const CrontabOptions& options :
       {CrontabOptions{.edit = true, .list = true}, CrontabOptions{.list = true, .rest = {"f"}},
        CrontabOptions{.rest = {"a", "b"}}}) {
    EXPECT_EQ(verb_of(options).error().code, ErrorCode::usage);
  }
}

}  // namespace
}  // namespace gd::cmd
