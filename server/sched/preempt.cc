#include "server/sched/preempt.h"

#include <algorithm>

namespace gd::sched {

PreemptTerms preempt_terms(const PreemptPolicy& policy, const QosLimits* qos) {
  PreemptTerms terms{policy.mode, Seconds{0}, policy.exempt};
  if (qos == nullptr) return terms;
  terms.mode = qos->preempt_mode.value_or(terms.mode);
  terms.grace = qos->grace_time;
  terms.exempt = qos->preempt_exempt.value_or(terms.exempt);
  return terms;
}

uint32_t preempt_column(const LimitSettings& limits, std::string_view qos) {
  const auto found = std::ranges::find(limits.qos, qos, &QosLimits::name);
  if (found == limits.qos.end()) return 0;  // "normal", or one that is gone
  return static_cast<uint32_t>(found - limits.qos.begin()) + 1;
}

std::optional<PreemptRules> preempt_rules(const PreemptPolicy& policy,
                                          const LimitSettings& limits) {
  if (policy.type == PreemptType::none) return std::nullopt;
  if (policy.type == PreemptType::partition_prio) return PreemptRules{PreemptRules::By::tier, {}};
  PreemptRules rules;
  const size_t columns = limits.qos.size() + 1;
  rules.rows.assign(columns, std::vector<bool>(columns));
  for (const QosLimits& qos : limits.qos) {
    for (const std::string& other : qos.preempt) {
      rules.rows[preempt_column(limits, qos.name)][preempt_column(limits, other)] = true;
    }
  }
  return rules;
}

uint32_t preempt_row(const PreemptRules& rules, uint32_t column) {
  if (rules.by == PreemptRules::By::tier) return 0;
  return std::ranges::count(rules.rows[column], true) > 0 ? column : 0;
}

}  // namespace gd::sched
