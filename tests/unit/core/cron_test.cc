// Jobs that recur: one at a time for each line, the next after the end of the last.
#include "server/core/cron.h"

#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class CronTest : public CoreTest {
 protected:
  CronTest() {
    now = at(0s);
    add_node("n1", 4);
  }

  static JobSpec entry_spec(const std::string& cron, uint32_t line) {
    JobSpec spec = batch_spec();
    spec.cron = cron;
    spec.cron_line = line;
    return spec;
  }
  SetCrontab crontab(const std::vector<JobSpec>& specs, const std::string& text) {
    SetCrontab command{.actor = user("alice", 1001), .owner = 1001, .text = text};
    for (const JobSpec& spec : specs) command.entries.push_back({spec, digest_of("script"), {}});
    return command;
  }
  std::vector<CronRun> runs() { return cron_runs(*cluster, 1001); }
  std::string text() { return cluster->find_crontab(1001)->text; }
  void finish(JobId id, ExitStatus exit = {}) {
    report("n1", {status(id, StepPhase::ended, EndCause::exited, exit)});
    ASSERT_TRUE(ended(state(id)));
  }
  JobsReply cancel_cron(const std::vector<JobId>& jobs) {
    CancelRequest request;
    request.filter.jobs = jobs;
    request.cron = true;
    return std::get<JobsReply>(run(CancelJobs{user("alice", 1001), request}).value());
  }
  std::string refusal(const SetCrontab& command) {
    const Result<Reply> reply = run(command);
    return reply.ok() ? "" : reply.error().text;
  }
  // From midnight of 2026-01-01 on.
  static TimePoint at(Seconds offset) { return TimePoint{Seconds{1'767'225'600}} + offset; }
  void go_to(Seconds offset) {
    now = at(offset);
    report("n1", {});
    must(Tick{});
  }
};

TEST_F(CronTest, AnEntryIsAJobThatWaitsForItsMoment) {
  must(crontab({entry_spec("30 * * * *", 2), entry_spec("@daily", 4)}, "\na\n\nb\n"));
  ASSERT_EQ(runs().size(), 2U);
  EXPECT_EQ(runs()[0].line, 2U);
  EXPECT_EQ(runs()[0].next, at(30min));
  EXPECT_EQ(runs()[1].next, at(24h));
  const JobRecord& first = job(runs()[0].job);
  EXPECT_EQ(first.state, JobState::pending);
  EXPECT_EQ(first.reason, Reason::begin_time);
  EXPECT_EQ(first.user, "alice");
  EXPECT_EQ(pass(), 0U);
  EXPECT_LE(*next_timer(*cluster, now), at(30min));
  go_to(30min);
  EXPECT_EQ(pass(), 1U);
}

TEST_F(CronTest, TheNextRunIsANewJobOnceTheLastHasEnded) {
  must(crontab({entry_spec("*/10 * * * *", 1)}, "x\n"));
  const JobId first = runs()[0].job;
  go_to(10min);
  ASSERT_EQ(pass(), 1U);
  report("n1", {status(first, StepPhase::running)});
  EXPECT_EQ(runs()[0].job, first);  // none beside it
  now = at(25min);                  // the run of 00:20 is not made up for
  finish(first, {3, 0});
  ASSERT_EQ(runs().size(), 1U);
  const JobId second = runs()[0].job;
  EXPECT_NE(second, first);
  EXPECT_EQ(runs()[0].next, at(30min));
  EXPECT_EQ(job(second).spec, job(first).spec);
  EXPECT_EQ(job(second).script, job(first).script);
  EXPECT_EQ(job(second).submit_time, now);
  EXPECT_EQ(job(first).state, JobState::failed);
}

TEST_F(CronTest, CancellingWantsToBeMeantAndDisablesTheLine) {
  must(crontab({entry_spec("@hourly", 2), entry_spec("@daily", 3)}, "# mine\na\nb\n"));
  const JobId first = runs()[0].job;
  const JobsReply refused = cancel(first);
  EXPECT_EQ(refused.done, 0U);
  ASSERT_EQ(refused.refused.size(), 1U);
  EXPECT_NE(refused.refused[0].text.find("without --cron flag"), std::string::npos);
  CancelRequest all;
  all.filter.users = {"alice"};
  must(CancelJobs{user("alice", 1001), all});
  EXPECT_EQ(runs().size(), 2U);
  EXPECT_EQ(cancel_cron({first}).done, 1U);
  EXPECT_EQ(state(first), JobState::cancelled);
  EXPECT_EQ(runs().size(), 1U);
  EXPECT_EQ(text(), "# mine\n#DISABLED: a\nb\n");
}

TEST_F(CronTest, TwoCancelledAtOnceAreBothDisabled) {
  must(crontab({entry_spec("@hourly", 1), entry_spec("@daily", 2)}, "a\nb\n"));
  EXPECT_EQ(cancel_cron({runs()[0].job, runs()[1].job}).done, 2U);
  EXPECT_EQ(text(), "#DISABLED: a\n#DISABLED: b\n");
  EXPECT_TRUE(runs().empty());
}

TEST_F(CronTest, ANewCrontabTakesThePlaceOfTheOldOneAndWhatRunsGoesOn) {
  must(crontab({entry_spec("*/10 * * * *", 1), entry_spec("@daily", 2)}, "a\nb\n"));
  const JobId runs_now = runs()[0].job;
  const JobId waits = runs()[1].job;
  go_to(10min);
  ASSERT_EQ(pass(), 1U);
  report("n1", {status(runs_now, StepPhase::running)});
  must(crontab({entry_spec("@weekly", 1)}, "c\n"));
  EXPECT_EQ(state(waits), JobState::cancelled);
  EXPECT_EQ(state(runs_now), JobState::running);
  ASSERT_EQ(runs().size(), 1U);
  finish(runs_now);
  EXPECT_EQ(runs().size(), 1U);  // nothing follows on it
  EXPECT_EQ(text(), "c\n");
  must(SetCrontab{.actor = user("alice", 1001), .owner = 1001, .remove = true});
  EXPECT_TRUE(runs().empty());
  EXPECT_EQ(cluster->find_crontab(1001), nullptr);
  EXPECT_EQ(refusal({.actor = user("alice", 1001), .owner = 1001, .remove = true}), "no crontab");
}

TEST_F(CronTest, ARetryOfARequestChangesNothing) {
  SetCrontab command = crontab({entry_spec("@daily", 1)}, "a\n");
  command.request = RequestId{7, 8};
  must(command);
  const JobId first = runs()[0].job;
  must(command);
  EXPECT_EQ(runs()[0].job, first);
}

TEST_F(CronTest, WhatIsWrongIsNamedByItsLineAndNothingIsChanged) {
  must(crontab({entry_spec("@daily", 1)}, "a\n"));
  const JobId before = runs()[0].job;
  JobSpec array = entry_spec("@daily", 5);
  array.array = "1-3";
  JobSpec later = entry_spec("@daily", 5);
  later.begin = at(1h);
  for (const auto& [specs, error] : std::vector<std::pair<std::vector<JobSpec>, std::string>>{
           {{entry_spec("0 25 * * *", 3)}, "line 3: hour '25' is not between 0 and 23"},
           {{entry_spec("0 0 31 2 *", 3)}, "line 3: '0 0 31 2 *' names a day that never comes"},
           {{entry_spec("", 3)},
            "line 3: '' has 0 fields; a time has five: minute hour day month weekday"},
           {{entry_spec("@daily", 3), array},
            "line 5: --array has no meaning for a job that recurs"},
           {{later}, "line 5: --begin has no meaning for a job that recurs"},
           {{entry_spec("@daily", 3), entry_spec("@daily", 3)},
            "the entries are not in the order of lines"}}) {
    EXPECT_EQ(refusal(crontab(specs, "new\n")), error);
  }
  SetCrontab others = crontab({}, "x");
  others.owner = 1002;
  EXPECT_EQ(refusal(others), "user alice is not an administrator");
  EXPECT_EQ(runs()[0].job, before);
  EXPECT_EQ(text(), "a\n");
  EXPECT_FALSE(submit(entry_spec("@daily", 1)).ok());  // not by way of sbatch
}

TEST_F(CronTest, LimitsHoldAtTheLimit) {
  std::vector<JobSpec> specs;
  for (uint32_t line = 1; line <= kMaxCronEntries; ++line)
    specs.push_back(entry_spec("@daily", line));
  must(crontab(specs, std::string(kMaxCrontabBytes, '#')));
  EXPECT_EQ(runs().size(), kMaxCronEntries);
  specs.push_back(entry_spec("@daily", kMaxCronEntries + 1));
  EXPECT_EQ(refusal(crontab(specs, "")), "the crontab has 201 entries, at most 200 are allowed");
  EXPECT_EQ(refusal(crontab({}, std::string(kMaxCrontabBytes + 1, '#'))),
            "the crontab has 262145 bytes, at most 262144 are allowed");
}

TEST_F(CronTest, AHeldEntryHoldsWhatComesAfterIt) {
  must(crontab({entry_spec("*/10 * * * *", 1)}, "a\n"));
  const JobId id = runs()[0].job;
  EXPECT_EQ(control(JobAction::user_hold, id).done, 1U);
  go_to(2h);
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(control(JobAction::release, id).done, 1U);
  EXPECT_EQ(pass(), 1U);  // at once: its moment has passed
}

TEST_F(CronTest, AMomentSetForOneRunIsForThatAlone) {
  must(crontab({entry_spec("@daily", 1)}, "a\n"));
  const JobId id = runs()[0].job;
  JobUpdateRequest update{.jobs = {id}, .begin = now};
  must(UpdateJobs{user("alice", 1001), update});
  ASSERT_EQ(pass(), 1U);
  report("n1", {status(id, StepPhase::running)});
  finish(id);
  ASSERT_EQ(runs().size(), 1U);
  EXPECT_EQ(runs()[0].next, at(24h));
  EXPECT_FALSE(job(runs()[0].job).spec->begin);
}

TEST_F(CronTest, ARunThatHasEndedIsNotRequeuedOneThatRunsIs) {
  must(crontab({entry_spec("*/10 * * * *", 1)}, "a\n"));
  const JobId id = runs()[0].job;
  go_to(10min);
  ASSERT_EQ(pass(), 1U);
  report("n1", {status(id, StepPhase::running)});
  EXPECT_EQ(control(JobAction::requeue, id).done, 1U);
  report("n1", {status(id, StepPhase::ended, EndCause::ordered, {0, 15})});
  EXPECT_EQ(state(id), JobState::pending);
  EXPECT_EQ(runs()[0].job, id);
  ASSERT_EQ(pass(), 1U);
  report("n1", {status(id, StepPhase::running)});
  finish(id);
  EXPECT_EQ(control(JobAction::requeue, id).refused.size(), 1U);
  EXPECT_EQ(runs().size(), 1U);
}

TEST(Crontab, ALineIsDisabledOnce) {
  EXPECT_EQ(with_line_disabled("a\nb\nc", 3), "a\nb\n#DISABLED: c");
  EXPECT_EQ(with_line_disabled("#DISABLED: a\n", 1), "#DISABLED: a\n");
  EXPECT_EQ(with_line_disabled("a\n", 2), "a\n");
  EXPECT_EQ(with_line_disabled("a\n", 0), "a\n");
  EXPECT_EQ(with_line_disabled("", 1), "");
}

}  // namespace
}  // namespace gd::core
