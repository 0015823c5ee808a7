// Crontabs: jobs that recur.
//
// Each entry is one job at a time: it waits for its moment, runs as any other, and when it has
// ended, however that was, the next one is added in the same decision, due at the next moment from
// then on. So runs of an entry never overlap, none is made up for, and a restart forgets nothing.
// Every run is a job of its own, with its record, its usage and its number.
//
// Cancelled by somebody, an entry does not recur any more: its line in the crontab is disabled. A
// job on hold holds what comes after it, too.
#pragma once

#include <vector>

#include "base/result.h"
#include "proto/messages_crontab.h"
#include "server/core/draft.h"

namespace gd::core {

// Errors name the line: "line 3: ...".
Result<Reply> set_crontab(Draft& draft, const SetCrontab& command);

// After a command: what follows on the recurring jobs that have ended in it.
void recur(Draft& draft);

// Will another one follow on it?
bool recurs(const JobRecord& job);

// The jobs of this user's crontab, by line.
std::vector<CronRun> cron_runs(const Cluster& cluster, Uid uid);

}  // namespace gd::core
