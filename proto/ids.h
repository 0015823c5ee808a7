// Identifiers that do not mix: a NodeIndex is no JobId, a launch no step.
//
// JobId numbers are given by the controller and never used twice in the life of
// a cluster. A LaunchNumber is cluster-wide and only grows: each time a job is
// sent to nodes it gets a new one, so {job, launch} names one life of a job and
// a late message about an earlier life is known for what it is.
#pragma once

#include <compare>
#include <cstdint>
#include <ostream>

namespace gd {

template <class Tag, class Value = uint32_t>
struct Id {
  using value_type = Value;
  Value value = 0;
  auto operator<=>(const Id&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.value; }
};

using JobId = Id<struct JobTag>;
using LaunchNumber = Id<struct LaunchTag, uint64_t>;
using StepId = Id<struct StepTag>;

// Steps are numbered from 0; the others have Slurm's names in reports.
inline constexpr StepId kBatchStep{0xfffffffb};
inline constexpr StepId kInteractiveStep{0xfffffffa};
inline constexpr StepId kExternStep{0xfffffffc};

using Uid = uint32_t;
using Gid = uint32_t;

// A client's own name for a request: a retry carries the same one. Random, so
// that two clients never meet; {0, 0} means "not given".
struct RequestId {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const RequestId&) const = default;
  [[nodiscard]] bool given() const { return high != 0 || low != 0; }

  static constexpr void visit(auto& self, auto&& field) {
    field("hi", self.high);
    field("lo", self.low);
  }
};

}  // namespace gd
