// Limits as text: what is taken, what it becomes, and what is said of the rest.
#include "proto/limit_values.h"

#include <gtest/gtest.h>

namespace gd {
namespace {

TEST(TresLimitsTest, AmountsAreReadAndWritten) {
  const auto limits = parse_tres_limits("node=2, gres/gpu:a100=1,cpu=8,mem=64G,gres/gpu=4");
  ASSERT_TRUE(limits.ok()) << limits.error().text;
  EXPECT_EQ(limits->cpus, 8U);
  EXPECT_EQ(limits->memory_mib, 65536U);
  EXPECT_EQ(limits->nodes, 2U);
  EXPECT_EQ(limits->gres, (std::vector<GresCount>{{"gpu", "", 4}, {"gpu", "a100", 1}}));
  EXPECT_EQ(format_tres_limits(*limits), "cpu=8,mem=64G,node=2,gres/gpu=4,gres/gpu:a100=1");
  EXPECT_EQ(parse_tres_limits(format_tres_limits(*limits)).value(), *limits);
}

TEST(TresLimitsTest, WhatMakesNoSenseIsRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"cpus=8",
       "unknown resource 'cpus'; known are cpu, mem, node, gres/NAME; did you mean "
       "'cpu'?"},
      {"cpu", "'cpu' is not KIND=COUNT, as in cpu=8"},
      {"cpu=1,cpu=2", "cpu is given twice"},
      {"cpu=1,,mem=2", "an amount is missing beside a comma"},
      {"gres/=1", "'gres/' is not gres/NAME or gres/NAME:TYPE"},
      {"gres/gpu=1,gres/gpu=2", "gres/gpu is given twice"}};
  for (const auto& [text, error] : cases) {
    const auto limits = parse_tres_limits(text);
    ASSERT_FALSE(limits.ok()) << text;
    EXPECT_EQ(limits.error().text, error);
  }
  EXPECT_FALSE(parse_tres_limits("cpu=-1").ok());
  EXPECT_TRUE(parse_tres_limits("cpu=" + std::to_string(kMaxTresCount)).ok());
  EXPECT_FALSE(parse_tres_limits("cpu=" + std::to_string(kMaxTresCount + 1)).ok());
  EXPECT_FALSE(parse_tres_limits("mem=99999999999999T").ok());
}

TEST(TresLimitsTest, SoManyKindsAndNoMore) {
  std::string text = "cpu=1";
  for (size_t i = 0; i < kMaxTresKinds; ++i) text += ",gres/g" + std::to_string(i) + "=1";
  EXPECT_TRUE(parse_tres_limits(text).ok());
  EXPECT_FALSE(parse_tres_limits(text + ",gres/one_more=1").ok());
}

TEST(SetLimitTest, EachKeySetsItsOwn) {
  AssocLimits account;
  EXPECT_TRUE(set_limit(account, "grp_jobs", "5").ok());
  EXPECT_TRUE(set_limit(account, "max_submit", "7").ok());
  EXPECT_TRUE(set_limit(account, "max_tres_per_job", "cpu=3").ok());
  EXPECT_TRUE(set_limit(account, "max_wall", "90").ok());
  EXPECT_TRUE(set_limit(account, "grp_tres_mins", "cpu=600,gres/gpu=60").ok());
  EXPECT_TRUE(set_limit(account, "grp_tres_run_mins", "cpu=60").ok());
  EXPECT_TRUE(set_limit(account, "grp_wall", "1-0").ok());
  EXPECT_TRUE(set_limit(account, "max_tres_mins_per_job", "cpu=6").ok());
  EXPECT_EQ(account.group.tres_mins.cpus, 600U);
  EXPECT_EQ(account.group.tres_run_mins.cpus, 60U);
  EXPECT_EQ(account.group.wall, 24h);
  EXPECT_EQ(account.each.tres_mins.cpus, 6U);
  EXPECT_TRUE(set_limit(account, "qos", "normal, high").ok());
  EXPECT_EQ(account.group.jobs, 5U);
  EXPECT_EQ(account.per_user.submitted, 7U);
  EXPECT_EQ(account.each.tres.cpus, 3U);
  EXPECT_EQ(account.each.wall, 90min);
  EXPECT_EQ(account.qos, (std::vector<std::string>{"normal", "high"}));
  EXPECT_EQ(set_limit(account, "max_jobs_per_user", "1").error().code, ErrorCode::not_found);

  QosLimits qos;
  EXPECT_TRUE(set_limit(qos, "max_tres_per_user", "cpu=8").ok());
  EXPECT_TRUE(set_limit(qos, "max_jobs_per_account", "2").ok());
  EXPECT_TRUE(set_limit(qos, "grp_submit", "9").ok());
  EXPECT_TRUE(set_limit(qos, "deny_on_limit", "yes").ok());
  EXPECT_EQ(qos.per_user.tres.cpus, 8U);
  EXPECT_EQ(qos.per_account.jobs, 2U);
  EXPECT_EQ(qos.group.submitted, 9U);
  EXPECT_TRUE(qos.deny_on_limit);
  EXPECT_FALSE(set_limit(qos, "deny_on_limit", "perhaps").ok());
  EXPECT_FALSE(set_limit(qos, "grp_jobs", "many").ok());
  EXPECT_EQ(set_limit(qos, "max_tres_mins_per_user", "cpu=1").error().code, ErrorCode::not_found);
  EXPECT_EQ(set_limit(qos, "max_lunch_per_user", "1").error().code, ErrorCode::not_found);
}

TEST(LicencesTest, NamesAndCounts) {
  EXPECT_EQ(format_licences(parse_licences("matlab:2,ansys").value()), "ansys:1,matlab:2");
  EXPECT_EQ(format_licences(parse_licences("matlab=3").value()), "matlab:3");
  EXPECT_EQ(parse_licences("a,b,a").error().text, "licence a is given twice");
  EXPECT_FALSE(parse_licences("").ok());
  EXPECT_FALSE(parse_licences("a:x").ok());
  EXPECT_FALSE(parse_licences("a b").ok());
  EXPECT_TRUE(parse_licences("a:0").value().empty());
}

}  // namespace
}  // namespace gd
