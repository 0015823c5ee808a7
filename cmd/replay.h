// gdsub --replay: a job that was, submitted again.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/context.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct ReplaySource {
  JobRecord job;
  ScriptReply script;
  bool one_element = false;  // of an array: this one, not all of it
};

struct Replayed {
  SubmitRequest request;
  std::vector<std::string> notes;  // what is not as it was, a line each
};

// Pure. Refused: what was no batch job.
Result<Replayed> to_replay(const ReplaySource& source);

// The options that may stand beside --replay are those about the submission, not the job.
Result<void> check_replay_options(const Parsed& command_line);

// "42", "42_3": from the controller, also long after its end.
Result<ReplaySource> fetch_for_replay(const std::string& job, Context& context);

}  // namespace gd::cmd
