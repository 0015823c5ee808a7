// Which events of a job its user hears of by mail, and in which words. Pure.
//
// An array is one thing to its user unless she asked for ARRAY_TASKS: its beginning is that of
// the first element, its end that of the last. The subjects are Slurm's, since people filter
// by them.
#pragma once

#include <optional>

#include "base/clock.h"
#include "server/core/cluster.h"
#include "server/core/effect.h"
#include "server/core/event.h"

namespace gd::core {

// After the event was applied.
std::optional<MailNote> mail_for(const Cluster& cluster, const Event& event);

// The next moment at which a running job's user is to hear of its time limit; the marks that
// have been reached by `now` and were not told.
std::optional<TimePoint> next_time_mark(const JobRecord& job);
MailEvents time_marks_at(const JobRecord& job, TimePoint now);

}  // namespace gd::core
