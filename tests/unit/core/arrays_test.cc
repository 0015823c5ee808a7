// Arrays and dependencies, from submission to the last end.
#include "server/core/dependencies.h"
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class ArraysTest : public CoreTest {
 protected:
  JobId array(const std::string& text, const std::string& dependency = "") {
    JobSpec spec = batch_spec();
    spec.array = text;
    spec.dependency = dependency;
    return submitted(spec);
  }
  JobId depending(const std::string& dependency, const std::string& name = "job") {
    JobSpec spec = batch_spec();
    spec.dependency = dependency;
    spec.name = name;
    return submitted(spec);
  }
  JobId element(JobId array, uint32_t number) {
    const ArrayEntry* entry = cluster->find_array(array);
    const auto found = entry->singles.find(number);
    return found == entry->singles.end() ? JobId{} : found->second;
  }
  void end(JobId id, int32_t code = 0) {
    report(job(id).batch_node,
           {status(id, StepPhase::ended, EndCause::exited, ExitStatus{code, 0})});
  }
  JobsReply cancel_elements(JobId id, const std::string& elements) {
    CancelRequest request;
    request.filter.elements = {{id, parse_index_set(elements).value()}};
    return std::get<JobsReply>(run(CancelJobs{user("alice", 1001), request}).value());
  }
  std::string left(JobId id) { return job(id).array->elements.text(); }
};

TEST_F(ArraysTest, WaitsAsOneRecordAndStartsElementByElement) {
  add_node("n1", 2);
  const JobId id = array("0-999999");
  EXPECT_EQ(cluster->jobs().size(), 1u);
  EXPECT_EQ(cluster->queue().size(), 1u);
  EXPECT_EQ(pass(), 2u);
  EXPECT_EQ(cluster->jobs().size(), 3u);
  EXPECT_EQ(left(id), "2-999999");
  EXPECT_EQ(job_name_of(job(element(id, 1))), std::to_string(id.value) + "_1");
  EXPECT_EQ(job(id).state, JobState::pending);
  end(element(id, 0));
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(left(id), "3-999999");
}

TEST_F(ArraysTest, TheLastElementIsTheArraysOwnRecord) {
  add_node("n1", 4);
  const JobId id = array("1-3");
  EXPECT_EQ(pass(), 3u);
  EXPECT_EQ(left(id), "3");
  EXPECT_EQ(state(id), JobState::starting);
}

TEST_F(ArraysTest, TheLimitHoldsAndCanBeChanged) {
  add_node("n1", 8);
  const JobId id = array("1-9%2");
  EXPECT_EQ(pass(), 2u);
  EXPECT_EQ(pass(), 0u);
  EXPECT_EQ(job(id).reason, Reason::job_array_task_limit);
  JobUpdateRequest more;
  more.jobs = {id};
  more.array_limit = 5;
  must(UpdateJobs{user("alice", 1001), more});
  EXPECT_EQ(pass(), 3u);
  end(element(id, 1));
  EXPECT_EQ(pass(), 1u);
  more.array_limit = 0;
  must(UpdateJobs{user("alice", 1001), more});
  EXPECT_EQ(pass(), 3u);
}

TEST_F(ArraysTest, ElementsAreCancelledHeldAndReleasedApart) {
  add_node("n1", 1);
  const JobId id = array("0-9");
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(cancel_elements(id, "0-3").done, 2u);  // one that runs, and three in one record
  EXPECT_EQ(left(id), "4-9");
  JobControlRequest hold{{}, JobAction::hold, {}, {{id, IndexSet::of(5)}}};
  must(ControlJobs{user("alice", 1001), hold});
  EXPECT_EQ(left(id), "4,6-9");
  EXPECT_EQ(job(element(id, 5)).hold, HoldKind::user);
  JobControlRequest release{{}, JobAction::release, {id}, {}};
  must(ControlJobs{user("alice", 1001), release});
  EXPECT_EQ(job(element(id, 5)).hold, HoldKind::none);
  EXPECT_EQ(cancel_elements(id, "77").refused.size(), 1u);
  cancel(id);
  EXPECT_EQ(cluster->find_array(id)->waiting, 0u);
}

TEST_F(ArraysTest, ARetriedSubmissionIsTheSameArray) {
  JobSpec spec = batch_spec();
  spec.array = "1-5";
  const RequestId request{1, 2};
  const auto first = submit(spec, user("alice", 1001), request);
  const auto again = submit(spec, user("alice", 1001), request);
  EXPECT_EQ(std::get<Submitted>(*first).job, std::get<Submitted>(*again).job);
  EXPECT_EQ(cluster->jobs().size(), 1u);
}

TEST_F(ArraysTest, RefusesWhatIsTooLarge) {
  config->max_array_size = 11;
  restart();
  JobSpec spec = batch_spec();
  spec.array = "0-10";
  EXPECT_TRUE(submit(spec).ok());
  spec.array = "0-11";
  EXPECT_EQ(submit(spec).error().text,
            "array: element 11 asked, max_array_size is 11, so the last possible one is 10");
}

TEST_F(ArraysTest, TheFirstRecordStaysUntilTheOthersAreGone) {
  config->min_job_age = Seconds{10};
  restart();
  add_node("n1", 2);
  const JobId id = array("1-2");
  EXPECT_EQ(pass(), 2u);
  const JobId other = element(id, 1);
  end(id);
  now += config->min_job_age + Seconds{1};
  cluster->take_changes();
  must(Tick{});
  EXPECT_NE(cluster->find_job(id), nullptr);
  end(other, 3);
  now += config->min_job_age + Seconds{1};
  cluster->take_changes();
  must(Tick{});
  EXPECT_EQ(cluster->find_job(other), nullptr);
  ASSERT_NE(cluster->find_job(id), nullptr);
  EXPECT_EQ(job(id).array->gone_other, 1u);
  EXPECT_EQ(job(id).array->gone_code, 3);
  cluster->take_changes();
  must(Tick{});
  EXPECT_TRUE(cluster->jobs().empty());
}

TEST_F(ArraysTest, ADependantStartsWhenItsJobCompletes) {
  add_node("n1", 4);
  const JobId first = running(batch_spec());
  const JobId ok = depending("afterok:" + std::to_string(first.value));
  const JobId bad = depending("afternotok:" + std::to_string(first.value));
  EXPECT_EQ(job(ok).reason, Reason::dependency);
  EXPECT_EQ(pass(), 0u);
  end(first);
  EXPECT_EQ(job(ok).reason, Reason::priority);
  EXPECT_EQ(job(bad).reason, Reason::dependency_never_satisfied);
  EXPECT_EQ(pass(), 1u);
}

TEST_F(ArraysTest, UnknownJobsCountAsSatisfied) {
  add_node("n1", 4);
  EXPECT_EQ(job(depending("afterok:4711")).reason, Reason::priority);
  JobSpec spec = batch_spec();
  spec.dependency = "afterok:x";
  EXPECT_TRUE(submit(spec).error().text.starts_with("dependency"));
}

TEST_F(ArraysTest, WhatCannotBeSatisfiedEndsIfItsUserSaidSo) {
  add_node("n1", 4);
  const JobId first = running(batch_spec());
  JobSpec spec = batch_spec();
  spec.dependency = "afterok:" + std::to_string(first.value);
  spec.kill_on_invalid_dependency = true;
  const JobId second = submitted(spec);
  const JobId third = depending("afterany:" + std::to_string(second.value));
  end(first, 1);
  EXPECT_EQ(state(second), JobState::cancelled);
  EXPECT_EQ(job(third).reason, Reason::priority);  // in the same turn
}

TEST_F(ArraysTest, AfterAnArrayMeansAfterAllOfIt) {
  add_node("n1", 4);
  const JobId id = array("1-2");
  EXPECT_EQ(pass(), 2u);
  const JobId all = depending("afterok:" + std::to_string(id.value));
  const JobId one = depending("afterok:" + std::to_string(id.value) + "_1");
  end(element(id, 1));
  EXPECT_EQ(job(one).reason, Reason::priority);
  EXPECT_EQ(job(all).reason, Reason::dependency);
  end(element(id, 2), 1);
  EXPECT_EQ(job(all).reason, Reason::dependency_never_satisfied);
}

TEST_F(ArraysTest, AftercorrGoesElementByElement) {
  add_node("n1", 2);
  const JobId id = array("1-3");
  EXPECT_EQ(pass(), 2u);
  const JobId next = array("1-4", "aftercorr:" + std::to_string(id.value));
  EXPECT_EQ(job(element(next, 4)).reason, Reason::priority);  // it has no fellow
  EXPECT_EQ(left(next), "1-3");
  end(element(id, 1));
  EXPECT_EQ(job(element(next, 1)).reason, Reason::priority);
  end(element(id, 2), 1);
  EXPECT_EQ(job(element(next, 2)).reason, Reason::dependency_never_satisfied);
  EXPECT_EQ(left(next), "3");
}

TEST_F(ArraysTest, SingletonsRunOneAfterTheOther) {
  add_node("n1", 4);
  const JobId first = depending("singleton", "same");
  const JobId second = depending("singleton", "same");
  const JobId other = depending("singleton", "other");
  EXPECT_EQ(job(first).reason, Reason::priority);
  EXPECT_EQ(job(second).reason, Reason::dependency);
  EXPECT_EQ(job(other).reason, Reason::priority);
  EXPECT_EQ(pass(), 2u);
  end(first);
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(state(second), JobState::starting);
}

TEST_F(ArraysTest, AfterCountsMinutesFromTheStart) {
  add_node("n1", 4);
  const JobId first = submitted(batch_spec());
  const JobId later = depending("after:" + std::to_string(first.value) + "+10");
  EXPECT_EQ(pass(), 1u);
  EXPECT_EQ(job(later).reason, Reason::dependency);
  EXPECT_EQ(next_timer(*cluster, now).value() <= now + Seconds{600}, true);
  now += Seconds{600};
  must(Tick{});
  EXPECT_EQ(job(later).reason, Reason::priority);
}

TEST_F(ArraysTest, DependenciesOfWaitingJobsCanBeChanged) {
  add_node("n1", 4);
  const JobId first = running(batch_spec());
  const JobId second = depending("afterok:" + std::to_string(first.value));
  JobUpdateRequest request;
  request.jobs = {second};
  request.dependency = "afterok:" + std::to_string(second.value);
  EXPECT_EQ(std::get<JobsReply>(run(UpdateJobs{user("alice", 1001), request}).value()).done, 0u);
  request.dependency = "";
  must(UpdateJobs{user("alice", 1001), request});
  EXPECT_EQ(job(second).reason, Reason::priority);
}

// 4 waits for 3, 3 for 2, and 2 would wait for 4; likewise by way of an array, of one element of
// it, and of an earlier job of the same name.
TEST_F(ArraysTest, DependenciesThatComeBackToTheJobAreRefused) {
  add_node("n1", 4);
  const auto text = [](JobId id) { return std::to_string(id.value); };
  const auto refusal = [&](JobId id, const std::string& dependency) {
    JobUpdateRequest request;
    request.jobs = {id};
    request.dependency = dependency;
    const auto reply = std::get<JobsReply>(run(UpdateJobs{user("alice", 1001), request}).value());
    return reply.refused.empty() ? "" : reply.refused.front().text;
  };
  const JobId first = running(batch_spec());
  const JobId second = depending("afterok:" + text(first));
  const JobId third = depending("afterok:" + text(second));
  const JobId fourth = depending("after:" + text(third) + "?afterany:" + text(first));
  EXPECT_EQ(refusal(second, "afterok:" + text(fourth)),
            "dependency: job " + text(second) + " would wait for itself: " + text(second) + " -> " +
                text(fourth) + " -> " + text(third) + " -> " + text(second));
  EXPECT_EQ(job(second).dependency.terms.front().job, first);
  EXPECT_EQ(refusal(fourth, "afterok:" + text(second)), "");  // the same way twice is no circle

  JobSpec spec = batch_spec();
  spec.array = "0-3";
  spec.dependency = "afterok:" + text(third);
  const JobId array = submitted(spec);
  EXPECT_NE(refusal(second, "afterany:" + text(array)).find("wait for itself"), std::string::npos);
  EXPECT_NE(refusal(second, "aftercorr:" + text(array) + "_2").find("wait for itself"),
            std::string::npos);
  EXPECT_EQ(refusal(second, "afterok:" + text(array) + "_9"), "");  // nobody has that element

  spec = batch_spec();
  spec.name = "solo";
  spec.hold = true;
  const JobId held = submitted(spec);
  spec.hold = false;
  spec.dependency = "singleton";
  const JobId alone = submitted(spec);
  EXPECT_NE(refusal(held, "afterok:" + text(alone)).find("wait for itself"), std::string::npos);
}

TEST_F(ArraysTest, AWalkThroughTooManyThatWaitIsRefused) {
  JobSpec spec = batch_spec();
  spec.name = "many";
  const JobId self = submitted(batch_spec());
  JobRecord other = job(submitted(spec));
  while (cluster->jobs().size() <= kMaxDependencyWalk) {
    other.id = JobId{other.id.value + 1};
    cluster->restore(JobRecord(other));
  }
  cluster->restore(Counters{.job = other.id.value + 1});
  spec.dependency = "singleton";
  const JobId last = submitted(spec);
  JobUpdateRequest request;
  request.jobs = {self};
  request.dependency = "afterok:" + std::to_string(last.value);
  const auto reply = std::get<JobsReply>(run(UpdateJobs{user("alice", 1001), request}).value());
  ASSERT_EQ(reply.refused.size(), 1u);
  EXPECT_NE(reply.refused.front().text.find("for more than 10000"), std::string::npos);
}

}  // namespace
}  // namespace gd::core
