// The edge of sacctmgr's changing forms: asks the controller what there is, prints what would be
// done, asks, and sends it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/context.h"

namespace gd::cmd {

enum class Confirm : uint8_t { ask, immediate };

// add, modify, delete of what there is; dump and load. The exit code.
Result<int> change_accounts(Context& context, const std::vector<std::string>& words,
                            Confirm confirm);
Result<int> dump_accounts(Context& context, const std::vector<std::string>& words);
Result<int> load_accounts(Context& context, const std::vector<std::string>& words, Confirm confirm);

}  // namespace gd::cmd
