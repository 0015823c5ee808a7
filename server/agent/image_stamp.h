// What tells one state of a user's image file from another, so that a changed file is another
// image. REQUIRES: root, one thread.
#pragma once

#include <string>

#include "base/image_name.h"
#include "server/container/launch_plan.h"

namespace gd::agent {

// Empty for a registry. The file is opened with the user's rights: an error says that she may not.
Result<std::string> image_stamp(const ImageName& name, const container::Identity& identity);

}  // namespace gd::agent
