// Whose job it is, as limits see it: account, QOS and licences of a submission, and what stands
// against it by limits of one job. The counters are in server/sched/limit_book.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/job_record.h"
#include "server/core/admission.h"
#include "server/core/cluster.h"

namespace gd::core {

// What is said of this user's jobs of this account, the nearest first: her section for it, hers,
// the account's, those of the accounts above.
[[nodiscard]] std::vector<const AssocLimits*> sections_for(const sched::LimitBook& limits,
                                                           const std::string& user,
                                                           const std::string& account);

// Fills in account and QOS, or says why they are not open to the user.
Result<void> choose_owner(const Cluster& cluster, const std::string& user, JobSpec& spec);
// Do the partitions take this account and this QOS?
Result<void> check_owner(const Cluster& cluster, const JobSpec& spec,
                         const std::vector<sched::PartitionIndex>& partitions);
// Are there such licences, and so many?
Result<void> check_licences(const Cluster& cluster, const JobSpec& spec);
// Is there such a reservation, and is it open to this user or account?
Result<void> check_reservation(const Cluster& cluster, const Actor& actor, const JobSpec& spec);
// One more, or as many as an array has elements, may wait or run.
Result<void> check_submit_limits(const Cluster& cluster, const JobRecord& job);

// Not too soon after the last ones of this user; administrators may always.
Result<void> check_submit_rate(const Cluster& cluster, const Actor& actor, TimePoint now);

// What keeps it from ever starting until it or the configuration changes.
std::optional<Obstacle> limit_obstacle(const Cluster& cluster, const JobRecord& job);
[[nodiscard]] bool denies_on_limit(const Cluster& cluster, const JobRecord& job);

}  // namespace gd::core
