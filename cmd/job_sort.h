// squeue's --sort: letters of the short format, each ascending or descending.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/messages_client.h"

namespace gd::cmd {

Result<void> check_sort(std::string_view keys);

}  // namespace gd::cmd
