// The terms of a priority.
#include "server/sched/priority.h"

#include <algorithm>
#include <cmath>

namespace gd::sched {

namespace {

constexpr double kFullStretch = 10;  // a wait of 2^10 limits counts full

double seconds(std::chrono::duration<double> length) {
  return length.count();
}

}  // namespace

PriorityTerms priority_terms(const Weights& weights, const PriorityFacts& facts,
                             double fair_share_factor, const Wait& wait) {
  const double length = seconds(std::max(Milliseconds{0}, wait.length));
  PriorityTerms terms;
  terms.age = weights.age * std::min(1.0, length / std::max(1.0, seconds(weights.age_max)));
  if (facts.fixed) {
    terms.fixed = *facts.fixed;
    return terms;
  }
  terms.fair_share = weights.fair_share * fair_share_factor;
  if (weights.stretch != 0) {
    const double limits = length / std::max(1.0, seconds(wait.limit));
    terms.stretch = weights.stretch * std::min(1.0, std::log2(1 + limits) / kFullStretch);
  }
  terms.size = weights.size * facts.size;
  terms.partition = weights.partition * facts.partition_factor;
  terms.qos = weights.qos * facts.qos_factor;
  terms.nice = -static_cast<double>(facts.nice);
  const bool overdue = weights.overdue_after && wait.length > *weights.overdue_after;
  if (overdue && facts.nice <= 0) terms.overdue = kOverdue + length;
  return terms;
}

PriorityFacts that_count(const Weights& weights, PriorityFacts facts) {
  if (weights.fair_share == 0 || facts.fixed) facts.share = 0;
  if (weights.size == 0 || facts.fixed) facts.size = 0;
  if (weights.partition == 0 || facts.fixed) facts.partition_factor = 0;
  if (weights.qos == 0 || facts.fixed) facts.qos_factor = 0;
  return facts;
}

}  // namespace gd::sched
