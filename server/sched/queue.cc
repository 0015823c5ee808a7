// The waiting jobs, by shape, standing and then by their waiting.
#include "server/sched/queue.h"

#include "base/check.h"

namespace gd::sched {

void PendingQueue::add(ShapeId shape, const Standing& standing, const QueueKey& key) {
  const bool is_new = by_shape_[shape][standing].insert(key).second;
  GD_CHECK(is_new, key.job);
  ++size_;
}

void PendingQueue::remove(ShapeId shape, const Standing& standing, const QueueKey& key) {
  const auto lanes = by_shape_.find(shape);
  GD_CHECK(lanes != by_shape_.end(), key.job, shape);
  const auto jobs = lanes->second.find(standing);
  GD_CHECK(jobs != lanes->second.end() && jobs->second.erase(key) == 1, key.job, shape);
  if (jobs->second.empty()) lanes->second.erase(jobs);
  if (lanes->second.empty()) by_shape_.erase(lanes);
  --size_;
}

bool PendingQueue::contains(ShapeId shape, const Standing& standing, const QueueKey& key) const {
  const auto lanes = by_shape_.find(shape);
  if (lanes == by_shape_.end()) return false;
  const auto jobs = lanes->second.find(standing);
  return jobs != lanes->second.end() && jobs->second.contains(key);
}

}  // namespace gd::sched
