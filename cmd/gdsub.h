// The pure part of gdsub: from options and a script to what is sent.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/job_options.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct SubOptions {
  JobOptions job;
  bool parsable = false;
  bool quiet = false;
  bool wait = false;
  bool follow = false;
  bool test_only = false;
  bool each = false;
  std::string wrap;
  std::string replay;  // a job, as it is named
  std::vector<std::string> rest;
};

void define_gdsub(Cli& cli, SubOptions& options);

struct Script {
  std::string name;  // as typed; empty: standard input or --wrap
  Bytes text;
};

// A #! line, no DOS line ends, no NUL, not empty, not too large.
Result<void> check_script(const Script& script);

// Script, environment, command line, in this order of rising weight.
// clusters: where those of --clusters go, wherever they were said.
Result<SubmitRequest> to_submit_request(
    const CommandInfo& info, Dialect dialect, const Script& script, const Parsed& command_line,
    const Surroundings& around,
    const std::function<std::optional<std::string>(const char*)>& get_variable,
    std::vector<std::string>* clusters = nullptr);

}  // namespace gd::cmd
