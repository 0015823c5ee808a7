// The terms of a priority.
#include "server/sched/priority.h"

#include <algorithm>

namespace gd::sched {

namespace {

double age_points(const Weights& weights, std::chrono::duration<double> age) {
  const int64_t full = std::max<int64_t>(1, weights.age_max.count());
  return weights.age * age.count() / static_cast<double>(full);
}

PriorityTerms without_age(const Weights& weights, const PriorityFacts& facts) {
  PriorityTerms terms;
  if (facts.fixed) {
    terms.fixed = *facts.fixed;
    return terms;
  }
  terms.size = weights.size * facts.size;
  terms.partition = weights.partition * facts.partition_factor;
  terms.nice = -static_cast<double>(facts.nice);
  return terms;
}

}  // namespace

PriorityTerms priority_terms(const Weights& weights, const PriorityFacts& facts, TimePoint now) {
  PriorityTerms terms = without_age(weights, facts);
  terms.age = age_points(weights, std::max(Milliseconds{0}, now - facts.eligible));
  return terms;
}

double score(const Weights& weights, const PriorityFacts& facts) {
  return without_age(weights, facts).total() -
         age_points(weights, facts.eligible.time_since_epoch());
}

}  // namespace gd::sched
