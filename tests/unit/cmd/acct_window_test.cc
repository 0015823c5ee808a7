// The window of sacct: which jobs count, by table. Expected is what Slurm 22.05 with slurmdbd
// answered; times in seconds.
#include "cmd/acct_window.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

using enum JobState;

TimePoint at(int64_t seconds) {
  return TimePoint{} + Seconds{seconds};
}

JobRecord job_of(JobState state, int64_t eligible, int64_t start, int64_t end) {
  JobRecord job;
  job.state = state;
  job.eligible_time = at(eligible);
  if (start > 0) job.start_time = at(start);
  if (end > 0) job.end_time = at(end);
  return job;
}

constexpr int64_t kNow = 1000;
constexpr int64_t kMidnight = 500;

struct Asked {
  std::optional<int64_t> since;
  std::optional<int64_t> until;
  bool jobs = false;
  std::vector<JobState> states;
};

// Of: done 600-700 (eligible at 590), failed 300-400, running since 800, waiting since 900, held
// since 950, and one that may begin at 4000.
std::string found(const Asked& asked, AcctRules rules = AcctRules::slurm) {
  AcctMoments moments{.jobs = asked.jobs};
  if (asked.since) moments.since = at(*asked.since);
  if (asked.until) moments.until = at(*asked.until);
  const AcctWindow window = acct_window(moments, asked.states, rules, at(kNow), at(kMidnight));
  std::string names;
  const std::pair<const char*, JobRecord> jobs[] = {
      {"done ", job_of(completed, 590, 600, 700)}, {"failed ", job_of(failed, 290, 300, 400)},
      {"running ", job_of(running, 790, 800, 0)},  {"waiting ", job_of(pending, 900, 0, 0)},
      {"held ", job_of(pending, 950, 0, 0)},       {"later ", job_of(pending, 4000, 0, 0)}};
  for (auto [name, job] : jobs) {
    const std::string_view what = name;
    job.submit_time = what == "later " ? at(960) : job.eligible_time;
    if (what == "held ") job.hold = HoldKind::user;
    if (is_in(window, job)) names += name;
  }
  return names;
}

TEST(AcctWindow, WithoutStatesItIsWhoWasThere) {
  EXPECT_EQ(found({}), "done running waiting ");
  EXPECT_EQ(found({.jobs = true}), "done failed running waiting held later ");
  EXPECT_EQ(found({.since = 400}), "done failed running waiting ");
  EXPECT_EQ(found({.since = 401}), "done running waiting ");
  EXPECT_EQ(found({.since = 701, .jobs = true}), "running waiting held later ");
  EXPECT_EQ(found({.since = 701, .until = 955, .jobs = true}), "running waiting held ");
  EXPECT_EQ(found({.until = 591}), "done ");  // since midnight
  EXPECT_EQ(found({.until = 590, .jobs = true}), "failed ");
  EXPECT_EQ(found({.since = 100, .until = 650}), "done failed ");
  EXPECT_EQ(found({.since = 710, .until = 780}), "");
}

TEST(AcctWindow, WithStatesItIsWhoWasInOneOfThemThen) {
  EXPECT_EQ(found({.states = {running}}), "running ");  // now
  EXPECT_EQ(found({.states = {completed, failed}}), "");
  EXPECT_EQ(found({.since = 0, .until = 1000, .states = {completed, failed}}), "done failed ");
  EXPECT_EQ(found({.since = 0, .states = {failed}}), "");  // at that moment
  EXPECT_EQ(found({.since = 650, .states = {running}}), "done ");
  EXPECT_EQ(found({.since = 650, .until = 810, .states = {running}}), "done running ");
  EXPECT_EQ(found({.since = 595, .states = {pending}}), "done ");
  EXPECT_EQ(found({.jobs = true, .states = {failed}}), "failed ");
  EXPECT_EQ(found({.jobs = true, .states = {running}}), "done failed running ");
  EXPECT_EQ(found({.states = {pending}}), "waiting ");
}

TEST(AcctWindow, ByOurOwnNameStatesAreThoseOfNowAndTheTimeIsTheDay) {
  EXPECT_EQ(found({.states = {completed, failed}}, AcctRules::own), "done ");
  EXPECT_EQ(found({.since = 0, .states = {failed}}, AcctRules::own), "failed ");
  EXPECT_EQ(found({.states = {running}}, AcctRules::own), "running ");
  EXPECT_EQ(found({.until = 750, .states = {running}}, AcctRules::own), "");
}

// Slurm writes no time of eligibility for them, and finds them only if they are named.
TEST(AcctWindow, WhoCouldNotHaveStartedYetIsFoundByNumberOrByOurOwnName) {
  EXPECT_EQ(found({.since = 900, .until = 2000}), "running waiting ");
  EXPECT_EQ(found({.since = 900}, AcctRules::own), "running waiting held later ");
  EXPECT_EQ(found({.jobs = true, .states = {pending}}), "done failed running waiting ");
}

TEST(AcctWindow, OnlyThoseAreFetchedThatCanCount) {
  const AcctMoments all{.since = at(0), .until = at(50)};
  EXPECT_EQ(latest_end(acct_window(all, {failed}, AcctRules::slurm, at(99), at(9))), at(51));
  for (const std::vector<JobState>& states : {std::vector<JobState>{}, {failed, running}}) {
    const AcctWindow window = acct_window(all, states, AcctRules::slurm, at(99), at(9));
    EXPECT_EQ(latest_end(window), std::nullopt);
  }
}

}  // namespace
}  // namespace gd::cmd
