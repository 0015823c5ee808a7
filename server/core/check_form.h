// The form of a submission (check_form is declared in admission.h), and host lists
// as sorted names.
#pragma once

#include <string>
#include <vector>

namespace gd::core {

// Sorted, each once. The list has passed check_form().
std::vector<std::string> names_in(const std::string& hostlist);

}  // namespace gd::core
