// What sdiag tells, and how mail leaves.
#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "server/controller/mailer.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/controller/fixture.h"

namespace gd::controller::test {
namespace {

TEST_F(ControllerTest, StatsCountJobsPassesAndRequests) {
  bring_node_up();
  submit(kAlice);
  SubmitRequest array = submission("#!/bin/sh\n");
  array.spec.array = "1-10";
  array.spec.hold = true;
  ask<SubmitReply>(kAlice, array);
  const auto stats = ask<StatsReply>(kAlice, StatsQuery{});
  EXPECT_EQ(stats.submitted, 11U);
  EXPECT_EQ(stats.started, 1U);
  EXPECT_EQ(stats.running, 1U);
  EXPECT_EQ(stats.pending, 10U);
  EXPECT_GT(stats.passes, 0U);
  const auto of = [&](const std::vector<RequestCount>& all, const std::string& name) {
    const auto found = std::ranges::find(all, name, &RequestCount::name);
    return found == all.end() ? uint64_t{0} : found->count;
  };
  EXPECT_EQ(of(stats.by_type, "submit_request"), 2U);
  EXPECT_GE(of(stats.by_user, "alice"), 2U);
}

TEST_F(ControllerTest, StatsAreResetByAdministratorsAlone) {
  submit(kAlice);
  EXPECT_EQ(ask<ErrorReply>(kAlice, StatsQuery{.reset = true}).code, ErrorCode::denied);
  EXPECT_EQ(ask<StatsReply>(kRoot, StatsQuery{.reset = true}).submitted, 0U);
}

TEST_F(ControllerTest, MailLeavesAfterTheCommitAndNotWithoutIt) {
  std::vector<core::MailNote> sent;
  controller_->hub().parts.send_mail = [&sent](core::MailNote note) { sent.push_back(note); };
  SubmitRequest request = submission("#!/bin/sh\n");
  request.spec.mail_events = *parse_mail_events("END");
  const JobId job = ask<SubmitReply>(kAlice, request).job;
  CancelRequest cancel;
  cancel.filter.jobs = {job};
  send(kAlice, cancel);
  EXPECT_TRUE(sent.empty());
  finish();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to, "alice");
}

// A program that keeps what it is given.
std::string program(const gd::test::TempDir& dir, const std::string& body) {
  const std::string path = dir / "sendmail";
  EXPECT_TRUE(replace_file(path, "#!/bin/sh\n" + body, 0755).ok());
  return path;
}

TEST(MailerTest, GivesTheMailToTheProgramAsSendmailTakesIt) {
  const gd::test::TempDir dir;
  const std::string out = dir / "out";
  Mailer mailer(program(dir, "{ echo \"$@\"; cat; } >" + out + ".new; mv " + out + ".new " + out));
  ASSERT_EQ(mailer.send({"ada,bob@x.org", "Slurm Job_id=1 Name=a Ended"}), Mailer::Taken::yes);
  const Deadline deadline = Deadline::after(20s);
  while (::access(out.c_str(), F_OK) != 0 && !deadline.passed()) std::this_thread::yield();
  EXPECT_EQ(*read_file(out),
            "-i -- ada bob@x.org\nTo: ada,bob@x.org\nSubject: Slurm Job_id=1 Name=a Ended\n"
            "Auto-Submitted: auto-generated\n\n");
}

TEST(MailerTest, OnePastKMaxMailsIsDropped) {
  const gd::test::TempDir dir;
  const std::string started = dir / "started";
  const std::string go = dir / "go";
  Mailer mailer(program(dir, "touch " + started + "; until [ -e " + go + " ]; do :; done\n"));
  ASSERT_EQ(mailer.send({"a", "the first"}), Mailer::Taken::yes);
  const Deadline deadline = Deadline::after(20s);
  while (::access(started.c_str(), F_OK) != 0 && !deadline.passed()) std::this_thread::yield();
  for (size_t i = 0; i < kMaxMails; ++i) {
    ASSERT_EQ(mailer.send({"a", "waits"}), Mailer::Taken::yes) << i;
  }
  EXPECT_EQ(mailer.send({"a", "one too many"}), Mailer::Taken::no);
  ASSERT_TRUE(replace_file(go, "", 0600).ok());
}

}  // namespace
}  // namespace gd::controller::test
