// An interactive session: the streams of one step, joined to this process's own standard
// streams, until the step ends.
//
//   terminal  raw, window size and every key pass; "Enter ~ d" leaves (gdsh)
//   else      bytes pass, end of file passes; Ctrl-C as srun has it: once tells the state,
//             twice within a second goes to the step, a third time ends the job
//
// SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 are passed on to the step. While the session
// lasts the controller is told now and then that somebody is there.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "proto/messages.h"

namespace gd::cmd {

struct SessionOptions {
  JobId job;
  std::optional<StepId> step;  // a step in somebody's running job; else the job's own
  StreamAccess access;
  bool pty = false;
  bool may_detach = false;
  bool owns_job = false;  // ending the session ends the job
  bool quiet = false;
  // The streams; whoever gives others than one's own keeps them open.
  int input = 0;
  int output = 1;
  int error = 2;
  std::string label;  // before each line of output; empty: none
};

enum class SessionEndKind : uint8_t { exited, detached, taken_over };

struct SessionEnd {
  SessionEndKind kind = SessionEndKind::exited;
  StreamExit exit;
};

Result<SessionEnd> run_session(const SessionOptions& options, Client& client, Context& context);

// Waits for the job's start as its own client: notices with reasons on standard error, and
// Ctrl-C cancels. An error if it ended before.
Result<StreamAccess> await_start(JobId job, Client& client, Context& context, bool quiet);

// The exit code for a shell, with a word on standard error about an end that was not the
// program's own.
int session_code(const SessionEnd& end, JobId job, Context& context);

}  // namespace gd::cmd
