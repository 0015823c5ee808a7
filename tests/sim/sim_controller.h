// The controller of the simulation: the same decide, apply, commit, tell as in
// gdctld, over a store that may lose what was not synced, with a crash possible
// between any two of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/core/apply.h"
#include "server/core/cluster.h"
#include "server/core/decide.h"
#include "server/core/effect.h"
#include "server/store/memory_store.h"
#include "tests/sim/network.h"

namespace gd::sim {

struct Answer {  // what a client is told, once it is durable
  std::string client;
  Message message;
};

class SimController {
 public:
  SimController(std::shared_ptr<const core::ClusterConfig> config, Dice& dice, const Faults& faults,
                Network& network);

  void step(TimePoint now);  // timers, a pass if one is wanted, the commit, the telling
  void receive(TimePoint now, const Packet& packet, const Message& message);
  void recover(TimePoint now);

  [[nodiscard]] bool up() const { return cluster_ != nullptr; }
  [[nodiscard]] const core::Cluster& cluster() const { return *cluster_; }
  [[nodiscard]] std::optional<JobRecord> finished(JobId job);
  [[nodiscard]] const std::string& broken() const { return broken_; }
  [[nodiscard]] uint64_t commands() const { return commands_; }
  [[nodiscard]] uint64_t crashes() const { return crashes_; }
  [[nodiscard]] uint64_t preemptions() const { return preemptions_; }

 private:
  void start(TimePoint now);
  void restore_arrays(store::Snapshot& stored);
  bool dies(TimePoint now);
  std::optional<core::Reply> handle(TimePoint now, const core::Command& command);
  void check_victims(TimePoint now, const std::vector<core::Event>& events);
  store::Batch make_batch();
  void commit_and_tell(TimePoint now);
  void tell_node(TimePoint now, const std::string& node);
  void complain(const std::string& text) {
    if (broken_.empty()) broken_ = text;
  }

  std::shared_ptr<const core::ClusterConfig> config_;
  Dice& dice_;
  const Faults& faults_;
  Network& network_;
  store::MemoryStore store_{store::Sync::held};
  std::unique_ptr<core::Cluster> cluster_;  // null: down
  core::Effects effects_;
  std::vector<Answer> answers_;
  TimePoint up_at_{};
  uint64_t commands_ = 0;
  uint64_t crashes_ = 0;
  uint64_t preemptions_ = 0;
  std::string broken_;
};

// Who a client of this name is: u1, u2, ... are users, "admin" is the administrator.
core::Actor actor_of(const std::string& client);

}  // namespace gd::sim
