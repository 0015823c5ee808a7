// One function for each command; decide() chooses among them.
#pragma once

#include "base/result.h"
#include "server/core/admission.h"
#include "server/core/command.h"
#include "server/core/draft.h"
#include "server/sched/plan.h"

namespace gd::core {

Result<Reply> submit(Draft& draft, const Submit& command);
Result<Reply> cancel(Draft& draft, const CancelJobs& command);
Result<Reply> control(Draft& draft, const ControlJobs& command);
Result<Reply> update(Draft& draft, const UpdateJobs& command);
Result<Reply> start_step(Draft& draft, const StartStep& command);
Result<Reply> update_nodes(Draft& draft, const UpdateNodes& command);
Result<Reply> node_arrived(Draft& draft, const NodeArrived& command);
Result<Reply> node_told(Draft& draft, const NodeTold& command);
Result<Reply> client_heard(Draft& draft, const ClientHeard& command);
Result<Reply> tick(Draft& draft);
Result<Reply> schedule(Draft& draft);
Result<Reply> reconfigure(Draft& draft, const Reconfigure& command);
Result<Reply> set_accounts(Draft& draft, const SetAccounts& command);

Result<Reply> reserve(Draft& draft, const ChangeReservation& command);
// Those that begin or end now.
void watch_reservations(Draft& draft);

// The record of a submission that was admitted, without an id.
JobRecord new_job(const Submit& command, Admitted admitted, TimePoint now);

Result<Reply> reset_usage(Draft& draft, const ResetUsage& command);
// By the calendar: when it is due, and what is done then.
std::optional<TimePoint> usage_reset_due(const Cluster& cluster);
void watch_usage_reset(Draft& draft);

// What a command is refused with that names a job that is not there, or not the actor's.
Error no_such_job(JobId id);
Error not_yours(const Actor& actor, JobId id);

// The reason with which a job waits that nobody holds back.
JobWaits waiting_again(const Draft& draft, const JobRecord& job);

// The line of the audit log for what an administrator does to what is not his.
void audit(Draft& draft, const Actor& actor, std::string text);

}  // namespace gd::core
