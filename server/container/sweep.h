// What a crash left behind: groups of ours that nobody owns any more, and what is in them.
//
// Mounts need no sweep: they live in the containers' mount namespaces and go with their
// last process. So the groups are the list of leftovers, and destroying one ends all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/container/cgroup.h"

namespace gd::container {

struct Leftover {
  std::string group;
  std::vector<pid_t> processes;
};

// Groups of the tree that `owned` does not claim.
Result<std::vector<Leftover>> leftovers(const Tree& tree,
                                        const std::function<bool(const std::string&)>& owned);

// Kills and removes them; goes on after a failure and gives the first one.
Result<void> sweep(const Tree& tree, const std::vector<Leftover>& found, int timeout_ms);

}  // namespace gd::container
