// gdctld's loop: one thread, everything that can happen to it in one wait.
#pragma once

#include "base/clock.h"
#include "proto/socket.h"
#include "server/auth/auth_link.h"
#include "server/controller/controller.h"
#include "server/controller/workers.h"

namespace gd::controller {

inline constexpr size_t kMaxBatch = 1000;  // messages of one turn
inline constexpr size_t kMaxBatchBytes = size_t{32} << 20;

struct LoopParts {
  Controller& controller;
  ServerSocket& socket;
  Mailbox& mailbox;
  auth::AuthLink* auth;  // may be nullptr
  int signal_fd;         // TERM and INT: stop; HUP: reconfigure
  const Clock& clock;
};

// Until it is told to stop. An error is one that the process must not outlive.
Result<void> run_loop(const LoopParts& parts);

}  // namespace gd::controller
