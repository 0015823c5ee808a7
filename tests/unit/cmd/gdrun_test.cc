// Where gdrun's streams go: plans and names of files, and labelled lines.
#include "cmd/gdrun.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "cmd/line_labels.h"

namespace gd::cmd {
namespace {

TEST(PlanFiles, AllAndTheOneTaskAreOnesOwnStreams) {
  for (const char* word : {"", "all", "0", "00"}) {
    EXPECT_EQ(plan_files({.output = word}).value(), FilePlan{}) << word;
  }
}

TEST(PlanFiles, TheErrorGoesWhereTheOutputGoesUnlessItIsNamed) {
  const StreamPlan file{StreamTarget::file, "x%j"};
  const FilePlan joined = plan_files({.output = "x%j"}).value();
  EXPECT_EQ(joined.output, file);
  EXPECT_EQ(joined.error, file);
  EXPECT_EQ(plan_files({.output = "x%j", .error = "all"})->error, StreamPlan{});
  EXPECT_EQ(plan_files({.output = "none"})->error.target, StreamTarget::none);
  EXPECT_EQ(plan_files({.error = "x%j"})->output, StreamPlan{});
  EXPECT_TRUE(joined.has_pattern());
  EXPECT_FALSE(plan_files({.input = "x", .output = "none"})->has_pattern());
}

TEST(PlanFiles, ATaskThatIsNotThereIsRefused) {
  EXPECT_EQ(plan_files({.input = "1"}).error().text,
            "--input=1: there is no such task, 0 is the only one; a file of that name is ./1");
  EXPECT_EQ(plan_files({.input = "./1"})->input.pattern, "./1");
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
  job.steps.push_back({.id = StepId{3}, .node = "n2.lab"});
  EXPECT_EQ(expand_pattern("%j.%s %J %n %N %t %u %x", pattern_values(job, StepId{3})),
            "7.3 7.3 1 n2 0 ann fit");
  EXPECT_EQ(expand_pattern("%J %n %N", pattern_values(job, kInteractiveStep)), "7.0 0 n1");
}

TEST(PatternValues, OfAnArraysElement) {
  JobRecord job = job_on({"n1"});
  job.array = ArrayPart{.array = JobId{5}, .elements = IndexSet::of(4)};
  EXPECT_EQ(expand_pattern("%A_%a-%j", pattern_values(job, StepId{0})), "5_4-7");
}

TEST(OpenFiles, OneFileForBothStreamsIsOpenedOnce) {
  const std::string path = testing::TempDir() + "gdrun_test.out";
  const FilePlan plan = plan_files({.output = path}).value();
  for (int round = 0; round < 2; ++round) {  // the second truncates what the first has written
    const Result<RunFiles> files = open_files(plan, {});
    ASSERT_TRUE(files.ok());
    EXPECT_FALSE(files->input.valid());
    ASSERT_TRUE(write_all(files->output.get(), "out", "test").ok());
    ASSERT_TRUE(write_all(files->error.get(), "err", "test").ok());
    EXPECT_EQ(read_file(path).value(), "outerr");
  }
  (void)::unlink(path.c_str());
  EXPECT_EQ(open_files(plan_files({.input = "/no/such"}).value(), {}).error().code,
            ErrorCode::not_found);
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

}  // namespace
}  // namespace gd::cmd
