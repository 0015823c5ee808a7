// sacctmgr modify account|user|qos ... set RawUsage=0: what was used is taken back.
#pragma once

#include <string>
#include <vector>

#include "cmd/sacctmgr_change.h"
#include "proto/messages_policy.h"

namespace gd::cmd {

struct UsageReset {
  std::string out;  // what is about to be done, as it is shown before the question
  UsageResetRequest request;
};

// Pure: whose usage it is, or why it cannot be said.
Result<UsageReset> plan_usage_reset(const AcctChange& change);

}  // namespace gd::cmd
