// gdshep: one step's shepherd.
//
//   gdshep --settings FILE [--socket 3] FOLDER
//                                   runs the step whose launch is in FOLDER (step_folder.h);
//                                   descriptor 3 listens at FOLDER/sock already
//   gdshep --settings FILE --explain 3
//                                   says what the step of the launch in descriptor 3 would get
//                                   here (step_explain.h), in lines, and starts nothing
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
#include "proto/codec.h"
#include "server/agent/hold.h"
#include "server/agent/shepherd.h"
#include "server/agent/step_explain.h"
#include "server/agent/store_answer.h"

namespace gd::agent {
namespace {

struct Arguments {
  bool hold = false;
  std::string settings;
  std::string folder;
  UniqueFd listener;
  UniqueFd explained;  // a launch
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
    } else if (words[i] == "--explain" && i + 1 < words.size()) {
      arguments.explained.reset(TRY(parse_number<int>(words[++i], 3, 1024)));
    } else if (arguments.folder.empty() && words[i].starts_with('/')) {
      arguments.folder = words[i];
    } else {
      return Error{ErrorCode::usage, "unexpected argument '" + std::string(words[i]) + "'"};
    }
  }
  const int asked = (arguments.hold ? 1 : 0) + (arguments.folder.empty() ? 0 : 1) +
                    (arguments.explained.valid() ? 1 : 0);
  if (asked != 1) {
    return Error{ErrorCode::usage,
                 "expected --settings FILE FOLDER, --settings FILE --explain FD, or --hold"};
  }
  return arguments;
}

Result<ShepherdSettings> read_settings(const std::string& file) {
  ShepherdSettings settings;
  if (file.empty()) return settings;
  settings = TRY(parse_shepherd_settings(TRY(read_file(file, size_t{1} << 20))));
  settings.file = file;
  return settings;
}

Result<Explanation> explain_launch(const Arguments& arguments) {
  const Bytes bytes = TRY(read_all(arguments.explained.get(), "launch", kMaxLaunchBytes));
  Message message = TRY(decode(bytes));
  StepLaunch* launch = std::get_if<StepLaunch>(&message);
  if (launch == nullptr) return Error{ErrorCode::invalid, "what is to be explained is no launch"};
  return explain_step(std::move(*launch), TRY(read_settings(arguments.settings)));
}

// For explainer.h: the error is the last line, since nobody reads our standard error.
Result<void> explain(const Arguments& arguments) {
  const Result<Explanation> told = explain_launch(arguments);
  std::string out;
  if (told.ok()) {
    for (const std::string& line : told->lines) out += "line " + printable(line, 4096) + "\n";
    for (const std::string& one : told->refusals) out += "refused " + printable(one, 4096) + "\n";
  }
  out += told.ok() ? "done" : render_store_error(told.error());
  return write_all(1, out + "\n", "standard output");
}

Result<void> run_step(Arguments arguments) {
  const StepFolder folder(arguments.folder);
  ShepherdSettings settings = TRY(read_settings(arguments.settings));
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
  if (arguments.explained.valid()) return explain(arguments);
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
