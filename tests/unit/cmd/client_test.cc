// One call, its retries and pages, and many calls at once: against a peer that forgets,
// doubles and reorders.
#include "cmd/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "cmd/job_query.h"
#include "cmd/job_wait.h"
#include "cmd/submit.h"
#include "tests/unit/cmd/fake_server.h"

namespace gd::cmd {
namespace {

using test::FakeServer;

std::shared_ptr<Client> connect_to(const FakeServer& server,
                                   ClientOptions options = {.patience = 10s,
                                                            .resend_after = 50ms}) {
  Identity identity{.keys = make_curve_keys(),
                    .controller = server.address(),
                    .controller_key = server.keys().public_key};
  auto client = Client::connect({}, std::move(identity), options);
  EXPECT_TRUE(client.ok());
  return std::move(client).take();
}

TEST(Client, AsksAndGetsTheAnswer) {
  FakeServer server([](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
    if (std::holds_alternative<PingRequest>(message))
      self.send(route, tag, PingReply{.you = "alice"});
  });
  const auto reply = connect_to(server)->ask<PingReply>(PingRequest{});
  ASSERT_TRUE(reply.ok()) << reply.error().text;
  EXPECT_EQ(reply.value().you, "alice");
}

TEST(Client, AnErrorReplyIsAnError) {
  FakeServer server([](FakeServer& self, const Route& route, uint64_t tag, const Message&) {
    self.send(route, tag, ErrorReply{.code = ErrorCode::denied, .text = "job 9: not yours"});
  });
  const auto reply = connect_to(server)->ask<OkReply>(ShutdownRequest{});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error(), (Error{ErrorCode::denied, "job 9: not yours"}));
}

TEST(Client, AnAnswerOfTheWrongKindIsAnError) {
  FakeServer server([](FakeServer& self, const Route& route, uint64_t tag, const Message&) {
    self.send(route, tag, OkReply{});
  });
  const auto reply = connect_to(server)->ask<PingReply>(PingRequest{});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().text,
            "the controller answered with a ok_reply, which does not fit the request");
}

TEST(Client, ARetryCarriesTheSameRequestId) {
  std::mutex mutex;
  std::vector<RequestId> ids;
  FakeServer server(
      [&](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
        const auto& request = std::get<SubmitRequest>(message);
        const std::lock_guard lock(mutex);
        ids.push_back(request.request);
        if (ids.size() == 3) self.send(route, tag, SubmitReply{.job = JobId{7}});
      });
  const auto reply =
      connect_to(server)->ask<SubmitReply>(SubmitRequest{.request = new_request_id()});
  ASSERT_TRUE(reply.ok()) << reply.error().text;
  EXPECT_EQ(reply.value().job, JobId{7});
  const std::lock_guard lock(mutex);
  ASSERT_GE(ids.size(), 3U);
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[0], ids[2]);
}

TEST(Client, GivesUpAfterItsPatienceAndSaysWhere) {
  FakeServer server([](FakeServer&, const Route&, uint64_t, const Message&) {});
  const auto client = connect_to(server, {.patience = 200ms, .resend_after = 50ms});
  const auto reply = client->ask<PingReply>(PingRequest{});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_EQ(reply.error().text, "cannot reach the controller at " + server.address() +
                                    " for 200ms; is gdctld running? try 'gdctl ping'");
}

TEST(Client, PagesOfTwoAnswersDoNotMix) {
  int asked = 0;
  FakeServer server([&](FakeServer& self, const Route& route, uint64_t tag, const Message&) {
    // The first copy of the question is answered late, together with the second one.
    static uint64_t first = 0;
    if (++asked == 1) {
      first = tag;
      return;
    }
    if (asked > 2) return;
    const auto page = [](uint32_t id, bool more) {
      JobQueryReply reply{.jobs = {JobView{}}, .more = more};
      reply.jobs[0].job.id = JobId{id};
      reply.jobs[0].job.spec = std::make_shared<const JobSpec>();
      return reply;
    };
    self.send(route, tag, page(1, true));
    self.send(route, first, page(1, true));
    self.send(route, first, page(2, false));
    self.send(route, tag, page(2, true));
    self.send(route, tag, page(3, false));
  });
  const auto jobs = fetch_jobs(*connect_to(server), JobQuery{});
  ASSERT_TRUE(jobs.ok()) << jobs.error().text;
  ASSERT_EQ(jobs.value().size(), 3U);
  EXPECT_EQ(jobs.value()[2].job.id, JobId{3});
}

TEST(SubmitQueue, HandsOutInOrderWhateverIsLostOrDoubled) {
  std::map<RequestId, uint32_t> known;
  int count = 0;
  FakeServer server(
      [&](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
        const auto& request = std::get<SubmitRequest>(message);
        const auto found =
            known.emplace(request.request, static_cast<uint32_t>(known.size()) + 1).first;
        ++count;
        if (count % 7 == 0) return;  // lost
        const SubmitReply reply{.job = JobId{found->second}};
        self.send(route, tag, reply);
        if (count % 5 == 0) self.send(route, tag, reply);  // doubled
      });
  const auto client = connect_to(server);
  SubmitQueue queue(*client);
  constexpr size_t kJobs = 2000;
  std::vector<size_t> order;
  std::set<JobId> jobs;
  size_t refused = 0;
  const SubmitQueue::OnDone on_done = [&](size_t index, const Result<SubmitReply>& reply) {
    order.push_back(index);
    if (reply.ok())
      jobs.insert(reply.value().job);
    else
      ++refused;
  };
  for (size_t i = 0; i < kJobs; ++i) {
    Result<SubmitRequest> request = SubmitRequest{.request = new_request_id()};
    if (i % 100 == 50) request = Error{ErrorCode::invalid, "no"};
    ASSERT_TRUE(queue.add(i, std::move(request), on_done).ok());
  }
  const Result<void> done = queue.finish(on_done);
  ASSERT_TRUE(done.ok()) << done.error().text;
  ASSERT_EQ(order.size(), kJobs);
  for (size_t i = 0; i < kJobs; ++i) ASSERT_EQ(order[i], i);
  EXPECT_EQ(refused, kJobs / 100);
  EXPECT_EQ(jobs.size(), kJobs - kJobs / 100);
}

TEST(JobWait, GivesTheCodeOfAShell) {
  EXPECT_EQ(exit_code_of({.state = JobState::completed, .exit = {.code = 0}}), 0);
  EXPECT_EQ(exit_code_of({.state = JobState::failed, .exit = {.code = 7}}), 7);
  EXPECT_EQ(exit_code_of({.state = JobState::failed, .exit = {.signal = 9}}), 137);
  EXPECT_EQ(exit_code_of({.state = JobState::timeout}), 1);  // never a success
}

TEST(JobNews, WhatComesBesideAnAnswerIsNotMissed) {
  std::atomic<uint64_t> waiter = 0;
  std::atomic<int> asked = 0;
  FakeServer server(
      [&](FakeServer& self, const Route& route, uint64_t tag, const Message& message) {
        if (std::holds_alternative<WaitRequest>(message)) {
          waiter = tag;
          ++asked;
          self.send(route, tag, JobNotice{.job = JobId{7}, .state = JobState::running});
        } else {
          self.send(route, waiter, JobNotice{.job = JobId{7}, .state = JobState::running});
          self.send(route, tag, PingReply{});
        }
      });
  const auto client = connect_to(server);
  JobNews news(JobId{7}, *client);
  const Milliseconds began = boot_time();
  ASSERT_TRUE(news.wait().ok());  // the first one comes at once
  ASSERT_TRUE(client->ask<PingReply>(PingRequest{}).ok());
  ASSERT_TRUE(news.wait().ok());
  EXPECT_LT(boot_time() - began, 5s);
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace gd::cmd
