// The ids of the last requests that were done, so that one that is sent again, since its answer
// was late, is answered and not done again. In memory: after a restart the client hears that what
// it asked for is there already.
#pragma once

#include <algorithm>
#include <deque>

#include "proto/ids.h"

namespace gd::controller {

inline constexpr size_t kMaxRecentRequests = 256;

class RecentRequests {
 public:
  [[nodiscard]] bool contains(const RequestId& id) const {
    return std::find(ids_.begin(), ids_.end(), id) != ids_.end();
  }
  void remember(const RequestId& id) {
    ids_.push_back(id);
    if (ids_.size() > kMaxRecentRequests) ids_.pop_front();
  }

 private:
  std::deque<RequestId> ids_;
};

}  // namespace gd::controller
