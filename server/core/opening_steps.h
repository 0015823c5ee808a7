// What a life of a job begins with: its nodes, and the steps that make its containers there: the
// script or the command, and on nodes without either a place for the steps that will come. Pure.
#pragma once

#include <vector>

#include "proto/job_record.h"
#include "server/core/cluster.h"
#include "server/sched/placement.h"

namespace gd::core {

// What a placement gives a job.
std::vector<NodeShare> shares_of(const Cluster& cluster, const sched::Placement& placement);

// Those that open the job (opens_job()): its script or command first, then the places.
std::vector<StepRecord> opening_steps(const JobRecord& job, const std::vector<NodeShare>& nodes,
                                      TimePoint now);

}  // namespace gd::core
