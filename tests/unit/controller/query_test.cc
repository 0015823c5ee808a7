// Listings: whole, in pages, of one moment, and of no more than the asker may see.
#include "server/controller/query.h"

#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

std::vector<JobQueryReply> pages(const std::vector<Left>& left) {
  std::vector<JobQueryReply> out;
  for (const Left& each : left) {
    if (const auto* page = std::get_if<JobQueryReply>(&each.message)) out.push_back(*page);
  }
  return out;
}

class QueryTest : public ControllerTest {
 protected:
  void submit_many(char who, size_t count) {
    for (size_t i = 0; i < count; ++i) send(who, submission("x"));
    finish();
  }
  std::vector<JobId> ids(const std::vector<JobQueryReply>& all) {
    std::vector<JobId> out;
    for (const JobQueryReply& page : all) {
      for (const JobView& view : page.jobs) out.push_back(view.job.id);
    }
    return out;
  }
};

TEST_F(QueryTest, APageHoldsAtMostKMaxPageJobs) {
  submit_many(kAlice, kMaxPageJobs);
  auto got = pages(ask_all(kBob, JobQuery{}));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].jobs.size(), kMaxPageJobs);
  EXPECT_FALSE(got[0].more);
  submit_many(kAlice, 1);
  got = pages(ask_all(kBob, JobQuery{}));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].more);
  EXPECT_EQ(got[1].jobs.size(), 1U);
  EXPECT_FALSE(got[1].more);
}

TEST_F(QueryTest, APageEndsAtKMaxPageBytes) {
  for (int i = 0; i < 30; ++i) {
    SubmitRequest request = submission("x");
    request.spec.comment = Bytes(60'000, 'c');
    send(kAlice, request);
  }
  finish();
  const auto got = pages(ask_all(kAlice, JobQuery{}));
  EXPECT_EQ(got.size(), 2U);
  for (const JobQueryReply& page : got) EXPECT_LE(page.jobs.size() * 60'000, kMaxPageBytes);
}

TEST_F(QueryTest, NoJobsIsOneEmptyPage) {
  const auto got = pages(ask_all(kAlice, JobQuery{}));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].jobs.empty());
}

TEST_F(QueryTest, IdsAndLimitsChoose) {
  submit_many(kAlice, 5);
  JobQuery query;
  query.filter.jobs = {JobId{4}, JobId{2}, JobId{2}, JobId{99}};
  EXPECT_EQ(ids(pages(ask_all(kAlice, query))), (std::vector<JobId>{JobId{2}, JobId{4}}));
  query.filter.jobs.clear();
  query.limit = 2;
  EXPECT_EQ(ids(pages(ask_all(kAlice, query))), (std::vector<JobId>{JobId{5}, JobId{4}}));
}

TEST_F(QueryTest, ASubmissionOfTheSameTurnIsInTheAnswer) {
  send(kAlice, submission("x"));
  EXPECT_EQ(ids(pages(ask_all(kAlice, JobQuery{}))), std::vector<JobId>{JobId{1}});
}

TEST_F(QueryTest, PrivateDataHidesOthersJobs) {
  start("private_data = yes\n");
  submit_many(kAlice, 2);
  submit_many(kBob, 1);
  EXPECT_EQ(ids(pages(ask_all(kAlice, JobQuery{}))).size(), 2U);
  EXPECT_EQ(ids(pages(ask_all(kBob, JobQuery{}))), std::vector<JobId>{JobId{3}});
  EXPECT_EQ(ids(pages(ask_all(kRoot, JobQuery{}))).size(), 3U);
  ScriptQuery script;
  script.job = JobId{1};
  EXPECT_EQ(ask<ErrorReply>(kBob, script).code, ErrorCode::not_found);
  EXPECT_EQ(ask<ScriptReply>(kAlice, script).script, "x");
}

TEST_F(QueryTest, HistoryIsByEndNewestFirst) {
  submit_many(kAlice, 3);
  for (const uint32_t id : {2U, 1U, 3U}) {
    now_ += 10s;
    CancelRequest cancel;
    cancel.filter.jobs = {JobId{id}};
    ask<JobsReply>(kAlice, cancel);
  }
  JobQuery query;
  query.history = true;
  EXPECT_EQ(ids(pages(ask_all(kAlice, query))), (std::vector<JobId>{JobId{3}, JobId{1}, JobId{2}}));
  query.until = now_ - 10s;
  EXPECT_EQ(ids(pages(ask_all(kAlice, query))), (std::vector<JobId>{JobId{1}, JobId{2}}));
  query.since = now_ - 10s;
  EXPECT_EQ(ids(pages(ask_all(kAlice, query))), std::vector<JobId>{JobId{1}});
}

TEST_F(QueryTest, OldHistoryIsForgottenKMaxForgottenAtATime) {
  start("history_age = 1h\nmin_job_age = 1s\nreplay_age = 0\n");
  submit_many(kAlice, kMaxForgotten + 1);
  CancelRequest cancel;
  cancel.filter.users = {"alice"};
  ask<JobsReply>(kAlice, cancel);
  EXPECT_EQ(rows(store::Table::finished), kMaxForgotten + 1);
  now_ += 2h;
  finish();
  EXPECT_EQ(rows(store::Table::finished), 1U);
  EXPECT_EQ(rows(store::Table::finished_by_end), 1U);
  now_ += 61s;
  finish();
  EXPECT_EQ(rows(store::Table::finished), 0U);
  EXPECT_EQ(rows(store::Table::blobs), 0U);
}

TEST_F(QueryTest, AScriptIsReadAfterItsJobHasLeftUntilReplayAgeHasPassed) {
  start("min_job_age = 1s\nreplay_age = 2h\n");
  submit_many(kAlice, 1);
  CancelRequest cancel;
  cancel.filter.users = {"alice"};
  ask<JobsReply>(kAlice, cancel);
  now_ += 1h;
  finish();
  const ScriptQuery query{.job = JobId{1}};
  EXPECT_FALSE(ask<ScriptReply>(kAlice, query).script.empty());
  EXPECT_EQ(ask<ErrorReply>(kBob, query).code, ErrorCode::denied);
  start("min_job_age = 1s\nreplay_age = 2h\n");  // also after a restart
  EXPECT_FALSE(ask<ScriptReply>(kAlice, query).script.empty());
  now_ += 2h + 61s;
  finish();
  EXPECT_EQ(ask<ErrorReply>(kAlice, query).code, ErrorCode::not_found);
  EXPECT_EQ(rows(store::Table::blobs), 0U);
}

TEST_F(QueryTest, WhatIsForgottenIsNotReplayed) {
  start("history_age = 1h\nmin_job_age = 1s\n");  // replay_age is longer
  submit_many(kAlice, 1);
  CancelRequest cancel;
  cancel.filter.users = {"alice"};
  ask<JobsReply>(kAlice, cancel);
  now_ += 2s;
  finish();
  now_ += 1h + 61s;
  finish();
  EXPECT_EQ(rows(store::Table::blobs), 0U);
}

TEST_F(QueryTest, TermsComeIfTheyAreAskedFor) {
  submit_many(kAlice, 1);
  now_ += 1h;
  JobQuery query;
  EXPECT_FALSE(pages(ask_all(kAlice, query)).at(0).jobs.at(0).terms.has_value());
  query.terms = true;
  const JobView view = pages(ask_all(kAlice, query)).at(0).jobs.at(0);
  ASSERT_TRUE(view.terms.has_value());
  const PriorityParts& terms = *view.terms;
  EXPECT_GT(terms.age, 0);
  EXPECT_DOUBLE_EQ(terms.fair_share, 5000) << "nobody has used anything";
  EXPECT_DOUBLE_EQ(*view.priority, terms.age + terms.fair_share + terms.stretch + terms.partition);
}

TEST_F(QueryTest, SharesAreShownAndOthersHiddenWherePrivate) {
  const std::string accounts = "[account lab]\nusers = alice, bob:2\n";
  start(accounts);
  const auto rows = ask<ShareQueryReply>(kBob, ShareQuery{}).rows;
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].account, "root");
  EXPECT_EQ(rows[1].account, "lab");
  EXPECT_EQ(rows[3].user, "bob");
  EXPECT_NEAR(rows[3].part_of_shares, 2.0 / 3, 1e-9);
  start("private_data = yes\n" + accounts);
  EXPECT_EQ(ask<ShareQueryReply>(kBob, ShareQuery{}).rows.size(), 3U);
  EXPECT_EQ(ask<ShareQueryReply>(kRoot, ShareQuery{}).rows.size(), 4U);
}

TEST_F(QueryTest, UsageIsInTheStoreAndComesBack) {
  UsageRecord record{"", "alice", 7200, now_};
  ASSERT_TRUE(store_.commit({{store::Table::usage, "/alice", encode_record(record)}}).ok());
  start();
  const auto rows = ask<ShareQueryReply>(kAlice, ShareQuery{}).rows;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].user, "alice");
  EXPECT_NEAR(rows[1].usage, 7200, 1);
  EXPECT_DOUBLE_EQ(rows[1].part_of_all, 1);
}

TEST_F(QueryTest, NodesAndPartitions) {
  bring_node_up();
  EXPECT_EQ(ask<NodeQueryReply>(kAlice, NodeQuery{}).nodes.size(), 1U);
  EXPECT_EQ(ask<ErrorReply>(kAlice, NodeQuery{{"n7"}}).text, "node n7: no such node");
  const auto partitions = ask<PartitionQueryReply>(kAlice, PartitionQuery{}).partitions;
  ASSERT_EQ(partitions.size(), 1U);
  EXPECT_EQ(partitions[0].name, "batch");
  EXPECT_TRUE(partitions[0].is_default);
}

}  // namespace
}  // namespace gd::controller::test
