// Where gdrun's streams go: plans and names of files, and labelled lines.
#include "cmd/gdrun.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cmd/gdalloc.h"
#include "cmd/line_labels.h"
#include "cmd/step_session.h"

namespace gd::cmd {
namespace {

TEST(PlanFiles, AllAreOnesOwnStreams) {
  for (const char* word : {"", "all"}) {
    EXPECT_EQ(plan_files({.output = word}).value(), FilePlan{}) << word;
  }
}

TEST(PlanFiles, TheErrorGoesWhereTheOutputGoesUnlessItIsNamed) {
  const StreamPlan file{.target = StreamTarget::file, .pattern = "x%j"};
  const FilePlan joined = plan_files({.output = "x%j"}).value();
  EXPECT_EQ(joined.output, file);
  EXPECT_EQ(joined.error, file);
  EXPECT_EQ(plan_files({.output = "x%j", .error = "all"})->error, StreamPlan{});
  EXPECT_EQ(plan_files({.output = "none"})->error.target, StreamTarget::none);
  EXPECT_EQ(plan_files({.error = "x%j"})->output, StreamPlan{});
  EXPECT_TRUE(joined.has_pattern());
  EXPECT_FALSE(plan_files({.input = "x", .output = "none"})->has_pattern());
}

TEST(PlanFiles, ANumberIsATask) {
  EXPECT_EQ(plan_files({.input = "1"})->input.only, 1u);
  EXPECT_EQ(plan_files({.input = "1"})->input.target, StreamTarget::own);
  EXPECT_EQ(plan_files({.input = "./1"})->input.pattern, "./1");
  EXPECT_EQ(plan_files({.input = "in-%t"}).error().code, ErrorCode::usage);
  EXPECT_FALSE(plan_files({.output = "99999999999"}).ok());
}

TEST(PlanFiles, ATerminalHasNoFilesBesideIt) {
  RunOptions options{.pty = true};
  EXPECT_TRUE(to_file_plan(options).ok());
  options.files.open_mode = OpenMode::append;
  EXPECT_TRUE(to_file_plan(options).ok());
  options.files.error = "x";
  EXPECT_FALSE(to_file_plan(options).ok());
  options.files.error.clear();
  options.label = true;
  EXPECT_FALSE(to_file_plan(options).ok());
}

JobRecord job_on(std::initializer_list<const char*> nodes) {
  auto spec = std::make_shared<JobSpec>();
  spec->name = "fit";
  JobRecord job;
  job.id = JobId{7};
  job.user = "ann";
  job.spec = spec;
  for (const char* node : nodes) job.nodes.push_back({.node = node});
  job.batch_node = job.nodes[0].node;
  return job;
}

TEST(PatternValues, OfAStepItsNumberAndItsNode) {
  JobRecord job = job_on({"n1.lab", "n2.lab"});
  EXPECT_EQ(expand_pattern("%j.%s %J %u %x", pattern_values(job, StepId{3})), "7.3 7.3 ann fit");
  EXPECT_EQ(expand_pattern("%J", pattern_values(job, kInteractiveStep)), "7.0");
}

TEST(PatternValues, OfAnArraysElement) {
  JobRecord job = job_on({"n1"});
  job.array = ArrayPart{.array = JobId{5}, .elements = IndexSet::of(4)};
  EXPECT_EQ(expand_pattern("%A_%a-%j", pattern_values(job, StepId{0})), "5_4-7");
}

std::vector<TaskPlace> four_tasks_on_two_nodes() {
  return task_places({{.node = "n1.lab", .tasks = 2}, {.node = "n2.lab", .tasks = 2}}, false);
}

TEST(TaskPlaces, AreInTheOrderOfTheirNumbers) {
  const std::vector<StepAccess> nodes = {{.node = "a", .tasks = 1}, {.node = "b", .tasks = 3}};
  std::string block;
  std::string cyclic;
  for (const TaskPlace& place : task_places(nodes, false)) block += place.node;
  for (const TaskPlace& place : task_places(nodes, true)) cyclic += place.node;
  EXPECT_EQ(block, "abbb");
  EXPECT_EQ(cyclic, "abbb");
  const auto even = task_places({{.node = "a", .tasks = 2}, {.node = "b", .tasks = 2}}, true);
  EXPECT_EQ(even[1].node, "b");
  EXPECT_EQ(even[1].node_index, 1u);
}

class TaskOutputTest : public testing::Test {
 protected:
  TaskOutputTest() {
    folder_ = testing::TempDir() + "gdrun_test_" + std::to_string(::getpid());
    EXPECT_TRUE(make_directories(folder_, 0755).ok());
  }
  ~TaskOutputTest() override { (void)remove_tree(folder_).ok(); }

  Result<TaskOutput> open(const FileOptions& files, OutputMode mode = OutputMode::raw) {
    return TaskOutput::open(plan_files(files).value(), {.job = JobId{7}}, four_tasks_on_two_nodes(),
                            mode);
  }
  // What each task says ends in the files at once: they are not waited for.
  void say_all(TaskOutput& output) {
    output.start(*poller_);
    for (size_t task = 0; task < 4; ++task) {
      output.add(task, StreamId::output, "out" + std::to_string(task) + "\n");
      output.add(task, StreamId::error, "err" + std::to_string(task));
      output.end(task);
    }
    EXPECT_TRUE(output.idle());
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string text(const std::string& name) const { return read_file(path(name)).value(); }

  std::string folder_;
  std::unique_ptr<Poller> poller_ = Poller::create().take();
};

TEST_F(TaskOutputTest, OneFileForAllOfThemIsOpenedOnceAndTruncatedOnce) {
  for (int round = 0; round < 2; ++round) {
    Result<TaskOutput> output = open({.output = path("all-%j")});
    ASSERT_TRUE(output.ok());
    say_all(*output);
    EXPECT_EQ(text("all-7"), "out0\nerr0out1\nerr1out2\nerr2out3\nerr3");
  }
}

TEST_F(TaskOutputTest, NamesByTaskAndByNode) {
  Result<TaskOutput> output =
      open({.output = path("%t"), .error = path("%N-%n")}, OutputMode::labels);
  ASSERT_TRUE(output.ok());
  say_all(*output);
  EXPECT_EQ(text("3"), "3: out3\n");
  EXPECT_EQ(text("n2-1"), "2: err2\n3: err3\n");
}

TEST_F(TaskOutputTest, OneTaskOnlyAndNone) {
  Result<TaskOutput> output = open({.output = path("x"), .error = "none"});
  ASSERT_TRUE(output.ok());
  say_all(*output);
  EXPECT_EQ(text("x"), "out0\nout1\nout2\nout3\n");
  EXPECT_EQ(open({.output = "4"}).error().text,
            "--output=4: there is no such task, the step has 4, counted from 0; a file of that "
            "name is ./4");
  EXPECT_EQ(open({.input = "/no/such"}).error().code, ErrorCode::not_found);
}

TEST(TaskLabel, IsAsWideAsTheHighest) {
  EXPECT_EQ(task_label(0, 1), "0: ");
  EXPECT_EQ(task_label(9, 10), "9: ");
  EXPECT_EQ(task_label(9, 11), " 9: ");
  EXPECT_EQ(task_label(100, 101), "100: ");
}

TEST(TaskEndText, IsAsSrunHasIt) {
  EXPECT_EQ(task_end_text("n1", {3}, {.code = 0}), "");
  EXPECT_EQ(task_end_text("n1", {3}, {.code = 2}), "n1: task 3: Exited with exit code 2");
  EXPECT_EQ(task_end_text("n1", {0, 1, 2, 5}, {.signal = 9}), "n1: tasks 0-2,5: Killed");
}

TEST(Inherit, WhatTheScriptWasGivenUnlessSaidOtherwise) {
  const std::map<std::string, std::string> all = {{"SLURM_NTASKS", "4"},
                                                  {"SLURM_NTASKS_PER_NODE", "2"}};
  const auto get = [&](const char* name) -> std::optional<std::string> {
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  };
  RunOptions none;
  ASSERT_TRUE(inherit(none, get).ok());
  EXPECT_EQ(none.job.spec.tasks, 4u);
  RunOptions said;
  said.job.spec.tasks_per_node = 1;
  ASSERT_TRUE(inherit(said, get).ok());
  EXPECT_FALSE(said.job.spec.tasks.has_value());
  RunOptions wrong;
  EXPECT_EQ(inherit(wrong, [](const char*) { return std::optional<std::string>("x"); }).ok(),
            false);
}

TEST(AllocationEnvironment, SaysWhatIsHeldAndReplacesWhatWasThere) {
  JobRecord job = job_on({"n1", "n2"});
  for (NodeShare& share : job.nodes) share.held.cpus = 4;
  job.partition = "batch";
  const std::vector<std::string> env =
      allocation_environment(job, "lab", {"SLURM_JOB_ID=1", "PATH=/bin", "SLURM_JOB_IDX=2"});
  const auto has = [&](const char* entry) { return std::ranges::count(env, entry) == 1; };
  EXPECT_TRUE(has("PATH=/bin") && has("SLURM_JOB_ID=7") && has("SLURM_JOB_IDX=2"));
  EXPECT_TRUE(has("SLURM_JOB_NODELIST=n[1-2]") && has("SLURM_JOB_CPUS_PER_NODE=4(x2)"));
  EXPECT_FALSE(has("SLURM_JOB_ID=1"));
  for (const std::string& entry : env) EXPECT_FALSE(entry.starts_with("SLURM_NTASKS=")) << entry;
}

TEST(LineLabels, LinesLeaveWhole) {
  LineLabels labels("0: ");
  EXPECT_EQ(labels.take("a"), "");
  EXPECT_EQ(labels.take("b\n\nc"), "0: ab\n0: \n");
  EXPECT_EQ(labels.finish(), "0: c\n");
  EXPECT_EQ(labels.finish(), "");
}

TEST(LineLabels, ALineAboveTheLimitLeavesInPiecesBehindOneLabel) {
  LineLabels labels("0: ");
  const std::string most(LineLabels::kMaxHeldLine, 'x');
  EXPECT_EQ(labels.take(most), "");
  EXPECT_EQ(labels.take("y"), "0: " + most + "y");
  EXPECT_EQ(labels.take("z\nnext\n"), "z\n0: next\n");
  EXPECT_EQ(labels.finish(), "");
  EXPECT_EQ(labels.take(most + "y"), "0: " + most + "y");
  EXPECT_EQ(labels.finish(), "\n");
}

TEST(LineLabels, WithoutALabelLinesAreOnlyKeptWhole) {
  LineLabels lines("");
  EXPECT_EQ(lines.take("a\nb"), "a\n");
  EXPECT_EQ(lines.finish(), "b");
}

}  // namespace
}  // namespace gd::cmd
