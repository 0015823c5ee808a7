// What a definition becomes besides a parser: the option tables of the man page and the
// completions of three shells. `gdsub --gd-dump=man` prints it; the build writes it down.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cmd/cli.h"

namespace gd::cmd {

// format: man, bash, zsh, fish, json or compat.
Result<std::string> dump(const Cli& cli, std::string_view format);

}  // namespace gd::cmd
