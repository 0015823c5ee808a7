// gdshep: one step's shepherd.
//
//   gdshep --settings FILE [--socket 3] FOLDER
//                                   runs the step whose launch is in FOLDER (step_folder.h);
//                                   descriptor 3 listens at FOLDER/sock already
//   gdshep --hold                   stands in the jobs' delegated control group, so that it
//                                   lives as long as its service (etc/systemd/gdjobs.service)
//
// One thread, no ZeroMQ: it clones. Ends with 0 when the step's end has been taken or is on
// disk, with 1 when the folder is not its to run; the reason goes to standard error.
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "base/poller.h"
#include "base/text.h"
#include "server/agent/hold.h"
#include "server/agent/shepherd.h"

namespace gd::agent {
namespace {

struct Arguments {
  bool hold = false;
  std::string settings;
  std::string folder;
  UniqueFd listener;
};

Result<Arguments> parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--hold") {
      arguments.hold = true;
    } else if (words[i] == "--settings" && i + 1 < words.size()) {
      arguments.settings = words[++i];
    } else if (words[i] == "--socket" && i + 1 < words.size()) {
      arguments.listener.reset(TRY(parse_number<int>(words[++i], 3, 1024)));
    } else if (arguments.folder.empty() && words[i].starts_with('/')) {
      arguments.folder = words[i];
    } else {
      return Error{ErrorCode::usage, "unexpected argument '" + std::string(words[i]) + "'"};
    }
  }
  if (arguments.hold != arguments.folder.empty()) {
    return Error{ErrorCode::usage, "expected --settings FILE FOLDER, or --hold"};
  }
  return arguments;
}

Result<void> run_step(Arguments arguments) {
  const StepFolder folder(arguments.folder);
  ShepherdSettings settings;
  if (!arguments.settings.empty()) {
    settings = TRY(parse_shepherd_settings(TRY(read_file(arguments.settings, size_t{1} << 20))));
    settings.file = arguments.settings;
  }
  StepLaunch launch = TRY(folder.read_launch());
  const std::unique_ptr<Poller> poller = TRY(Poller::create());
  Shepherd shepherd(*poller, folder, std::move(launch), std::move(settings));
  TRY(poller->handle_signals({SIGTERM}, [&](int) { shepherd.on_terminate(); }));
  TRY(shepherd.begin(std::move(arguments.listener)));
  return poller->run();
}

Result<void> run(int argc, char** argv) {
  Arguments arguments = TRY(parse({argv + 1, argv + argc}));
  for (const int ignored : {SIGHUP, SIGINT, SIGPIPE, SIGQUIT}) ::signal(ignored, SIG_IGN);
  return arguments.hold ? hold() : run_step(std::move(arguments));
}

}  // namespace
}  // namespace gd::agent

int main(int argc, char** argv) {
  const gd::Result<void> done = gd::agent::run(argc, argv);
  if (done.ok()) return 0;
  std::fprintf(stderr, "gdshep: %s\n", done.error().text.c_str());
  return done.error().code == gd::ErrorCode::usage ? 2 : 1;
}
