// Dependency: what a job waits for among other jobs; Slurm's --dependency as a value.
//
// Each term carries what became of it. That is decided when the other job starts or
// ends, in the same change, and kept with the waiting job: nobody has to remember the
// outcome of a job that is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd {

inline constexpr size_t kMaxDependencyTerms = 4096;

enum class DependencyKind : uint8_t {
  after = 0,      // it has started, so many minutes ago, or ended without
  any = 1,        // it has ended
  ok = 2,         // it has completed
  not_ok = 3,     // it has ended otherwise
  corr = 4,       // each element: the element of the same number has completed
  singleton = 5,  // no earlier job of this user and name is left
};

enum class DependencyState : uint8_t { waiting = 0, satisfied = 1, failed = 2 };

struct DependencyTerm {
  DependencyKind kind = DependencyKind::any;
  JobId job;                        // 0: singleton
  std::optional<uint32_t> element;  // of the array `job`; empty: all of it
  bool whole_array = false;         // said to be one: "7_*"
  uint32_t minutes = 0;             // after
  DependencyState state = DependencyState::waiting;
  std::optional<TimePoint> due;  // after: satisfied then, its job having started
  bool operator==(const DependencyTerm&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("kind", self.kind);
    field("job", self.job);
    field("element", self.element);
    field("all", self.whole_array);
    field("minutes", self.minutes);
    field("state", self.state);
    field("due", self.due);
  }
};

struct Dependency {
  bool any = false;  // one term will do; else all must be satisfied
  std::vector<DependencyTerm> terms;
  bool operator==(const Dependency&) const = default;
  [[nodiscard]] DependencyState state() const;  // of all together; satisfied if there is none

  static constexpr void visit(auto& self, auto&& field) {
    field("any", self.any);
    field("terms", self.terms);
  }
};

// "afterok:7:8_3,singleton", "after:7+10?afternotok:8"; "" and "0": none.
Result<Dependency> parse_dependency(std::string_view text);

// What is still open, in Slurm's words: "afterok:7_*(unfulfilled),singleton(failed)".
std::string format_dependency(const Dependency& dependency);

}  // namespace gd
