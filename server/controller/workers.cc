// One mutex a queue, held only to push and pop.
#include "server/controller/workers.h"

#include <sys/eventfd.h>

#include "base/check.h"

namespace gd::controller {

Result<std::unique_ptr<Mailbox>> Mailbox::create() {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return os_error("eventfd");
  return std::make_unique<Mailbox>(std::move(wake));
}

void Mailbox::post(Task task, WhenFull when_full) {
  {
    std::unique_lock lock(mutex_);
    if (when_full == WhenFull::wait) {
      room_.wait(lock, [&] { return closed_ || items_.size() < kMaxMailboxItems; });
    }
    if (closed_) return;
    items_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);  // full means that it is awake already
}

void Mailbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    items_.clear();
  }
  room_.notify_all();
}

bool Mailbox::run(size_t most) {
  uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  for (size_t done = 0; done < most; ++done) {
    Task task;
    {
      const std::lock_guard lock(mutex_);
      if (items_.empty()) return false;
      task = std::move(items_.front());
      items_.pop_front();
    }
    room_.notify_one();
    task();
  }
  const std::lock_guard lock(mutex_);
  if (items_.empty()) return false;
  const uint64_t one = 1;  // look again in the next round
  (void)!::write(wake_.get(), &one, sizeof one);
  return true;
}

Workers::Workers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    tasks_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<void> Workers::submit(Task task) {
  if (threads_.empty()) {
    task();
    return {};
  }
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= kMaxQueuedTasks) {
      return Error{ErrorCode::unavailable, "the controller has " + std::to_string(kMaxQueuedTasks) +
                                               " queries waiting; try again"};
    }
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return {};
}

void Workers::run() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace gd::controller
