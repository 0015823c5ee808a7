// Programs of other packages that the store is served by.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gd::image {

inline constexpr char kToolPath[] = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

struct Tool {
  std::string_view name;
  std::string_view package;  // Debian's
};

// Its path. unavailable: it is not on this node, and what to install.
Result<std::string> find_tool(const Tool& tool);

// The last line of a file that a tool's complaints have gone to; empty: it had none.
std::string last_words(int file);

}  // namespace gd::image
