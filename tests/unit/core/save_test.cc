// Jobs whose container is saved at their end: what they are meanwhile, and what is told of it.
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class SaveTest : public CoreTest {};

TEST_F(SaveTest, AJobIsCompletingWhileItsContainerIsSavedAndKeepsWhatCameOfIt) {
  add_node("n1", 4);
  JobSpec spec = batch_spec();
  spec.image.name = "debian:12";
  spec.image.save = "tools-%j.sqsh";
  const JobId id = running(spec);
  StepStatus saving = status(id, StepPhase::running, EndCause::exited, {3, 0});
  saving.receipt = {.image = "docker.io/library/debian:12", .digest = "sha256:1", .facts = {"n1"}};
  report("n1", {saving});
  EXPECT_EQ(state(id), JobState::running);
  saving.waits = "the container is saved as /home/alice/tools.sqsh";
  report("n1", {saving});
  EXPECT_EQ(state(id), JobState::completing);
  EXPECT_EQ(job(id).end_as, JobState::failed);
  EXPECT_EQ(find_step(job(id), kBatchStep)->state, StepState::running);
  report("n1", {saving});  // told again, nothing is new
  const auto orders = next_orders(*cluster, "n1");
  EXPECT_TRUE(!orders || orders->orders.ends.empty()) << "it may go on";
  now += 10s;
  StepStatus saved = status(id, StepPhase::ended, EndCause::exited, {3, 0});
  saved.receipt = saving.receipt;
  saved.receipt.facts.emplace_back("container saved as /home/alice/tools.sqsh, 1 bytes");
  report("n1", {saved});
  EXPECT_EQ(state(id), JobState::failed);
  EXPECT_EQ(job(id).reason, Reason::non_zero_exit);
  EXPECT_EQ(job(id).exit, (ExitStatus{3, 0}));
  EXPECT_EQ(received(job(id)), saved.receipt);
}

TEST_F(SaveTest, AJobThatIsCancelledWhileItIsSavedIsToldToEnd) {
  add_node("n1", 4);
  JobSpec spec = batch_spec();
  spec.image.save = "tools.sqsh";
  const JobId id = running(spec);
  StepStatus saving = status(id, StepPhase::running);
  saving.waits = "the container is saved";
  report("n1", {saving});
  cancel(id);
  const auto orders = next_orders(*cluster, "n1");
  ASSERT_TRUE(orders.has_value());
  EXPECT_EQ(orders->orders.ends.size(), 1u);
  report("n1", {status(id, StepPhase::ended)});
  EXPECT_EQ(state(id), JobState::cancelled);
}

TEST_F(SaveTest, ALossWhileItIsSavedIsToldInTheJobsRecord) {
  add_node("n1", 4);
  JobSpec spec = batch_spec();
  spec.image.save = "tools.sqsh";
  const auto saving = [&] {
    const JobId id = running(spec);
    StepStatus told = status(id, StepPhase::running);
    told.receipt = {.image = "docker.io/library/debian:12", .digest = "", .facts = {"n1"}};
    told.waits = "the container is saved";
    report("n1", {told});
    return id;
  };
  const JobId first = saving();
  StepStatus lost = status(first, StepPhase::ended, EndCause::lost);
  lost.error = "its shepherd is gone";
  report("n1", {lost});
  EXPECT_EQ(state(first), JobState::completed) << "its script has ended well";
  EXPECT_EQ(received(job(first)).facts.back(), "container not saved: its shepherd is gone");
  const JobId second = saving();
  add_node("n1", 4, "boot-2");
  EXPECT_EQ(state(second), JobState::completed);
  EXPECT_TRUE(received(job(second)).facts.back().starts_with("container not saved: "));
}

TEST_F(SaveTest, WhatIsNoContainerOfAnImageIsNotSaved) {
  add_node("n1", 4);
  JobSpec spec = batch_spec();
  spec.image.name = "debian:12";
  for (const char* name : {"a.sqsh", "/x/%j.squashfs", "a.tar", "a.oci.tar"}) {
    spec.image.save = name;
    EXPECT_TRUE(submit(spec).ok()) << name;
  }
  for (const char* name : {"a", "a.zip", ".tar", "x/.sqsh", "a.tar/", "a\n.tar"}) {
    spec.image.save = name;
    EXPECT_FALSE(submit(spec).ok()) << name;
  }
  const auto said = [&](JobSpec changed) {
    changed.image.save = "a.tar";
    return submit(changed).error().text;
  };
  JobSpec other = spec;
  other.image.name = "host";
  EXPECT_EQ(said(other), "container save: image host: the host and directories are not saved");
  other.image.name = "/srv/images/debian";
  EXPECT_NE(said(other).find("directories are not saved"), std::string::npos);
  other = spec;
  other.image.read_only = true;
  EXPECT_EQ(said(other), "container save: nothing is written to a read-only container");
  other = spec;
  other.kind = JobKind::allocation;
  EXPECT_NE(said(other).find("an allocation has no program"), std::string::npos);
}

}  // namespace
}  // namespace gd::core
