// poller: what was removed is not called, what was added is, whatever a callback does.
#include "base/poller.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gd {
namespace {

class PollerTest : public testing::Test {
 protected:
  PollerTest() : poller_(Poller::create().take()) {}

  Pipe ready_pipe() {
    Pipe pipe = make_pipe().take();
    EXPECT_TRUE(write_all(pipe.write.get(), "x", "pipe").ok());
    return pipe;
  }
  std::unique_ptr<Poller> poller_;
  std::string calls_;
};

TEST_F(PollerTest, SaysWhenNothingHappened) {
  EXPECT_FALSE(*poller_->run_once(0ms));
  EXPECT_FALSE(*poller_->run_once(5ms));
}

TEST_F(PollerTest, CallsForWhatIsReadyAndObeysModify) {
  const Pipe pipe = ready_pipe();
  ASSERT_TRUE(poller_
                  ->add(pipe.read.get(), EPOLLIN,
                        [&](uint32_t events) {
                          EXPECT_NE(events & EPOLLIN, 0u);
                          calls_ += 'r';
                        })
                  .ok());
  EXPECT_TRUE(*poller_->run_once(0ms));
  ASSERT_TRUE(poller_->modify(pipe.read.get(), 0).ok());
  EXPECT_FALSE(*poller_->run_once(0ms));
  ASSERT_TRUE(poller_->modify(pipe.read.get(), EPOLLIN).ok());
  EXPECT_TRUE(*poller_->run_once(0ms));
  EXPECT_EQ(calls_, "rr");
}

TEST_F(PollerTest, DoesNotCallWhatTheFirstOfTheRoundRemoved) {
  const Pipe a = ready_pipe();
  const Pipe b = ready_pipe();
  const auto remove_both = [&](uint32_t) {
    calls_ += 'x';
    poller_->remove(a.read.get());
    poller_->remove(b.read.get());
    poller_->remove(b.read.get());
  };
  ASSERT_TRUE(poller_->add(a.read.get(), EPOLLIN, remove_both).ok());
  ASSERT_TRUE(poller_->add(b.read.get(), EPOLLIN, remove_both).ok());
  EXPECT_TRUE(*poller_->run_once(0ms));
  EXPECT_EQ(calls_, "x");
  EXPECT_FALSE(*poller_->run_once(0ms));
}

// The number of a closed descriptor comes back at once: the event that waits in the
// round belongs to the old one, and must not reach the new.
TEST_F(PollerTest, KeepsOldEventsFromANewDescriptorOfTheSameNumber) {
  Pipe a = ready_pipe();
  Pipe b = ready_pipe();
  std::vector<Pipe> fresh;
  const auto swap = [&](Pipe& other) {
    calls_ += 'x';
    const int number = other.read.get();
    poller_->remove(number);
    other.read.reset();
    fresh.push_back(make_pipe().take());
    ASSERT_EQ(fresh.back().read.get(), number);
    ASSERT_TRUE(poller_->add(number, EPOLLIN, [&](uint32_t) { calls_ += '!'; }).ok());
  };
  ASSERT_TRUE(poller_->add(a.read.get(), EPOLLIN, [&](uint32_t) { swap(b); }).ok());
  ASSERT_TRUE(poller_->add(b.read.get(), EPOLLIN, [&](uint32_t) { swap(a); }).ok());
  EXPECT_TRUE(*poller_->run_once(0ms));
  EXPECT_EQ(calls_, "x");
}

TEST_F(PollerTest, RunsTimersInOrderOfTimeThenAge) {
  const Milliseconds now = boot_time();
  poller_->call_at(now - 1ms, [&] { calls_ += 'b'; });
  poller_->call_at(now - 2ms, [&] { calls_ += 'a'; });
  poller_->call_at(now - 1ms, [&] { calls_ += 'c'; });
  poller_->call_at(now + 1h, [&] { calls_ += 'd'; });
  EXPECT_TRUE(*poller_->run_once());
  EXPECT_EQ(calls_, "abc");
}

TEST_F(PollerTest, WaitsForATimerInTheFuture) {
  const Milliseconds begin = boot_time();
  poller_->call_after(20ms, [&] { poller_->stop(); });
  ASSERT_TRUE(poller_->run().ok());
  EXPECT_GE(boot_time() - begin, 20ms);
}

TEST_F(PollerTest, CancelsTimersEvenFromATimer) {
  const Milliseconds now = boot_time();
  TimerId second{};
  poller_->call_at(now - 2ms, [&] {
    calls_ += 'a';
    poller_->cancel(second);
  });
  second = poller_->call_at(now - 1ms, [&] { calls_ += 'b'; });
  poller_->cancel(TimerId::none);
  EXPECT_TRUE(*poller_->run_once());
  EXPECT_FALSE(*poller_->run_once(0ms));
  EXPECT_EQ(calls_, "a");
}

TEST_F(PollerTest, LetsATimerThatSetsItselfAgainWaitForTheNextRound) {
  const std::function<void()> again = [&] {
    calls_ += 't';
    poller_->call_at(boot_time() - 1ms, again);
  };
  poller_->call_at(boot_time() - 1ms, again);
  EXPECT_TRUE(*poller_->run_once());
  EXPECT_EQ(calls_, "t");
  EXPECT_TRUE(*poller_->run_once());
  EXPECT_EQ(calls_, "tt");
}

TEST_F(PollerTest, TurnsSignalsIntoCallsAndGivesTheMaskBack) {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  ASSERT_TRUE(poller_
                  ->handle_signals({SIGUSR1, SIGUSR2},
                                   [&](int signal) { calls_ += signal == SIGUSR1 ? '1' : '2'; })
                  .ok());
  ::raise(SIGUSR2);
  ::raise(SIGUSR1);
  EXPECT_TRUE(*poller_->run_once(1s));
  EXPECT_EQ(calls_, "12") << "the kernel gives the lower number first";
  poller_.reset();
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(::sigismember(&after, SIGUSR1), ::sigismember(&before, SIGUSR1));
}

}  // namespace
}  // namespace gd
