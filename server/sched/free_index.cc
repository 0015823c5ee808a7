#include "server/sched/free_index.h"

#include <algorithm>

namespace gd::sched {

namespace {

bool has(const FreeAmounts& amounts, const FreeAmounts& least) {
  return amounts.cpus >= least.cpus && amounts.memory_mib >= least.memory_mib &&
         (amounts.whole || !least.whole);
}

}  // namespace

FreeIndex::FreeIndex(const std::vector<FreeAmounts>& places) : size_(places.size()) {
  while (leaves_ < size_) leaves_ *= 2;
  tree_.resize(2 * leaves_);
  std::copy(places.begin(), places.end(), tree_.begin() + static_cast<std::ptrdiff_t>(leaves_));
  for (size_t at = leaves_ - 1; at >= 1; --at) refresh(at);
}

void FreeIndex::refresh(size_t at) {
  const FreeAmounts& left = tree_[2 * at];
  const FreeAmounts& right = tree_[2 * at + 1];
  tree_[at] = {std::max(left.cpus, right.cpus), std::max(left.memory_mib, right.memory_mib),
               left.whole || right.whole};
}

void FreeIndex::set(size_t place, const FreeAmounts& amounts) {
  size_t at = leaves_ + place;
  tree_[at] = amounts;
  for (at /= 2; at >= 1; at /= 2) refresh(at);
}

size_t FreeIndex::next(size_t from, const FreeAmounts& least) const {
  if (from >= size_) return kNone;
  size_t at = leaves_ + from;
  while (true) {
    if (has(tree_[at], least)) {
      if (at >= leaves_) return at - leaves_ < size_ ? at - leaves_ : kNone;
      at *= 2;
      continue;
    }
    while (at % 2 == 1) {  // this and all to its left are done
      at /= 2;
      if (at <= 1) return kNone;
    }
    if (at == 0) return kNone;
    ++at;
  }
}

}  // namespace gd::sched
