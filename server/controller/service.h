// What a daemon does with its surroundings: becomes its user, tells the service
// manager, names its pid, takes signals as a descriptor.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/user.h"

namespace gd::controller {

// For good: groups, gid, uid, all three kinds of each; checked.
Result<void> become(const User& user);

// READY=1 and so on to systemd, if it asked for that; nothing otherwise.
void notify_service_manager(const std::string& state);

// Blocks TERM, INT, HUP (and PIPE for good) and gives them as a descriptor. Before any thread.
Result<UniqueFd> signals_as_descriptor();

// For the time of one object: files are made as `user`. Single-threaded processes only.
class ActingAs {
 public:
  static Result<ActingAs> user(const User& user);
  ActingAs(ActingAs&& other) noexcept : active_(std::exchange(other.active_, false)) {}
  ActingAs& operator=(ActingAs&&) = delete;
  ~ActingAs();

 private:
  ActingAs() = default;
  bool active_ = true;
};

}  // namespace gd::controller
