// The pure part of scrontab: from a crontab to what is asked of the controller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cmd/command.h"
#include "cmd/job_options.h"
#include "proto/messages_crontab.h"

namespace gd::cmd {

struct CrontabOptions {
  bool edit = false;
  bool list = false;
  bool remove = false;
  bool verbose = false;
  std::string user;
  std::vector<std::string> rest;
};

void define_scrontab(Cli& cli, CrontabOptions& options);

enum class CrontabVerb : uint8_t { install, edit, list, remove };

// At most one of -e, -l and -r; a file beside none of them.
Result<CrontabVerb> verb_of(const CrontabOptions& options);

// All entries as jobs of the caller: what a job of his is asked for, in `around.directory`.
Result<CrontabRequest> to_crontab_request(const std::string& text, const Surroundings& around);

// The text after an edit by his own choice of editor, begun with `text`.
Result<std::string> edit_text(const std::string& text);
// Asks at the terminal whether to edit once more what could not be installed.
bool wants_again(Output& ask);

}  // namespace gd::cmd
