// Groups nobody owns, found and ended.
#include "server/container/sweep.h"

namespace gd::container {

Result<std::vector<Leftover>> leftovers(const Tree& tree,
                                        const std::function<bool(const std::string&)>& owned) {
  std::vector<Leftover> found;
  for (const std::string& name : TRY(tree.list())) {
    if (owned(name)) continue;
    Leftover leftover{name, {}};
    // One of which only a part is left cannot be read, but can be removed.
    if (Result<Cgroup> group = tree.open(name); group.ok()) {
      leftover.processes = TRY(group->processes());
    }
    found.push_back(std::move(leftover));
  }
  return found;
}

Result<void> sweep(const Tree& tree, const std::vector<Leftover>& found, int timeout_ms) {
  Result<void> first;
  for (const Leftover& leftover : found) {
    Result<Cgroup> group = tree.open_any(leftover.group);
    Result<void> done =
        group.ok() ? group->destroy(timeout_ms) : Result<void>(std::move(group).error());
    if (!done.ok() && first.ok()) first = std::move(done);
  }
  return first;
}

}  // namespace gd::container
