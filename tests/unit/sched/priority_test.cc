// priority: the terms, and that the stored score orders jobs as the priority does.
#include "server/sched/priority.h"

#include <gtest/gtest.h>

#include <random>

namespace gd::sched {
namespace {

TEST(Priority, TermsAddUp) {
  const Weights weights{.age = 1000, .size = 100, .partition = 10, .age_max = Seconds{1000}};
  const PriorityFacts facts{.eligible = TimePoint{Seconds{100}},
                            .size = 0.5,
                            .partition_factor = 1,
                            .nice = 7,
                            .fixed = {}};
  const PriorityTerms terms = priority_terms(weights, facts, TimePoint{Seconds{600}});
  EXPECT_DOUBLE_EQ(terms.age, 500);
  EXPECT_DOUBLE_EQ(terms.size, 50);
  EXPECT_DOUBLE_EQ(terms.partition, 10);
  EXPECT_DOUBLE_EQ(terms.nice, -7);
  EXPECT_DOUBLE_EQ(terms.total(), 553);
}

TEST(Priority, AJobThatIsNotEligibleYetHasNoAge) {
  const PriorityFacts facts{.eligible = TimePoint{Seconds{100}}};
  EXPECT_EQ(priority_terms({}, facts, TimePoint{}).age, 0);
}

TEST(Priority, AFixedPriorityStandsForAllTermsButAge) {
  const PriorityFacts facts{
      .eligible = TimePoint{}, .size = 1, .partition_factor = 1, .nice = 50, .fixed = 77};
  EXPECT_DOUBLE_EQ(priority_terms({}, facts, TimePoint{}).total(), 77);
}

TEST(Priority, ScoreOrdersAsThePriorityDoesAtAnyMoment) {
  std::mt19937_64 engine(1);
  const Weights weights{.age = 1000, .size = 500, .partition = 300};
  const auto random_facts = [&] {
    PriorityFacts facts;
    facts.eligible = TimePoint{Seconds{1'700'000'000 + engine() % 1'000'000}};
    facts.size = static_cast<double>(engine() % 100) / 100;
    facts.partition_factor = static_cast<double>(engine() % 3) / 2;
    facts.nice = static_cast<int32_t>(engine() % 200) - 100;
    if (engine() % 5 == 0) facts.fixed = static_cast<uint32_t>(engine() % 2000);
    return facts;
  };
  for (int i = 0; i < 2000; ++i) {
    const PriorityFacts a = random_facts();
    const PriorityFacts b = random_facts();
    const TimePoint later{Seconds{1'800'000'000}};
    const double now_a = priority_terms(weights, a, later).total();
    const double now_b = priority_terms(weights, b, later).total();
    if (std::abs(now_a - now_b) < 1e-3) continue;
    EXPECT_EQ(now_a > now_b, score(weights, a) > score(weights, b));
  }
}

}  // namespace
}  // namespace gd::sched
