// Host lists: node[01-08,12],login1 <-> the names, in Slurm's form.
//
//   list    = item *("," item)          blanks around items are skipped
//   item    = 1*(characters / "[" range *("," range) "]")
//   range   = digits ["-" digits]       the width of the first number is kept: [008-12]
//
// A name may have several brackets; the last one runs fastest. Order and doubles
// are kept. Cost: one pass; at most kMaxHosts names come out, whatever is asked.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxHosts = 65536;
inline constexpr size_t kMaxHostNameBytes = 255;
inline constexpr size_t kMaxHostlistBytes = size_t{4} << 20;

// Errors tell the position: "hostlist 'a[1-': ']' is missing at position 5".
Result<std::vector<std::string>> expand_hostlist(std::string_view text);

// Neighbours in `hosts` with the same prefix share a bracket, runs become ranges:
// what expand_hostlist() turns back into `hosts`. Does not sort.
std::string fold_hostlist(std::span<const std::string> hosts);

// Numbers by value: node2 before node10. Doubles are dropped.
void sort_hosts(std::vector<std::string>& hosts);

}  // namespace gd
