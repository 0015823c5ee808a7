#include "proto/paths.h"

#include <cstdlib>

namespace gd {

std::string config_path() {
  const char* given = ::getenv(kConfigVariable);
  return given != nullptr && *given != '\0' ? given : kDefaultConfig;
}

}  // namespace gd
