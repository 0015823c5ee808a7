// IndexSet: which elements of a job array. A plain value that stays small: runs of
// equal step, in rising order, that do not overlap, so that a million elements are
// one run, and taking some away adds runs where holes are made and nowhere else.
//
// From a stranger a set may be anything: is_valid() before any other call.
// Cost: O(runs), but where runs of different steps overlap O(elements of the overlap).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd {

inline constexpr uint32_t kMaxArrayIndex = 4'000'000;  // Slurm's own most
inline constexpr size_t kMaxIndexRuns = 50'000;        // of one set

struct IndexRun {  // first, first + step, ..., last
  uint32_t first = 0;
  uint32_t last = 0;
  uint32_t step = 1;
  bool operator==(const IndexRun&) const = default;
  [[nodiscard]] uint32_t size() const { return (last - first) / step + 1; }

  static constexpr void visit(auto& self, auto&& field) {
    field("first", self.first);
    field("last", self.last);
    field("step", self.step);
  }
};

class IndexSet {
 public:
  IndexSet() = default;
  static IndexSet of(uint32_t element) { return range(element, element); }
  static IndexSet range(uint32_t first, uint32_t last, uint32_t step = 1);  // first <= last

  [[nodiscard]] bool is_valid() const;
  [[nodiscard]] bool empty() const { return runs.empty(); }
  [[nodiscard]] uint32_t size() const;
  [[nodiscard]] uint32_t front() const { return runs.front().first; }  // not of an empty one
  [[nodiscard]] uint32_t back() const { return runs.back().last; }
  [[nodiscard]] bool contains(uint32_t element) const;
  [[nodiscard]] bool contains(const IndexSet& other) const { return other.minus(*this).empty(); }

  [[nodiscard]] IndexSet common(const IndexSet& other) const { return sweep(other, true); }
  [[nodiscard]] IndexSet minus(const IndexSet& other) const { return sweep(other, false); }
  [[nodiscard]] IndexSet united(const IndexSet& other) const;
  // An element, or a run, behind the last one.
  void append(uint32_t element) { append(IndexRun{element, element, 1}); }
  void append(IndexRun run);

  bool operator==(const IndexSet&) const = default;

  template <class Use>
  void for_each(Use use) const {
    for (const IndexRun& run : runs) {
      for (uint32_t at = run.first; at <= run.last; at += run.step) use(at);
    }
  }

  // "1,4,7-9", "0-98:2"; past `most` bytes it ends in "...".
  [[nodiscard]] std::string text(size_t most = SIZE_MAX) const;

  static constexpr void visit(auto& self, auto&& field) { field("runs", self.runs); }

  std::vector<IndexRun> runs;

 private:
  [[nodiscard]] IndexSet sweep(const IndexSet& other, bool keep_common) const;
};

// "0-15", "1,3,5-7", "0-100:4": in any order, and one element more than once.
Result<IndexSet> parse_index_set(std::string_view text);

// Slurm's --array: elements, and how many of them may run at once.
struct ArraySpec {
  IndexSet elements;
  uint32_t limit = 0;  // 0: any number
  bool operator==(const ArraySpec&) const = default;
};

// "1-10%2", "[1-10]%2", "[1-10%2]".
Result<ArraySpec> parse_array_spec(std::string_view text);
std::string format_array_spec(const ArraySpec& array, size_t most = SIZE_MAX);

}  // namespace gd
