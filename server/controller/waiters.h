// Who wants to hear of a job: gdsub --wait, gdrun, gdsh.
//
// A waiter is a connection and its tag; asked again (a keep-alive) it is the same
// one. It goes with its last notice, or when a notice finds its connection gone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/ids.h"
#include "proto/messages_client.h"
#include "proto/socket.h"

namespace gd::controller {

inline constexpr size_t kMaxWaiters = 100'000;

struct Waiter {
  Route route;
  uint64_t tag = 0;
  WaitUntil until = WaitUntil::ended;
  std::string client_key;  // tickets are for it; empty: it gets none
};

class Waiters {
 public:
  Result<void> add(JobId job, Waiter waiter);  // exhausted: there are kMaxWaiters
  // For each waiter of the job: notify() gives false when it need not be kept.
  template <class Notify>
  void visit(JobId job, const Notify& notify) {
    const auto found = by_job_.find(job);
    if (found == by_job_.end()) return;
    count_ -= std::erase_if(found->second, [&](const Waiter& each) { return !notify(each); });
    if (found->second.empty()) by_job_.erase(found);
  }
  [[nodiscard]] size_t count() const { return count_; }

 private:
  std::map<JobId, std::vector<Waiter>> by_job_;
  size_t count_ = 0;
};

}  // namespace gd::controller
