// A command of the multi-call binary: what it is called, and how it is started.
//
// Each command file has three parts: define() names the options, to_request() is pure
// and says what they ask for, run() sends it and prints. run_command() alone knows exit
// codes: 0 done, 1 refused, 2 misused (or Slurm's, under a Slurm name); gdrun and gdsh
// give their job's own. It prints the one error, on one line, behind the program's name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cmd/cli.h"
#include "cmd/context.h"

namespace gd::cmd {

inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitMisused = 2;

struct Invocation {
  std::string program;  // base name of argv[0]
  Dialect dialect = Dialect::gd;
  std::vector<std::string> args;
};

struct Command {
  const CommandInfo* info;
  int (*start)(const Invocation& call);
};

// Defines, dumps if asked, parses, applies environment and command line, runs.
int run_command(const CommandInfo& info, const Invocation& call,
                const std::function<void(Cli&)>& define,
                const std::function<Result<int>(Context&)>& run);

// Exit code and text of an error: "gdkill: job 9: no such job".
int report(const CommandInfo& info, Dialect dialect, std::string_view program, const Error& error,
           Output& err);

template <class Options, void (*define)(Cli&, Options&),
          Result<int> (*run)(const Options&, Context&)>
int start_command(const CommandInfo& info, const Invocation& call) {
  Options options;
  return run_command(
      info, call, [&](Cli& cli) { define(cli, options); },
      [&](Context& context) { return run(options, context); });
}

// One per command file.
extern const Command kGdsub, kGdalloc, kGdstat, kGdkill, kGdrun, kGdsh, kGdinfo, kGdacct, kGdctl,
    kGdlogin, kGdimage, kGdprio, kGdshare, kGdcp;
// Under Slurm's name alone.
extern const Command kSacctmgr, kSattach, kSbcast, kScrontab, kSdiag, kSeff, kSreport, kSstat;

// cmd/main.cc's whole work, also for tests. argv[0] decides, or argv[1] of `gd`.
int dispatch(const std::vector<std::string>& argv);

}  // namespace gd::cmd
