// poller.h carried out: epoll, one timerfd armed for the earliest timer, one signalfd.
#include "base/poller.h"

#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/check.h"

namespace gd {

namespace {

// Tokens that are not callers' descriptors; those count from 1.
constexpr uint64_t kTimerToken = UINT64_MAX;
constexpr uint64_t kSignalToken = UINT64_MAX - 1;

Result<void> control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (::epoll_ctl(epoll, operation, fd, &event) == 0) return {};
  return os_error("watch descriptor " + std::to_string(fd));
}

}  // namespace

Result<std::unique_ptr<Poller>> Poller::create() {
  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll.valid()) return os_error("epoll");
  UniqueFd timer{::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!timer.valid()) return os_error("timerfd");
  TRY(control(epoll.get(), EPOLL_CTL_ADD, timer.get(), EPOLLIN, kTimerToken));
  return std::unique_ptr<Poller>(new Poller(std::move(epoll), std::move(timer)));
}

Poller::~Poller() {
  if (old_mask_) ::pthread_sigmask(SIG_SETMASK, &*old_mask_, nullptr);
}

Result<void> Poller::add(int fd, uint32_t events, OnReady on_ready) {
  GD_CHECK(!tokens_.contains(fd), fd);  // a closed one that was not removed, or a double
  const uint64_t token = next_token_++;
  TRY(control(epoll_.get(), EPOLL_CTL_ADD, fd, events, token));
  tokens_[fd] = token;
  entries_[token] = std::make_shared<Entry>(Entry{fd, std::move(on_ready)});
  return {};
}

Result<void> Poller::modify(int fd, uint32_t events) {
  const auto token = tokens_.find(fd);
  GD_CHECK(token != tokens_.end(), fd);
  return control(epoll_.get(), EPOLL_CTL_MOD, fd, events, token->second);
}

void Poller::remove(int fd) {
  const auto token = tokens_.find(fd);
  if (token == tokens_.end()) return;
  (void)control(epoll_.get(), EPOLL_CTL_DEL, fd, 0, 0).ok();  // closed already: gone from epoll too
  entries_.erase(token->second);
  tokens_.erase(token);
}

TimerId Poller::call_after(Milliseconds delay, OnTimer on_timer) {
  return call_at(boot_time() + delay, std::move(on_timer));
}

TimerId Poller::call_at(Milliseconds boot_time, OnTimer on_timer) {
  const uint64_t id = next_timer_++;
  timers_.emplace(std::pair{boot_time, id}, std::move(on_timer));
  timer_times_[id] = boot_time;
  return TimerId{id};
}

void Poller::cancel(TimerId timer) {
  const auto time = timer_times_.find(static_cast<uint64_t>(timer));
  if (time == timer_times_.end()) return;
  timers_.erase({time->second, time->first});
  timer_times_.erase(time);
}

Result<void> Poller::arm_timer() {
  std::optional<Milliseconds> earliest;
  if (!timers_.empty()) earliest = timers_.begin()->first.first;
  if (earliest == armed_) return {};
  itimerspec when{};
  if (earliest) {
    const int64_t at = std::max<int64_t>(earliest->count(), 1);  // 0 would disarm it
    when.it_value = {at / 1000, at % 1000 * 1'000'000};
  }
  if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
    return os_error("arm the timer");
  }
  armed_ = earliest;
  return {};
}

// Only timers that were set before this round: one that sets itself again at once
// must not keep descriptors from their turn.
void Poller::run_timers() {
  uint64_t expirations = 0;
  (void)!::read(timer_.get(), &expirations, sizeof expirations);
  armed_.reset();
  const Milliseconds now = boot_time();
  const uint64_t first_new = next_timer_;
  for (auto next = timers_.begin(); next != timers_.end() && next->first.first <= now;) {
    if (next->first.second >= first_new) {
      ++next;
      continue;
    }
    const OnTimer on_timer = std::move(next->second);
    timer_times_.erase(next->first.second);
    timers_.erase(next);
    on_timer();
    next = timers_.begin();  // the callback may have changed anything
  }
}

Result<void> Poller::handle_signals(std::initializer_list<int> signals, OnSignal on_signal) {
  GD_CHECK(!signals_.valid());
  sigset_t wanted;
  sigset_t before;
  ::sigemptyset(&wanted);
  for (const int signal : signals) ::sigaddset(&wanted, signal);
  UniqueFd fd{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!fd.valid()) return os_error("signalfd");
  TRY(control(epoll_.get(), EPOLL_CTL_ADD, fd.get(), EPOLLIN, kSignalToken));
  const int error = ::pthread_sigmask(SIG_BLOCK, &wanted, &before);
  if (error != 0) return os_error("block signals", error);
  old_mask_ = before;
  signals_ = std::move(fd);
  on_signal_ = std::move(on_signal);
  return {};
}

void Poller::read_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

Result<bool> Poller::run_once(std::optional<Milliseconds> timeout) {
  TRY(arm_timer());
  std::array<epoll_event, 64> events;
  const int64_t wait = timeout ? std::clamp<int64_t>(timeout->count(), 0, INT32_MAX) : -1;
  int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(wait));
  if (count < 0 && errno != EINTR) return os_error("epoll_wait");
  count = std::max(count, 0);
  for (const epoll_event& event : std::span(events).first(static_cast<size_t>(count))) {
    const uint64_t token = event.data.u64;  // a copy: the struct is packed, a reference misaligned
    if (token == kTimerToken) {
      run_timers();
    } else if (token == kSignalToken) {
      read_signals();
    } else if (const auto entry = entries_.find(token); entry != entries_.end()) {
      const std::shared_ptr<Entry> alive = entry->second;  // it may remove itself
      alive->on_ready(event.events);
    }
  }
  return count > 0;
}

Result<void> Poller::run() {
  stopped_ = false;
  while (!stopped_) TRY(run_once());
  return {};
}

}  // namespace gd
