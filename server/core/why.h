// Why a job waits, in sentences with numbers, and what smaller request would start it now: the
// answer of `gdstat --why`. Pure; the planner itself is asked (server/sched/outlook.h).
//
// Moments are told as lengths of time from now, so that no time zone is needed here.
// Cost: a pass up to the job's turn, at most kMostTries questions, and a look at each job that
// runs.
#pragma once

#include "proto/messages_policy.h"
#include "server/core/cluster.h"

namespace gd::core {

inline constexpr size_t kMostTries = 200;    // questions to the planner
inline constexpr size_t kMostNamedJobs = 3;  // of those that hold what is missing
inline constexpr size_t kMostSuggestions = 4;

// Where data are private, others' jobs count and are not named.
enum class Others : uint8_t { named, hidden };

// Of a job that is known.
WhyReply why(const Cluster& cluster, const JobRecord& job, TimePoint now,
             Others others = Others::named);

// The record that a question is about; null: it is not live.
const JobRecord* record_of(const Cluster& cluster, const WhyQuery& query);
Result<WhyReply> answer_why(const Cluster& cluster, const WhyQuery& query, TimePoint now,
                            Others others);

}  // namespace gd::core
