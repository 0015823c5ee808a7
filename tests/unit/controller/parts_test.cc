// The controller's smaller parts, each alone: blobs, waiters, workers and mailbox,
// groups that wait for the name service.
#include <atomic>
#include <thread>

#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

JobRecord job_with(uint32_t id, const Digest& script) {
  JobRecord job;
  job.id = JobId{id};
  job.spec = std::make_shared<const JobSpec>();
  job.script = script;
  return job;
}

TEST(BlobsTest, ABlobLivesAsLongAsOneJobRefersToIt) {
  Blobs blobs;
  store::Batch batch;
  const Digest digest = blobs.add("script", batch);
  EXPECT_EQ(blobs.add("script", batch), digest);
  EXPECT_EQ(batch.size(), 1U);
  const JobRecord first = job_with(1, digest);
  const JobRecord second = job_with(2, digest);
  blobs.job_stored(JobId{1}, &first);
  blobs.job_stored(JobId{2}, &second);
  blobs.settle(batch);
  EXPECT_EQ(batch.size(), 1U);
  blobs.job_stored(JobId{1}, nullptr);
  blobs.settle(batch);
  EXPECT_EQ(batch.size(), 1U);
  blobs.job_stored(JobId{2}, nullptr);
  blobs.settle(batch);
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch[1].value, std::nullopt);
  EXPECT_EQ(blobs.count(), 0U);
}

TEST(BlobsTest, ABlobThatOneJobLeavesAndAnotherBringsInOneBatchStays) {
  Blobs blobs;
  store::Batch batch;
  const Digest digest = blobs.add("script", batch);
  const JobRecord first = job_with(1, digest);
  blobs.job_stored(JobId{1}, &first);
  blobs.settle(batch);
  batch.clear();
  (void)blobs.add("script", batch);
  const JobRecord second = job_with(2, digest);
  blobs.job_stored(JobId{1}, nullptr);
  blobs.job_stored(JobId{2}, &second);
  blobs.settle(batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(blobs.count(), 1U);
}

TEST(BlobsTest, WhatNobodyRefersToFadesAndCanBeHadAgainMeanwhile) {
  Blobs blobs;
  store::Batch batch;
  const TimePoint until = TimePoint(1000s);
  const Digest digest = blobs.add("script", batch);
  const JobRecord first = job_with(1, digest);
  blobs.job_stored(JobId{1}, &first);
  blobs.settle(batch, until);
  blobs.job_stored(JobId{1}, nullptr);
  batch.clear();
  blobs.settle(batch, until);
  ASSERT_EQ(batch.size(), 1U);  // the time; the blob stays
  EXPECT_EQ(batch[0].table, store::Table::meta);
  EXPECT_EQ(batch[0].value, "1000");
  EXPECT_EQ(blobs.count(), 0U);
  EXPECT_EQ(blobs.fading(), 1U);

  // A submission that is refused changes nothing about it; one that is taken ends the fading.
  batch.clear();
  (void)blobs.add("script", batch);
  blobs.settle(batch, until);
  EXPECT_TRUE(batch.empty());
  (void)blobs.add("script", batch);
  const JobRecord second = job_with(2, digest);
  blobs.job_stored(JobId{2}, &second);
  blobs.settle(batch, until);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0].value, std::nullopt);
  EXPECT_EQ(blobs.fading(), 0U);
}

TEST(BlobsTest, NoMoreThanSoManyFadeAtOnce) {
  Blobs blobs;
  store::Batch batch;
  for (uint32_t i = 1; i <= kMaxFading + 1; ++i) {
    const JobRecord job = job_with(i, blobs.add("script " + std::to_string(i), batch));
    blobs.job_stored(JobId{i}, &job);
    blobs.job_stored(JobId{i}, nullptr);
  }
  batch.clear();
  blobs.settle(batch, TimePoint(1000s));
  EXPECT_EQ(blobs.fading(), kMaxFading);
  EXPECT_EQ(batch.back().table, store::Table::blobs);  // the last one went at once
  EXPECT_EQ(batch.back().value, std::nullopt);
}

TEST(BlobsTest, WhatHasFadedGoesAlsoAfterARestart) {
  store::MemoryStore store;
  store::Batch batch;
  {
    Blobs blobs;
    const Digest digest = blobs.add("script", batch);
    const JobRecord job = job_with(1, digest);
    blobs.job_stored(JobId{1}, &job);
    blobs.settle(batch, TimePoint(1000s));
    blobs.job_stored(JobId{1}, nullptr);
    blobs.settle(batch, TimePoint(1000s));
    ASSERT_TRUE(store.commit(batch).ok());
  }
  Blobs blobs;
  const auto snapshot = store.snapshot().take();
  ASSERT_TRUE(blobs.load_fading(*snapshot).ok());
  batch.clear();
  ASSERT_TRUE(blobs.sweep(*snapshot, batch).ok());
  EXPECT_TRUE(batch.empty());
  blobs.expire(batch, TimePoint(999s));
  EXPECT_TRUE(batch.empty());
  blobs.expire(batch, TimePoint(1000s));
  EXPECT_EQ(batch.size(), 2U);  // the blob and its time
  EXPECT_EQ(blobs.fading(), 0U);
}

TEST(BlobsTest, TheCacheIsBoundedAndTheStoreKnowsTheRest) {
  store::MemoryStore store;
  Blobs blobs;
  store::Batch batch;
  const size_t each = kMaxBlobCacheBytes / 4;
  std::vector<Digest> digests;
  for (char c = 'a'; c < 'g'; ++c) digests.push_back(blobs.add(Bytes(each, c), batch));
  ASSERT_TRUE(store.commit(batch).ok());
  const auto snapshot = store.snapshot().take();
  for (const Digest& digest : digests) {
    EXPECT_EQ(blobs.read(digest, *snapshot).take().size(), each);
  }
  store::MemoryStore empty;
  const auto nothing = empty.snapshot().take();
  EXPECT_TRUE(blobs.read(digests.back(), *nothing).ok());    // cached
  EXPECT_FALSE(blobs.read(digests.front(), *nothing).ok());  // was pushed out
}

TEST(WaitersTest, OnePastKMaxWaitersIsRefusedAndTheSameOneIsNot) {
  Waiters waiters;
  for (size_t i = 0; i < kMaxWaiters; ++i) {
    ASSERT_TRUE(waiters.add(JobId{1 + static_cast<uint32_t>(i / 10)}, {"r", i}).ok());
  }
  EXPECT_EQ(waiters.add(JobId{1}, {"new", 0}).error().code, ErrorCode::exhausted);
  EXPECT_EQ(waiters.add(JobId{0x7fffffff}, {"new", 0}).error().code, ErrorCode::exhausted);
  EXPECT_TRUE(waiters.add(JobId{1}, {"r", 3}).ok());
  EXPECT_EQ(waiters.count(), kMaxWaiters);
}

TEST(WorkersTest, OnePastKMaxQueuedTasksIsRefused) {
  std::atomic<bool> open = false;
  std::atomic<size_t> done = 0;
  Workers workers(1);
  std::atomic<bool> busy = false;
  ASSERT_TRUE(workers
                  .submit([&] {
                    busy = true;
                    while (!open) std::this_thread::yield();
                  })
                  .ok());
  while (!busy) std::this_thread::yield();
  for (size_t i = 0; i < kMaxQueuedTasks; ++i) {
    ASSERT_TRUE(workers.submit([&] { ++done; }).ok());
  }
  EXPECT_EQ(workers.submit([] {}).error().code, ErrorCode::unavailable);
  open = true;
  while (done < kMaxQueuedTasks) std::this_thread::yield();
}

TEST(MailboxTest, ATaskPastKMaxMailboxItemsWaitsForRoom) {
  const auto mailbox = Mailbox::create().take();
  std::atomic<size_t> posted = 0;
  size_t ran = 0;
  std::thread poster([&] {
    for (size_t i = 0; i < kMaxMailboxItems + 1; ++i) {
      mailbox->post([&] { ++ran; }, Mailbox::WhenFull::wait);
      ++posted;
    }
  });
  while (posted < kMaxMailboxItems) std::this_thread::yield();
  EXPECT_EQ(posted, kMaxMailboxItems);
  EXPECT_TRUE(mailbox->run(1));
  poster.join();
  EXPECT_EQ(posted, kMaxMailboxItems + 1);
  EXPECT_FALSE(mailbox->run(1000));
  EXPECT_EQ(ran, kMaxMailboxItems + 1);
}

TEST_F(ControllerTest, MessagesOfAnUnknownUserWaitInOrderForTheNameService) {
  std::vector<Uid> asked;
  controller_->hub().parts.resolve_groups = [&](Uid uid, Gid) {
    asked.push_back(uid);
    return Result<UserGroups>(Error{ErrorCode::unavailable, "ldap: no answer"});
  };
  const auto refused = ask<ErrorReply>(kAlice, submission("x"));
  EXPECT_EQ(refused.text, "groups of uid 1001: ldap: no answer");
  controller_->hub().parts.resolve_groups = [&](Uid uid, Gid) {
    asked.push_back(uid);
    return UserGroups{"users", {"users"}};
  };
  EXPECT_EQ(submit(kAlice), JobId{1});
  EXPECT_EQ(submit(kAlice), JobId{2});
  EXPECT_EQ(asked, (std::vector<Uid>{1001, 1001}));  // once each time it was not known
  now_ += kGroupsAge + 1s;
  submit(kAlice);
  EXPECT_EQ(asked.size(), 3U);
}

TEST_F(ControllerTest, OneMessagePastKMaxParkedIsRefused) {
  EXPECT_EQ(submit(kBob), JobId{1});
  ASSERT_TRUE(controller_->hub().groups.start_asking(1001, now_));  // and no answer comes
  const Message request = JobControlRequest{};
  for (size_t i = 0; i < kMaxParked; ++i) send(kAlice, request);
  EXPECT_EQ(controller_->hub().parked_count, kMaxParked);
  EXPECT_EQ(ask<ErrorReply>(kAlice, request).code, ErrorCode::unavailable);
  EXPECT_EQ(submit(kBob), JobId{2});  // who is known does not wait for it
}

}  // namespace
}  // namespace gd::controller::test
