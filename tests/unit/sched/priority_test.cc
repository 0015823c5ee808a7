// priority: the terms, who is overdue, and which facts count.
#include "server/sched/priority.h"

#include <gtest/gtest.h>

namespace gd::sched {
namespace {

constexpr Weights kWeights{.age = 1000,
                           .fair_share = 400,
                           .stretch = 200,
                           .size = 100,
                           .partition = 10,
                           .age_max = Seconds{1000},
                           .overdue_after = Seconds{5000}};

TEST(Priority, TermsAddUp) {
  const PriorityFacts facts{.size = 0.5, .partition_factor = 1, .share = 3, .nice = 7, .fixed = {}};
  const PriorityTerms terms = priority_terms(kWeights, facts, 0.25, {500s, 500s});
  EXPECT_DOUBLE_EQ(terms.age, 500);
  EXPECT_DOUBLE_EQ(terms.fair_share, 100);
  EXPECT_DOUBLE_EQ(terms.stretch, 20);  // log2(1 + 1) / 10 of it
  EXPECT_DOUBLE_EQ(terms.size, 50);
  EXPECT_DOUBLE_EQ(terms.partition, 10);
  EXPECT_DOUBLE_EQ(terms.nice, -7);
  EXPECT_DOUBLE_EQ(terms.total(), 673);
}

TEST(Priority, AgeAndStretchAreCapped) {
  const PriorityTerms terms = priority_terms(kWeights, {}, 0, {4000s, 1s});
  EXPECT_DOUBLE_EQ(terms.age, 1000);
  EXPECT_DOUBLE_EQ(terms.stretch, 200);
}

TEST(Priority, AShortJobOvertakesALongOneThatWaitedAsLong) {
  const PriorityTerms brief = priority_terms(kWeights, {}, 1, {3600s, 600s});
  const PriorityTerms day = priority_terms(kWeights, {}, 1, {3600s, 24h});
  EXPECT_GT(brief.total(), day.total());
  const PriorityTerms as_much = priority_terms(kWeights, {}, 1, {144 * 3600s, 24h});
  EXPECT_DOUBLE_EQ(brief.stretch, as_much.stretch);
}

TEST(Priority, AJobThatIsNotEligibleYetHasNoAge) {
  const PriorityTerms terms = priority_terms(kWeights, {}, 0, {-100s, 1s});
  EXPECT_EQ(terms.total(), 0);
}

TEST(Priority, AFixedPriorityStandsForAllTermsButAge) {
  const PriorityFacts facts{.size = 1, .partition_factor = 1, .share = 1, .nice = 50, .fixed = 77};
  EXPECT_DOUBLE_EQ(priority_terms(kWeights, facts, 1, {100s, 1s}).total(), 177);
  EXPECT_EQ(priority_terms(kWeights, facts, 1, {6000s, 1s}).overdue, 0);
}

TEST(Priority, TheOverdueGoFirstTheLongestWaitBeforeOthers) {
  const auto total = [](Seconds wait, PriorityFacts facts) {
    return priority_terms(kWeights, facts, 0, {wait, 1s}).total();
  };
  EXPECT_LT(total(5000s, {}), kOverdue) << "at the threshold itself not yet";
  EXPECT_GT(total(5001s, {}), kOverdue);
  EXPECT_GT(total(5002s, {}), total(5001s, {.size = 1, .partition_factor = 1}));
  EXPECT_LT(total(6000s, {.nice = 1}), kOverdue) << "who is nice has asked to be overtaken";
  Weights never = kWeights;
  never.overdue_after.reset();
  EXPECT_LT(priority_terms(never, {}, 1, {Seconds{1'000'000}, 1s}).total(), kOverdue);
}

TEST(Priority, FactsThatDoNotCountAreTakenAsEqual) {
  const PriorityFacts facts{.size = 0.5, .partition_factor = 1, .share = 3, .nice = 7, .fixed = {}};
  EXPECT_EQ(that_count(kWeights, facts), facts);
  EXPECT_EQ(that_count(kInOrder, facts), PriorityFacts{.nice = 7});
  PriorityFacts fixed = facts;
  fixed.fixed = 9;
  EXPECT_EQ(that_count(kWeights, fixed), (PriorityFacts{.nice = 7, .fixed = 9}));
}

}  // namespace
}  // namespace gd::sched
