// The indices of arrays and of dependencies.
#include "base/check.h"
#include "server/core/cluster.h"

namespace gd::core {

namespace {

// Out of a set in a map, and the set with its last member.
template <class Map, class Key>
void erase_from(Map& map, const Key& key, JobId id) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  found->second.erase(id);
  if (found->second.empty()) map.erase(found);
}

bool waits(const DependencyTerm& term) {
  return term.state == DependencyState::waiting;
}

}  // namespace

const ArrayEntry* Cluster::find_array(JobId array) const {
  const auto found = arrays_.find(array);
  return found == arrays_.end() ? nullptr : &found->second;
}

void Cluster::index_array(const JobRecord& job) {
  const JobId id = job.array->array;
  ArrayEntry& array = arrays_[id];
  array.records.insert(job.id);
  if (job.array->elements.size() == 1)
    array.singles[job.array->elements.front()] = job.id;
  else
    array.groups.insert(job.id);
  if (job.state == JobState::pending) ++array.waiting;
  if (allocated(job.state)) ++array.running;
  refresh_room(id);
}

void Cluster::unindex_array(const JobRecord& job) {
  const JobId id = job.array->array;
  ArrayEntry& array = arrays_.at(id);
  array.records.erase(job.id);
  array.groups.erase(job.id);
  if (job.array->elements.size() == 1) array.singles.erase(job.array->elements.front());
  if (job.state == JobState::pending) --array.waiting;
  if (allocated(job.state)) --array.running;
  if (array.records.empty()) arrays_.erase(id);
  refresh_room(id);
}

// What follows from the array as it is now: room for its limit, and when its first record may go.
void Cluster::refresh_room(JobId id) {
  const auto first = jobs_.find(id);
  const ArrayEntry* array = find_array(id);
  if (first == jobs_.end() || array == nullptr || !first->second.record.array) {
    array_room_.erase(id);
    return;
  }
  const uint32_t limit = first->second.record.array->limit;
  if (limit == 0)
    array_room_.erase(id);
  else
    array_room_[id] = limit > array->running ? limit - array->running : 0;
  if (ended(first->second.record.state) && array->records.contains(id)) retime(first->second);
}

void Cluster::index_dependency(const JobRecord& job) {
  if (ended(job.state)) return;
  const UserAndName name{job.uid, job.spec->name};
  by_name_[name].insert(job.id);
  if (job.state != JobState::pending) return;
  for (const DependencyTerm& term : job.dependency.terms) {
    if (!waits(term)) continue;
    if (term.kind == DependencyKind::singleton)
      singletons_[name].insert(job.id);
    else
      dependants_[term.job].insert(job.id);
  }
}

void Cluster::unindex_dependency(const JobRecord& job) {
  if (ended(job.state)) return;
  const UserAndName name{job.uid, job.spec->name};
  erase_from(by_name_, name, job.id);
  if (job.state != JobState::pending) return;
  for (const DependencyTerm& term : job.dependency.terms) {
    if (term.kind == DependencyKind::singleton)
      erase_from(singletons_, name, job.id);
    else
      erase_from(dependants_, term.job, job.id);
  }
}

}  // namespace gd::core
