// The trace of a cluster's jobs: each field, what is said to be lost, and that gdsim's own
// reader takes it back in tests/cli and tests/unit/gdsim.
#include "cmd/export_swf.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gd::cmd {
namespace {

TimePoint at(int64_t seconds) {
  return TimePoint{Seconds{1'700'000'000 + seconds}};
}

JobRecord job_of(uint32_t id, const std::string& user, JobSpec spec) {
  JobRecord job;
  job.id = JobId{id};
  job.user = user;
  job.group = "users";
  job.spec = std::make_shared<const JobSpec>(std::move(spec));
  job.partition = "batch";
  job.state = JobState::completed;
  return job;
}

NodeView node_of(uint32_t cpus, uint64_t memory) {
  NodeView node;
  node.usable = {cpus, memory, {}};
  return node;
}

// What stands after the head.
std::vector<std::string> jobs_of(const std::string& text) {
  std::vector<std::string> jobs;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty() && line[0] != ';') jobs.emplace_back(line);
  }
  return jobs;
}

TEST(ExportSwf, EachFieldOfAJobThatRan) {
  JobRecord job = job_of(42, "alice", {.name = "fit", .tasks = 4});
  job.submit_time = at(0);
  job.eligible_time = at(100);  // --begin
  job.start_time = at(130);
  job.end_time = at(190) + 1ms;
  job.time_limit = Seconds{3600};
  job.nodes = {{.node = "n1", .held = {4, 8192, {}}}};
  StepRecord step;
  step.usage = {.cpu_user_ms = 200'000, .cpu_system_ms = 40'000, .memory_peak_mib = 1024};
  job.steps = {step};
  SwfExport trace;
  trace.add(job);
  EXPECT_EQ(jobs_of(trace.text("c", {})),
            (std::vector<std::string>{"42 0 30 61 4 60 262144 4 3600 2097152 1 1 1 1 1 -1 -1 -1"}));
  EXPECT_TRUE(trace.notes().empty());
}

TEST(ExportSwf, TheHeadSaysWhatMachineItWas) {
  JobRecord job = job_of(1, "alice", {.name = "a"});
  job.submit_time = job.start_time = at(0);
  job.end_time = at(5);
  job.time_limit = Seconds{60};
  SwfExport trace;
  trace.add(job);
  const std::vector<NodeView> nodes{node_of(16, 65536), node_of(4, 1000), node_of(16, 65536),
                                    node_of(0, 0)};
  const std::string text = trace.text("tiny", nodes);
  EXPECT_TRUE(
      text.starts_with("; Version: 2.2\n; Computer: tiny\n; UnixStartTime: 1700000000\n"
                       "; MaxJobs: 1\n; MaxRecords: 1\n; MaxNodes: 4\n; MaxProcs: 36\n"
                       "; NodeClasses: 2x16x64G,1x4x1000M\n; Queue: 1 batch\n"))
      << text;
  EXPECT_EQ(node_classes({}), "");
}

TEST(ExportSwf, ByTheTimeAtWhichTheyCouldStartAndWithNumbersForNames) {
  SwfExport trace;
  for (const auto& [id, user, when] :
       {std::tuple{7U, "bob", 50}, std::tuple{8U, "alice", 20}, std::tuple{9U, "bob", 20}}) {
    JobRecord job = job_of(id, user, {.name = "same"});
    job.submit_time = at(when);
    job.start_time = at(when + 1);
    job.end_time = job.start_time;  // in no time: a second, or it would not have run
    job.time_limit = Seconds{60};
    trace.add(job);
  }
  EXPECT_EQ(jobs_of(trace.text("c", {})),
            (std::vector<std::string>{"8 0 1 1 1 0 -1 1 60 -1 1 2 1 1 1 -1 -1 -1",
                                      "9 0 1 1 1 0 -1 1 60 -1 1 1 1 1 1 -1 -1 -1",
                                      "7 30 1 1 1 0 -1 1 60 -1 1 1 1 1 1 -1 -1 -1"}));
}

TEST(ExportSwf, WhatNeverRanHasNoRunAndWhatRunsIsNotThere) {
  JobRecord never = job_of(1, "alice", {.name = "a"});
  never.state = JobState::cancelled;
  never.submit_time = at(0);
  never.partition.clear();
  JobRecord failed = job_of(2, "alice", {.name = "a"});
  failed.state = JobState::timeout;
  failed.submit_time = failed.start_time = at(0);
  failed.end_time = at(60);
  JobRecord running = job_of(3, "alice", {.name = "a"});
  running.state = JobState::running;
  SwfExport trace;
  for (const JobRecord& job : {never, failed, running}) trace.add(job);
  EXPECT_EQ(trace.size(), 2U);
  const std::vector<std::string> jobs = jobs_of(trace.text("c", {}));
  EXPECT_EQ(jobs[0], "1 0 -1 -1 -1 -1 -1 1 -1 -1 5 1 1 1 1 -1 -1 -1");
  EXPECT_EQ(jobs[1], "2 0 0 60 1 0 -1 1 -1 -1 0 1 1 1 2 -1 -1 -1");
}

TEST(ExportSwf, WhatTheFormatHasNoFieldForIsCounted) {
  JobSpec spec{.name = "a", .nodes_min = 2, .gres_per_node = {{"gpu", "", 1}}, .constraint = "ssd"};
  spec.licences = {{"matlab", "", 1}};
  spec.dependency = "afterok:3";
  spec.reservation = "class";
  JobRecord job = job_of(1, "alice", spec);
  job.submit_time = job.start_time = at(0);
  job.end_time = at(9);
  SwfExport trace;
  trace.add(job);
  trace.add(job);
  EXPECT_EQ(trace.notes(), (std::vector<std::string>{
                               "2 jobs asked for gres, which a trace cannot say",
                               "2 jobs asked for licences, which a trace cannot say",
                               "2 jobs named nodes or features, which a trace cannot say",
                               "2 jobs asked for several or whole nodes, which a trace cannot say",
                               "2 jobs waited for other jobs, which a trace cannot say",
                               "2 jobs ran in a reservation, which a trace cannot say",
                               "2 jobs had no time limit, which a trace cannot say"}));
  EXPECT_NE(trace.text("c", {}).find("; Note: 2 jobs asked for gres"), std::string::npos);
}

}  // namespace
}  // namespace gd::cmd
