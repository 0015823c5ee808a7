// What a folder takes on disk, with all in it.
#pragma once

#include <cstdint>
#include <string>

namespace gd::agent {

// Ten million entries at most; more are not counted. It may change meanwhile; nothing in it is
// followed.
uint64_t measure_tree(const std::string& folder);

}  // namespace gd::agent
