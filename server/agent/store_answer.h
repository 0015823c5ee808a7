// The last line of gdstore's answer when it failed: "error CODE TEXT". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gd::agent {

std::string render_store_error(const Error& error);
std::optional<Error> parse_store_error(std::string_view line);

}  // namespace gd::agent
