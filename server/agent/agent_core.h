// The agent's memory of its steps, pure: what orders lead to, what is reported.
//
// gdnoded calls it and obeys the actions in the order given, before it sends the
// next report; the simulator does the same with another disk and other shepherds.
//
// What must hold, whatever is lost, doubled or late:
//   - a {job, launch, step} is started at most once, ever, also after it was
//     forgotten: a message of another session, or with a number not above the last
//     one, is dropped; the durable folder of a step outlives the agent, and a step
//     whose start had begun when an agent died is never started again
//   - an ended step is reported until the controller has confirmed it
//   - a step that is to end and is not known here is reported as ended: whoever asked
//     can then be sure that it will not start later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "proto/messages_node.h"

namespace gd::agent {

// ---- what gdnoded is to do
// Make the step's folder and put the launch into it, durably; write the mark "starting",
// durably; start the shepherd. If any of it fails: on_launch_failed().
struct StartStep {
  StepLaunch launch;
};
struct EndStep {
  EndOrder order;
};  // to its shepherd
struct SignalStep {
  SignalOrder order;
};  // to its shepherd
struct LimitStep {
  LimitOrder order;
};  // to its shepherd
struct ForgetStep {
  StepKey step;
};  // the shepherd exits, the folder goes; may be neither
struct FetchImage {
  ImageFetch fetch;
};  // if it can be done now; nobody waits for it
using Action = std::variant<StartStep, EndStep, SignalStep, LimitStep, ForgetStep, FetchImage>;

// What an agent finds in its folders when it starts.
struct FoundStep {
  enum class State : uint8_t {
    accepted,  // the launch is there, the mark "starting" is not: it is started now
    running,   // its shepherd lives: status is what it said
    ended,     // status is on disk
    lost,      // it had been started, and there is neither shepherd nor status
  };
  StepLaunch launch;  // key, and with State::accepted all of it
  State state = State::lost;
  StepStatus status;
};

class AgentCore {
 public:
  // Adopts what is there; gives StartStep for accepted ones. Call once, first.
  std::vector<Action> restore(const std::vector<FoundStep>& found, TimePoint now);

  // A hello with a nonce that this node has never used (random). Reports wait for the welcome.
  NodeHello make_hello(const NodeInfo& info, uint64_t nonce);
  bool on_welcome(const NodeWelcome& welcome);  // false: late, of another hello; dropped
  void on_say_hello() { session_ = 0; }         // the controller does not know our session
  [[nodiscard]] bool connected() const { return session_ != 0; }

  std::vector<Action> on_orders(const NodeOrders& orders, TimePoint now);

  // From a shepherd: at connect and at each change. A phase never goes back.
  void on_status(const StepStatus& status);
  // What a running step uses; goes with the next full report, and makes no news of its own.
  void on_sample(StepSample sample);
  // The folder or the shepherd could not be made: no process of the user's ever ran.
  void on_launch_failed(const StepKey& step, std::string error, TimePoint now);
  // The shepherd is gone and left no status.
  void on_lost(const StepKey& step, TimePoint now);

  // Something to report that has not been.
  [[nodiscard]] bool has_news() const { return connected() && !news_.empty(); }
  // Everything, at least each heartbeat; or what changed since the last report.
  enum class Extent : uint8_t { full, news };
  std::optional<NodeReport> make_report(Extent extent, double load, uint64_t free_memory_mib);

  [[nodiscard]] const std::map<StepKey, StepStatus>& steps() const { return steps_; }
  [[nodiscard]] const StepStatus* find(const StepKey& step) const;

 private:
  void start(const StepLaunch& launch, std::vector<Action>& actions);
  void end(const EndOrder& order, TimePoint now, std::vector<Action>& actions);
  void signal(const SignalOrder& order, std::vector<Action>& actions);
  void limit(const LimitOrder& order, std::vector<Action>& actions);
  void confirm(const StepKey& step, std::vector<Action>& actions);
  void finish(const StepKey& step, EndCause cause, std::string error, TimePoint now);

  std::map<StepKey, StepStatus> steps_;
  std::map<StepKey, StepSample> samples_;  // of running steps: the last one each
  std::set<StepKey> news_;                 // changed since they were last reported
  uint64_t nonce_ = 0;
  uint64_t session_ = 0;
  uint64_t last_orders_ = 0;
  uint64_t last_report_ = 0;
};

}  // namespace gd::agent
