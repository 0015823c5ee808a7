// The command gdtop.
#pragma once

#include "cmd/command.h"

namespace gd::top {

extern const cmd::Command kGdtop;

}  // namespace gd::top
