// Who hears of what by mail, and in which words; marks of the time limit.
#include "server/core/mail.h"

#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class MailTest : public CoreTest {
 protected:
  MailTest() {
    config->max_array_size = 1000;
    restart();
    add_node("n1", 4);
  }
  static JobSpec spec(const std::string& events) {
    JobSpec one = batch_spec();
    one.name = "fit";
    one.mail_events = *parse_mail_events(events);
    return one;
  }
  // Subjects since the last call.
  std::vector<std::string> subjects() {
    std::vector<std::string> out;
    for (const MailNote& note : effects.mails) out.push_back(note.to + ": " + note.subject);
    effects.mails.clear();
    return out;
  }
  void end(JobId id, EndCause cause = EndCause::exited, ExitStatus exit = {}) {
    report("n1", {status(id, StepPhase::ended, cause, exit)});
  }
  using Lines = std::vector<std::string>;
};

TEST_F(MailTest, NothingIsSentUnasked) {
  const JobId id = running(batch_spec());
  end(id);
  EXPECT_TRUE(effects.mails.empty());
}

TEST_F(MailTest, BeginAndEndWithTheirTimes) {
  const JobId id = submitted(spec("ALL"));
  now += 90s;
  EXPECT_EQ(pass(), 1U);
  report("n1", {status(id, StepPhase::running)});
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=1 Name=fit Began, Queued time 00:01:30"});
  now += 3700s;
  end(id);
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=1 Name=fit Ended, Run time 01:01:40, "
                              "COMPLETED, ExitCode 0"});
}

// Its node's first report said that it had ended, and nobody heard that it had begun.
TEST_F(MailTest, AJobThatWasShorterThanAReportHasBegunAndEnded) {
  const JobId id = submitted(spec("BEGIN,END"));
  EXPECT_EQ(pass(), 1U);
  end(id);
  EXPECT_EQ(subjects(), (Lines{"alice: Slurm Job_id=1 Name=fit Began, Queued time 00:00:00",
                               "alice: Slurm Job_id=1 Name=fit Ended, Run time 00:00:00, "
                               "COMPLETED, ExitCode 0"}));
  const JobId failed = submitted(spec("BEGIN"));
  EXPECT_EQ(pass(), 1U);
  end(failed, EndCause::launch_failed);
  EXPECT_EQ(subjects(), Lines{});
}

TEST_F(MailTest, AFailureIsOneMailAndSaysSoOnlyToWhoAskedForFailures) {
  JobSpec asked = spec("END,FAIL");
  asked.mail_user = "ada@example.org";
  JobId id = running(asked);
  end(id, EndCause::exited, {3, 0});
  EXPECT_EQ(subjects(), Lines{"ada@example.org: Slurm Job_id=1 Name=fit Failed, Run time 00:00:00, "
                              "FAILED, ExitCode 3"});
  id = running(spec("END"));
  end(id, EndCause::exited, {0, 9});
  EXPECT_EQ(subjects(),
            Lines{"alice: Slurm Job_id=2 Name=fit Ended, Run time 00:00:00, FAILED, Signal 9"});
  id = running(spec("FAIL"));
  end(id);
  EXPECT_TRUE(subjects().empty());
  id = submitted(spec("END,FAIL"));
  cancel(id);
  EXPECT_EQ(
      subjects(),
      Lines{"alice: Slurm Job_id=4 Name=fit Ended, Run time 00:00:00, CANCELLED, ExitCode 0"});
}

TEST_F(MailTest, MarksOfTheTimeLimitAreToldOnceEach) {
  JobSpec asked = spec("TIME_LIMIT,TIME_LIMIT_50,TIME_LIMIT_90");
  asked.time_limit = 1000s;
  const JobId id = running(asked);
  EXPECT_EQ(next_timer(*cluster, now), now + 60s + 1ms);  // the node's silence, before any mark
  now += 499s;
  report("n1", {}, false);
  must(Tick{});
  EXPECT_TRUE(subjects().empty());
  now += 1s;
  must(Tick{});
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=1 Name=fit Reached 50% of time limit, Run time "
                              "00:08:20"});
  must(Tick{});
  EXPECT_TRUE(subjects().empty());
  now += 450s;
  report("n1", {}, false);
  must(Tick{});
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=1 Name=fit Reached 90% of time limit, Run time "
                              "00:15:00"});
  now += 50s;
  end(id, EndCause::time_limit);
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=1 Name=fit Reached time limit, Run time "
                              "00:16:40, TIMEOUT"});
}

TEST_F(MailTest, OfMarksThatPassedAtOnceTheHighestIsTold) {
  JobSpec asked = spec("TIME_LIMIT_50,TIME_LIMIT_80,TIME_LIMIT_90");
  asked.time_limit = 100s;
  const JobId id = running(asked);
  now += 95s;
  must(Tick{});
  EXPECT_EQ(subjects().size(), 1U);
  EXPECT_EQ(time_marks_at(job(id), now), 0);
  EXPECT_FALSE(next_time_mark(job(id)));
}

TEST_F(MailTest, ARequeueIsToldAndBeginsTheMarksAgain) {
  JobSpec asked = spec("REQUEUE,TIME_LIMIT_50");
  asked.time_limit = 100s;
  const JobId id = running(asked);
  now += 60s;
  must(Tick{});
  EXPECT_EQ(subjects().size(), 1U);
  control(JobAction::requeue, id);
  end(id, EndCause::ordered, {0, 15});
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=1 Name=fit Requeued"});
  EXPECT_EQ(job(id).told, 0);
}

TEST_F(MailTest, AnArrayIsOneThing) {
  JobSpec asked = spec("BEGIN,END");
  asked.array = "1-2";
  const JobId id = submitted(asked);
  EXPECT_EQ(pass(), 2U);
  std::vector<JobId> elements;
  for (const auto& [each, entry] : cluster->jobs()) elements.push_back(each);
  ASSERT_EQ(elements.size(), 2U);
  for (const JobId each : elements) report("n1", {status(each, StepPhase::running)});
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Array Summary Job_id=1_* (1) Name=fit Began, Queued "
                              "time 00:00:00"});
  end(elements[0], EndCause::exited, {4, 0});
  EXPECT_TRUE(subjects().empty());
  end(elements[1]);
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Array Summary Job_id=1_* (1) Name=fit Ended, MIXED, "
                              "ExitCode [0-4]"});
  (void)id;
}

TEST_F(MailTest, ItsElementsAreThingsOfTheirOwnIfAskedFor) {
  JobSpec asked = spec("END,ARRAY_TASKS");
  asked.array = "7";
  const JobId id = running(asked);
  end(id);
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Array Task Job_id=1_7 (1) Name=fit Ended, Run time "
                              "00:00:00, COMPLETED, ExitCode 0"});
}

TEST_F(MailTest, ADependencyThatCanNeverHold) {
  const JobId first = running(batch_spec());
  JobSpec asked = spec("ALL");
  asked.dependency = "afterok:" + std::to_string(first.value);
  submitted(asked);
  end(first, EndCause::exited, {1, 0});
  EXPECT_EQ(subjects(), Lines{"alice: Slurm Job_id=2 Name=fit Invalid dependency"});
}

TEST_F(MailTest, AnAddressThatIsNoneIsRefused) {
  JobSpec asked = spec("ALL");
  for (const char* bad : {"-f/etc/x", "a b", "a\nBcc: c", "a,,b", "|sh", "a;b"}) {
    asked.mail_user = bad;
    EXPECT_EQ(submit(asked).error().code, ErrorCode::invalid) << bad;
  }
  asked.mail_user = std::string(1024, 'a');
  EXPECT_TRUE(submit(asked).ok());
  asked.mail_user += 'a';
  EXPECT_EQ(submit(asked).error().code, ErrorCode::invalid);
}

TEST(MailEventsTest, AreWordsWithCommas) {
  EXPECT_EQ(format_mail_events(*parse_mail_events("end,BEGIN")), "BEGIN,END");
  EXPECT_EQ(format_mail_events(*parse_mail_events("ALL")),
            "BEGIN,END,FAIL,REQUEUE,INVALID_DEPEND,STAGE_OUT");
  EXPECT_EQ(*parse_mail_events("ALL,NONE"), 0);
  EXPECT_EQ(format_mail_events(0), "NONE");
  EXPECT_EQ(parse_mail_events("BEGIN,nosuch").error().code, ErrorCode::usage);
  EXPECT_FALSE(parse_mail_events("").ok());
}

}  // namespace
}  // namespace gd::core
