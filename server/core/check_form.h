// The form of a submission (check_form is declared in admission.h), and host lists
// as sorted names.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "proto/messages_client.h"

namespace gd::core {

Result<void> check_step_form(const StepRequest& request);

// Sorted, each once. The list has passed check_form().
std::vector<std::string> names_in(const std::string& hostlist);

}  // namespace gd::core
