// Finds the next node of a list that has at least so much free: a tree of maxima over the
// list, so that a full cluster is told from one look at its top.
//
// The maxima of several amounts may be of different nodes: what is found has each amount,
// what was passed over has not.
// Cost: building O(n), set() O(log n), next() O(log n) for each place where the maxima
// promise more than one node has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace gd::sched {

struct FreeAmounts {
  uint32_t cpus = 0;
  uint64_t memory_mib = 0;
  bool whole = false;  // nothing is held there
};

class FreeIndex {
 public:
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

  explicit FreeIndex(const std::vector<FreeAmounts>& places);
  void set(size_t place, const FreeAmounts& amounts);
  // The first place from `from` on that has at least these amounts, or kNone.
  [[nodiscard]] size_t next(size_t from, const FreeAmounts& least) const;

 private:
  void refresh(size_t at);

  size_t size_;
  size_t leaves_ = 1;              // a power of two; those past the end have nothing
  std::vector<FreeAmounts> tree_;  // of 1: the top; of i: the maxima of 2i and 2i + 1
};

}  // namespace gd::sched
