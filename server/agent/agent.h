// gdnoded's loop: what comes from the controller goes through AgentCore to the shepherds,
// and what shepherds say goes back the same way.
//
// One thread. It waits for the controller's socket, the stream port and the poller at
// once. Orders are obeyed before the next report is sent, so a report says what is true.
// Without a controller jobs go on, and their ends are kept until it is back.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/poller.h"
#include "base/result.h"
#include "proto/settings.h"
#include "proto/socket.h"
#include "server/agent/agent_core.h"
#include "server/agent/explainer.h"
#include "server/agent/image_fetcher.h"
#include "server/agent/image_port.h"
#include "server/agent/node_identity.h"
#include "server/agent/shepherd_links.h"
#include "server/agent/spool.h"
#include "server/agent/stream_port.h"
#include "server/agent/vouch.h"

namespace gd::agent {

inline constexpr Milliseconds kHelloRetry = 2s;
inline constexpr Milliseconds kHousekeeping = 5s;
inline constexpr uint64_t kHelloTag = 1;
inline constexpr uint64_t kReportTag = 2;
inline constexpr uint64_t kExplainTag = 3;

struct AgentParts {  // made by main, in this order
  std::unique_ptr<Poller> poller;
  std::unique_ptr<SocketContext> context;
  std::unique_ptr<ZapHandler> zap;
  NodeIdentity identity;
  NodeInfo info;
  std::unique_ptr<Voucher> voucher;  // may be missing
  std::unique_ptr<ImagePort> images;
  std::unique_ptr<ImageFetcher> fetcher;  // may be missing: nothing is fetched ahead
};

class Agent {
 public:
  Agent(AgentParts parts, ClientSocket controller, ServerSocket streams, ShepherdPaths paths,
        container::Tree tree);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // What was found on disk: adopts the living, starts the accepted.
  void restore(const SpoolFindings& findings);
  // Until stop(); an error is one that leaves no sense in going on.
  Result<void> run();
  void stop() { stopped_ = true; }
  bool enrol(uint64_t tag, const EnrolRequest& request);

 private:
  void receive_all();
  void on_message(const Reply& reply);
  void on_error(uint64_t tag, const ErrorReply& error);
  void obey(const std::vector<Action>& actions);
  void start_step(const StepLaunch& launch);
  void say_hello();
  void hello_again();
  void report(AgentCore::Extent extent);
  void beat();
  void housekeeping();

  AgentParts parts_;
  ClientSocket controller_;
  AgentCore core_;
  Explainer explainer_;
  ShepherdLinks links_;
  StreamPort streams_;
  SystemClock clock_;
  Milliseconds heartbeat_ = 5s;
  std::string ticket_key_;
  TimerId beat_timer_ = TimerId::none;
  TimerId hello_timer_ = TimerId::none;
  bool may_hello_ = true;
  bool stopped_ = false;
};

}  // namespace gd::agent
