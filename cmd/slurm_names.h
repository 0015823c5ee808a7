// Slurm's command names: which ones gd serves, by which command.
//
// The one list: meson makes the links of PREFIX/lib/gd/slurm from it (by `gd
// --gd-links`), main.cc starts by it. A name without a command says so, with exit 1.
#pragma once

#include <span>
#include <string_view>

#include "cmd/command.h"

namespace gd::cmd {

struct SlurmName {
  std::string_view name;
  const Command* command;  // nullptr: not served yet
};

std::span<const SlurmName> slurm_names();
std::span<const Command* const> commands();

}  // namespace gd::cmd
