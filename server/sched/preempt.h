// Preemption as a value: who may take whose place, what runs and could have to go, and what is
// being cleared for whom. Kept by the planner's owner; without it (View::preempt is null)
// nobody has to go.
//
// Whom a job may end is fixed by its QOS or by the tier of the partition that it is placed in.
// Both are strict orders (lists of QOS have no circles, a tier is above another or is not), so
// that two jobs can never end each other in turn.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/limit_values.h"
#include "proto/preempt.h"
#include "server/sched/limit_book.h"
#include "server/sched/placement.h"
#include "server/sched/priority.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct PreemptPolicy {  // of the cluster
  PreemptType type = PreemptType::none;
  PreemptMode mode = PreemptMode::off;  // where QOS and partition say nothing
  Seconds exempt{};                     // a job is left alone for so long after its start
  bool operator==(const PreemptPolicy&) const = default;
};

struct PreemptTerms {  // of one job, as a victim
  PreemptMode mode = PreemptMode::off;
  Seconds grace{};   // between TERM and KILL; 0: the usual time
  Seconds exempt{};  // it is left alone for so long after its start
};

// Under PreemptType::qos.
PreemptTerms preempt_terms(const PreemptPolicy& policy, const QosLimits* qos);

// A job that holds nodes, as those see it that might take its place.
struct Tenant {
  uint32_t qos = 0;   // a column of PreemptRules::rows
  uint32_t tier = 1;  // of the partition that it runs in
  PriorityFacts facts;
  TimePoint eligible{};
  Seconds limit{kForever};
  TimePoint start{};
  bool may_go = false;      // its mode is not off
  TimePoint safe_until{};   // it is left alone before that
  Seconds leaves_within{};  // once it is told to: until its last process is killed
  bool ending = false;      // it has been told to end, for whatever reason
  TimePoint gone_by{};      // then: at the latest, if that is known
};

struct PreemptRules {
  enum class By : uint8_t { qos, tier };
  By by = By::qos;
  // By Standing::preempts and Tenant::qos. The first row is of "normal", which may end nobody
  // unless there is a section of that name.
  std::vector<std::vector<bool>> rows;

  // May a job of this row, placed in a partition of this tier, ever end that one?
  [[nodiscard]] bool allows(uint32_t row, uint32_t tier, const Tenant& tenant) const {
    if (!tenant.may_go) return false;
    return by == By::tier ? tier > tenant.tier : rows[row][tenant.qos];
  }
};

// Nothing: preemption is off.
std::optional<PreemptRules> preempt_rules(const PreemptPolicy& policy, const LimitSettings& limits);
uint32_t preempt_column(const LimitSettings& limits, std::string_view qos);
// Standing::preempts of its jobs.
uint32_t preempt_row(const PreemptRules& rules, uint32_t column);

// What is kept for a waiting job while others are being ended for it.
struct Takeover {
  JobId job;
  JobId array;  // as QueueKey::array
  ShapeId shape;
  ClaimId claim;
  Placement placement;        // no uses: what it was to have is no longer there
  std::vector<JobId> awaits;  // who has to be gone; some may be
};

using Tenants = std::map<JobId, Tenant>;

}  // namespace gd::sched
