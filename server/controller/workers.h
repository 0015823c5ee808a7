// Work beside the owner thread, and the way back to it.
//
// Workers run tasks that must not delay the owner: queries over snapshots, and the
// name service. A task hands its result to the Mailbox; the owner empties that in
// its loop. A task may not touch the cluster. The mailbox holds at most
// kMaxMailboxItems: a task that would go past it waits, so that one big answer
// cannot fill the memory. With no threads, submit() runs the task at once (tests).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace gd::controller {

inline constexpr size_t kMaxQueuedTasks = 1000;
inline constexpr size_t kMaxMailboxItems = 64;

using Task = std::function<void()>;

class Mailbox {
 public:
  static Result<std::unique_ptr<Mailbox>> create();
  explicit Mailbox(UniqueFd wake) : wake_(std::move(wake)) {}

  enum class WhenFull : uint8_t { wait, grow };
  void post(Task task, WhenFull when_full);  // from any thread
  void close();                              // nobody waits any more; posts vanish
  // Owner: runs what has come, at most `most` items. True: more is there.
  bool run(size_t most);
  [[nodiscard]] int fd() const { return wake_.get(); }

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Task> items_;
  bool closed_ = false;
  UniqueFd wake_;  // eventfd
};

class Workers {
 public:
  explicit Workers(size_t threads);
  ~Workers();  // finishes the tasks that run, drops the others
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // unavailable: kMaxQueuedTasks are waiting already.
  Result<void> submit(Task task);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gd::controller
