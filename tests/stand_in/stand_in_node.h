// A node without a machine: it speaks to a real controller as gdnoded does, with a key of its
// own, through gdnoded's own memory of steps (server/agent/agent_core.h), and its steps are
// timers (timed_step.h).
//
// For the controller nothing tells it from a node: it joins with a token, says hello, sends
// full reports by the heartbeat and news at once, starts what it is told to, ends it by itself,
// by its time limit, by order or by a signal, and reports an end until that is confirmed. What
// it has not: containers, output, terminals (it tells no address for them, so a client that
// wants one is refused), a disk (when its process ends, its jobs are lost as with a machine).
//
// Everything runs on the Poller's thread. Cost: two descriptors and two timers a node, one
// timer a step.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/poller.h"
#include "base/result.h"
#include "proto/join_token.h"
#include "proto/messages.h"
#include "proto/socket.h"
#include "server/agent/agent_core.h"
#include "tests/stand_in/timed_step.h"

namespace gd::stand_in {

inline constexpr int kMostMessagesAtOnce = 256;  // of one node, before others have their turn

struct Totals {  // of all nodes
  uint64_t welcomed = 0;
  uint64_t started = 0;
  uint64_t ended = 0;
};

class StandInNode {
 public:
  using OnRefused = std::function<void(const std::string& name, const Error& error)>;

  // Begins to join; `info` has its name. on_refused: the token was not taken, or the controller
  // speaks in tongues; this node is of no more use.
  static Result<std::unique_ptr<StandInNode>> join(Poller& poller, SocketContext& context,
                                                   NodeInfo info, const JoinToken& token,
                                                   Totals& totals, OnRefused on_refused);
  StandInNode(Poller& poller, ClientSocket socket, NodeInfo info, Totals& totals,
              OnRefused on_refused);  // for join()
  StandInNode(const StandInNode&) = delete;
  StandInNode& operator=(const StandInNode&) = delete;
  ~StandInNode();

 private:
  struct Step {
    StepStatus status;
    TimedStep does;
    Milliseconds began{};         // on the boot clock, as these two
    Milliseconds ends{};          // by itself; a place for others' steps: never
    Milliseconds stopped_at{-1};  // by SIGSTOP, since when
    TimerId timer = TimerId::none;
  };

  void pump();
  void take(const Reply& reply);
  void on_welcome(const NodeWelcome& welcome);
  void on_error(uint64_t tag, const ErrorReply& error);
  void say_hello();
  void beat();
  void report(agent::AgentCore::Extent extent);
  void obey(const std::vector<agent::Action>& actions);
  void start(const StepLaunch& launch);
  void signal(const SignalOrder& order);
  void set_timer(const StepKey& key, Step& step);
  void end(const StepKey& key, EndCause cause, ExitStatus exit);

  Poller& poller_;
  ClientSocket socket_;
  NodeInfo info_;
  Totals& totals_;
  OnRefused on_refused_;
  agent::AgentCore core_;
  SystemClock clock_;
  std::map<StepKey, Step> steps_;
  Milliseconds heartbeat_ = 5s;
  TimerId beat_timer_ = TimerId::none;
  TimerId hello_timer_ = TimerId::none;
  TimerId pump_timer_ = TimerId::none;
  bool joined_ = false;
  bool was_welcome_ = false;
  bool may_hello_ = true;
};

}  // namespace gd::stand_in
