// The name under which a container's writable layer is kept on a node. Pure.
//
//   NAME[:auto|create|no_exec]     letters, digits, '.', '_', '-'; the first is a letter or digit
//
// Pyxis' words: `auto` makes it where it is not there, `create` wants it not to be there. A job
// never enters another job's container by this, so no_exec says nothing and exec is refused.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxContainerNameBytes = 64;

Result<void> check_container_name(std::string_view name);

struct ContainerName {
  std::string name;
  bool only_new = false;
  bool operator==(const ContainerName&) const = default;
};
Result<ContainerName> parse_container_name(std::string_view text);

}  // namespace gd
