// The sections of gd.conf that limit: [account], [user], [qos], [license].
#pragma once

#include "base/config.h"
#include "base/result.h"
#include "proto/settings.h"

namespace gd {

// `settings` has the accounts, in the order of parents first, and the partitions. Names that no
// section explains are refused: a misspelt limit would limit nothing.
Result<LimitSettings> read_limits(const Config& config, const Settings& settings);
// Do the accounts and QOS that partitions name exist? `settings` has its limits.
Result<void> check_partition_names(const Config& config, const Settings& settings);

}  // namespace gd
