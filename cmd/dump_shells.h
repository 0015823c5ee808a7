// The completions of one command, for each shell. See dump.h.
#pragma once

#include <string>

#include "cmd/cli.h"

namespace gd::cmd {

std::string bash_completion(const Cli& cli);
std::string zsh_completion(const Cli& cli);
std::string fish_completion(const Cli& cli);

}  // namespace gd::cmd
