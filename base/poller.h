// The loop of a single-threaded daemon: descriptors, timers and signals, one
// callback at a time.
//
// A callback may add, modify and remove anything, itself and whoever is next in
// the same round included: what was removed is not called any more. Descriptors
// stay the caller's; remove() before close(). Timers run by the boot clock, in
// order of their time. Cost: one epoll_wait a round; timers O(log n).
#pragma once

#include <signal.h>
#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace gd {

enum class TimerId : uint64_t { none = 0 };

class Poller {
 public:
  using OnReady = std::function<void(uint32_t events)>;  // EPOLLIN | EPOLLOUT | EPOLLHUP ...
  using OnTimer = std::function<void()>;
  using OnSignal = std::function<void(int signal)>;

  static Result<std::unique_ptr<Poller>> create();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();  // gives the signal mask back as it was before handle_signals()

  Result<void> add(int fd, uint32_t events, OnReady on_ready);
  Result<void> modify(int fd, uint32_t events);
  void remove(int fd);  // what is not there is removed already

  TimerId call_after(Milliseconds delay, OnTimer on_timer);
  TimerId call_at(Milliseconds boot_time, OnTimer on_timer);  // on the clock of boot_time()
  void cancel(TimerId timer);

  // Blocks these signals and gives them to the callback instead. At most once,
  // before any thread is started.
  Result<void> handle_signals(std::initializer_list<int> signals, OnSignal on_signal);

  // Waits until something happens, at most `timeout` (none: for ever), and calls
  // back for all that has. False: the time passed and nothing happened.
  Result<bool> run_once(std::optional<Milliseconds> timeout = std::nullopt);
  Result<void> run();  // until stop()
  // Readable when run_once() would call back: for proto/socket.h's wait().
  [[nodiscard]] int fd() const { return epoll_.get(); }
  void stop() { stopped_ = true; }

 private:
  struct Entry {
    int fd;
    OnReady on_ready;
  };
  Poller(UniqueFd epoll, UniqueFd timer) : epoll_(std::move(epoll)), timer_(std::move(timer)) {}
  Result<void> arm_timer();
  void run_timers();
  void read_signals();

  UniqueFd epoll_;
  UniqueFd timer_;
  UniqueFd signals_;
  OnSignal on_signal_;
  std::optional<sigset_t> old_mask_;
  uint64_t next_token_ = 1;  // epoll carries tokens, not numbers of descriptors: those recur
  std::unordered_map<int, uint64_t> tokens_;
  std::unordered_map<uint64_t, std::shared_ptr<Entry>> entries_;
  uint64_t next_timer_ = 1;
  std::map<std::pair<Milliseconds, uint64_t>, OnTimer> timers_;  // by time, then by age
  std::unordered_map<uint64_t, Milliseconds> timer_times_;
  std::optional<Milliseconds> armed_;
  bool stopped_ = false;
};

}  // namespace gd
