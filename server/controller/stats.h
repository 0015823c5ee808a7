// What the controller counts about itself, for sdiag. Of this process only.
#pragma once

#include <chrono>
#include <map>

#include "proto/messages_cluster.h"
#include "server/core/cluster.h"

namespace gd::controller {

class Stats {
 public:
  explicit Stats(TimePoint since) { reset(since); }
  void reset(TimePoint since);

  void note(const core::Cluster& cluster, const core::Event& event);
  void note_request(MessageType type, Uid uid, const std::string& user,
                    std::chrono::microseconds took);
  void note_pass(std::chrono::microseconds took, uint64_t depth, uint64_t started);
  // Everything but `threads` and `queued`.
  [[nodiscard]] StatsReply report(const core::Cluster& cluster, TimePoint now) const;

 private:
  struct Counted {
    std::string name;
    uint64_t count = 0;
    uint64_t total_us = 0;
  };
  StatsReply sums_;
  std::map<MessageType, Counted> by_type_;
  std::map<Uid, Counted> by_user_;
};

}  // namespace gd::controller
