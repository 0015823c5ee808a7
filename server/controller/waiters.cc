// A job has few waiters: a vector each.
#include "server/controller/waiters.h"

namespace gd::controller {

Result<void> Waiters::add(JobId job, Waiter waiter) {
  std::vector<Waiter>& all = by_job_[job];
  for (Waiter& each : all) {
    if (each.route != waiter.route || each.tag != waiter.tag) continue;
    each = std::move(waiter);
    return {};
  }
  if (count_ >= kMaxWaiters) {
    if (all.empty()) by_job_.erase(job);
    return Error{ErrorCode::exhausted,
                 "the controller has " + std::to_string(kMaxWaiters) + " waiting clients already"};
  }
  all.push_back(std::move(waiter));
  ++count_;
  return {};
}

}  // namespace gd::controller
