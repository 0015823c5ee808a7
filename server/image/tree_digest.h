// One number for a whole tree: what verify compares, so that a disk that lies is found.
#pragma once

#include <string>

#include "base/result.h"

namespace gd::image {

struct TreeFacts {
  std::string digest;  // 64 hex digits
  uint64_t bytes = 0;  // that its files take on disk
  bool operator==(const TreeFacts&) const = default;
};

// SHA-256 over all entries in the order of their names: kind, mode, owner, name, and the content
// of files or the target of links. Times are left out. Follows no links.
Result<TreeFacts> measure_tree(const std::string& folder);

}  // namespace gd::image
