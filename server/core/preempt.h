// Preemption in the core: on which terms a job may be ended for another one, and what a pass's
// decision about it leads to.
//
// A victim is told to end, and goes as any other job does; its record says for whom
// (JobRecord::preempted). What it holds is kept for that one by the waiting job's own record
// (JobRecord::takeover), so that a restart of the controller forgets neither.
#pragma once

#include "server/core/draft.h"
#include "server/sched/plan.h"

namespace gd::core {

// By its QOS or by its partition, as the cluster is configured. Mode off: it is left alone.
sched::PreemptTerms preempt_terms(const Cluster& cluster, const JobRecord& job);

// The job's place is kept for it, and those that stand in it are told to end.
void preempt(Draft& draft, const sched::Preemption& chosen);

// A place that the pass did not find any more: given up, unless a node of it is only not heard
// of at the moment, as all are after a restart of the controller.
void give_up_place(Draft& draft, JobId id);

}  // namespace gd::core
