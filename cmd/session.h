// An interactive session: the terminal of a step's one task, joined to this process's own
// standard streams, until the step ends. Window size and every key pass; "Enter ~ d" leaves (gdsh).
// Without a terminal here bytes pass, and so does their end. Steps that have no terminal are
// step_session.h's.
//
// SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 are passed on to the step; the first two, and the loss
// of the terminal, leave a session that may be left. While the session lasts the controller is
// told now and then that somebody is there. Modes that the program has set in the terminal are
// taken back at the end, whichever it is.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "cmd/forward_spec.h"
#include "proto/messages.h"

namespace gd::cmd {

struct SessionOptions {
  JobId job;
  std::optional<StepId> step;  // a step in somebody's running job; else the job's own
  StreamAccess access;
  bool may_detach = false;
  bool owns_job = false;  // ending the session ends the job
  bool quiet = false;
  std::vector<ForwardSpec> forwards;  // ports here that go to the job, while the session lasts
};

enum class SessionEndKind : uint8_t { exited, detached, taken_over };

struct SessionEnd {
  SessionEndKind kind = SessionEndKind::exited;
  StreamExit exit;
};

Result<SessionEnd> run_session(const SessionOptions& options, Client& client, Context& context);

// Waits for the job's start as its own client: notices with reasons on standard error, and
// Ctrl-C cancels. An error if it ended before.
Result<std::vector<StepAccess>> await_start(JobId job, Client& client, Context& context,
                                            bool quiet);

// The exit code for a shell, with a word on standard error about an end that was not the
// program's own; srun's codes.
int session_code(const SessionEnd& end, JobId job, Context& context);

}  // namespace gd::cmd
