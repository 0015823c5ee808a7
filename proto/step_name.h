// Steps by name: "batch", "interactive", "extern", or the number.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/ids.h"

namespace gd {

std::string step_name(StepId step);
// The other way round. Nothing: no step has such a name; the named ones have no number.
std::optional<StepId> parse_step_name(std::string_view text);

}  // namespace gd
