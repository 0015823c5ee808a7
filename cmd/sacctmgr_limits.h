// Limits of gd.conf as the columns that sacctmgr has for them.
#pragma once

#include "cmd/sacctmgr.h"
#include "cmd/sacctmgr_site.h"

namespace gd::cmd {

// A column of Slurm's for each key.
void add_limits(AcctMgrRow& row, const ConfigValues& values);

}  // namespace gd::cmd
