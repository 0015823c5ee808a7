// A node of the simulation: a machine with a disk, shepherds on it, and an agent
// that may die between any two of its actions and come back.
//
// The witness sees every shepherd that starts, in all nodes, and holds what must
// never happen against it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/agent/agent_core.h"
#include "tests/sim/network.h"

namespace gd::sim {

struct Witness {
  std::map<std::pair<std::string, StepKey>, int> starts;  // by node
  std::map<JobId, int> alive;                             // shepherds of first steps that live now
  std::set<JobId> ran_to_its_end;  // a shepherd lived, and its status is safe on a disk
  std::set<JobId> may_run_again;   // its user asked for that, or a disk was lost
  std::string broken;              // the first thing that must not happen

  void on_start(const std::string& node, const StepKey& key);
  void on_gone(const StepKey& key);
  void on_own_end(const StepKey& key);
  void complain(const std::string& text) {
    if (broken.empty()) broken = text;
  }
};

class SimNode {
 public:
  SimNode(std::string name, uint32_t cpus, Dice& dice, const Faults& faults, Network& network,
          Witness& witness);

  void step(TimePoint now);  // shepherds go on, the agent reports, crashes happen
  void receive(TimePoint now, const Message& message);
  void recover(TimePoint now);  // whatever is down comes up
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] size_t folders() const { return disk_.size(); }
  // An administrator may say of a dead machine that nothing runs there: what its disk still
  // remembers does not count any more then.
  [[nodiscard]] bool machine_up() const { return machine_up_; }
  void written_off();

 private:
  struct Folder {  // on the node's disk
    StepLaunch launch;
    bool marked = false;  // "starting" was written
    uint64_t boot = 0;    // of the machine when it was written
    std::optional<StepStatus> ended;
  };
  struct Shepherd {
    StepStatus status;
    TimePoint ends{};
    bool told_to_end = false;
  };

  void start_agent(TimePoint now);
  void crash_agent(TimePoint now);
  void crash_machine(TimePoint now);
  void act(TimePoint now, std::vector<agent::Action> actions);
  void launch(TimePoint now, const StepLaunch& launch);
  void run_shepherds(TimePoint now);
  void end_shepherd(const StepKey& key, EndCause cause, ExitStatus exit, TimePoint now);
  void say_hello(TimePoint now);
  bool dies(TimePoint now);  // does the agent crash at this point?

  std::string name_;
  uint32_t cpus_;
  Dice& dice_;
  const Faults& faults_;
  Network& network_;
  Witness& witness_;
  uint64_t boot_ = 1;
  std::map<StepKey, Folder> disk_;
  std::map<StepKey, Shepherd> shepherds_;
  std::unique_ptr<agent::AgentCore> core_;  // null: the agent is down
  bool machine_up_ = true;
  TimePoint up_at_{};  // when what is down comes up
  TimePoint next_hello_{};
  TimePoint next_full_{};
};

}  // namespace gd::sim
