#include "server/agent/batch_script.h"

#include "base/text.h"

namespace gd::agent {

Result<void> check_script(std::string_view script) {
  if (script.empty()) return Error{ErrorCode::invalid, "the batch script is empty"};
  if (!script.starts_with("#!")) {
    return Error{ErrorCode::invalid,
                 "this does not look like a batch script: the first line must start with #! "
                 "followed by the path to an interpreter, for instance #!/bin/sh"};
  }
  const std::string_view line = script.substr(0, script.find('\n'));
  const std::string_view interpreter = trim(line.substr(2));
  if (interpreter.empty()) {
    return Error{ErrorCode::invalid, "the first line of the batch script names no interpreter"};
  }
  if (line.size() > kMaxInterpreterBytes) {
    return Error{ErrorCode::invalid, "the first line of the batch script has " +
                                         std::to_string(line.size()) + " bytes, at most " +
                                         std::to_string(kMaxInterpreterBytes) + " are possible"};
  }
  if (line.ends_with('\r')) {
    return Error{ErrorCode::invalid,
                 "the batch script has DOS line breaks (\\r\\n), Unix ones (\\n) are needed"};
  }
  return {};
}

container::FileSpec script_file(std::string script) {
  return {.path = kScriptPath,
          .content = std::move(script),
          .mode = 0700,
          .owner = container::FileSpec::Owner::user};
}

std::vector<std::string> script_argv(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{kScriptPath};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

}  // namespace gd::agent
