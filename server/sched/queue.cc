// The waiting jobs, by shape and then by order.
#include "server/sched/queue.h"

#include "base/check.h"

namespace gd::sched {

void PendingQueue::add(const QueueKey& key, ShapeId shape) {
  const bool is_new = by_shape_[shape].insert(key).second;
  GD_CHECK(is_new, key.job);
  ++size_;
}

void PendingQueue::remove(const QueueKey& key, ShapeId shape) {
  const auto jobs = by_shape_.find(shape);
  GD_CHECK(jobs != by_shape_.end() && jobs->second.erase(key) == 1, key.job, shape);
  if (jobs->second.empty()) by_shape_.erase(jobs);
  --size_;
}

}  // namespace gd::sched
