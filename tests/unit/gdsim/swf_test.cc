// The trace format: what is read of a line, what is left out, what is refused.
#include "gdsim/swf.h"

#include <gtest/gtest.h>

#include "gdsim/workload.h"

namespace gd::sim {
namespace {

constexpr char kHead[] = "; MaxNodes: 7\n; MaxProcs: 16\n";

std::string refusal(std::string_view text) {
  const Result<Trace> trace = parse_swf(text);
  return trace.ok() ? "accepted" : trace.error().text;
}

TEST(Swf, ReadsWhatTheRulesSay) {
  const Result<Trace> trace = parse_swf(std::string(kHead) +
                                        "1 50 -1 30 4 -1 -1 8 100 -1 1 3 3\n"   // asked: 8
                                        "2 20 -1 30 4 -1 -1 -1 100 -1 1 4 3\n"  // used: 4
                                        "3 20 -1 30 4 -1 -1 4 -1 -1 1 4 3\n"    // no limit: the run
                                        "4 60 -1 300 4 -1 -1 4 100\n"           // cut to the limit
                                        "5 70 -1 0 4 -1 -1 4 100\n"             // no run
                                        "6 70 -1 10 -1 -1 -1 -1 100\n"          // no processors
                                        "\n; a remark\n");
  ASSERT_TRUE(trace.ok()) << trace.error().text;
  EXPECT_EQ(trace->processors, 16U);
  EXPECT_EQ(trace->left_out, 2U);
  ASSERT_EQ(trace->jobs.size(), 4U);
  const auto is = [&](size_t at, int64_t id, uint32_t processors, int run, int limit) {
    const TraceJob& job = trace->jobs[at];
    EXPECT_EQ(job.id, id);
    EXPECT_EQ(job.processors, processors) << id;
    EXPECT_EQ(job.run, Seconds{run}) << id;
    EXPECT_EQ(job.limit, Seconds{limit}) << id;
  };
  is(0, 2, 4, 30, 100);  // by submission, equal ones as in the file
  is(1, 3, 4, 30, 30);
  is(2, 1, 8, 30, 100);
  is(3, 4, 4, 100, 100);
  EXPECT_EQ(trace->jobs[0].user, 4U);
  EXPECT_EQ(trace->jobs[3].user, 0U);
}

TEST(Swf, MaxNodesServesWhereMaxProcsIsMissing) {
  EXPECT_EQ(parse_swf("; MaxNodes: 7\n")->processors, 7U);
  EXPECT_EQ(parse_swf("; nothing\n")->processors, 0U);
}

TEST(Swf, RefusesWithTheLine) {
  EXPECT_EQ(refusal("; MaxProcs: 4\n1 2 3 x 5 6 7 8 9\n"), "line 2: 'x' is not a number");
  EXPECT_EQ(refusal("1 2 3 4\n"), "line 1: 4 numbers, 9 are needed for a job");
  EXPECT_EQ(refusal("1 2 3 1e300 5 6 7 8 9\n"), "line 1: '1e300' is not a number");
  EXPECT_EQ(refusal("1 2 3 nan 5 6 7 8 9\n"), "line 1: 'nan' is not a number");
}

TEST(Swf, TheLimitIsOfJobsThatAreKept) {
  EXPECT_LE(kMaxTraceJobs * sizeof(TraceJob), size_t{1} << 30);
  const std::string two = "1 0 -1 0 1 -1 -1 1 9\n2 0 -1 5 1 -1 -1 1 9\n3 0 -1 5 1 -1 -1 1 9\n";
  EXPECT_TRUE(parse_swf(two, 2).ok());
  EXPECT_EQ(parse_swf(two, 1).error().text, "more than 1 jobs in a trace");
}

// As gdctl export swf writes it.
TEST(Swf, AClustersOwnTraceBringsItsMachine) {
  const Result<Trace> trace = parse_swf(
      "; MaxNodes: 3\n; MaxProcs: 36\n; NodeClasses: 2x16x64G,1x4x1000M\n; Queue: 1 batch\n"
      "42 0 30 61 4 60 262144 4 3600 2097152 1 1 1 1 1 -1 -1 -1\n"
      "43 5 0 61 16 60 262144 16 3600 -1 1 1 1 1 1 -1 -1 -1\n"
      "44 5 0 61 36 60 262144 36 3600 4194304 1 1 1 1 1 -1 -1 -1\n");
  ASSERT_TRUE(trace.ok()) << trace.error().text;
  EXPECT_EQ(trace->classes, "2x16x64G,1x4x1000M");
  EXPECT_EQ(trace->jobs[0].memory_mib, 2048U);
  EXPECT_EQ(trace->jobs[1].memory_mib, 0U);
  const std::vector<NodeClass> classes = parse_node_classes(trace->classes).take();
  const Workload workload = workload_of(*trace, classes).take();
  EXPECT_EQ(workload.keys[0].need.memory_per_cpu_mib, 2048U);
  EXPECT_EQ(workload.keys[1].need.memory_per_node_mib, 0U);
  EXPECT_EQ(workload.keys[2].need.memory_per_cpu_mib, 250U);  // cut: the small node has no more
  // Where the nodes' memory is not said, none is asked for.
  EXPECT_EQ(workload_of(*trace, {{3, 12, 0}})->keys[0].need.memory_per_node_mib, 0U);
}

TEST(Swf, TheHeadsWordForTheMachineHasALimit) {
  const std::string most(kMaxClassesBytes, '1');
  EXPECT_EQ(parse_swf("; NodeClasses: " + most + "\n")->classes, most);
  EXPECT_EQ(parse_swf("; NodeClasses: " + most + "1\n")->classes, "");
}

TEST(Workload, NodeClasses) {
  const auto classes = parse_node_classes("20x8x32G,48x16");
  ASSERT_TRUE(classes.ok());
  EXPECT_EQ((*classes)[0].count, 20U);
  EXPECT_EQ((*classes)[0].memory_mib, 32'768U);
  EXPECT_EQ((*classes)[1].cpus, 16U);
  EXPECT_EQ(parse_node_classes("64").error().text,
            "'64' is not COUNTxCPUS or COUNTxCPUSxMEMORY, such as 64x32x128G");
  EXPECT_FALSE(parse_node_classes("0x8").ok());
  EXPECT_TRUE(parse_node_classes(std::to_string(kMaxSimNodes) + "x1").ok());
  EXPECT_EQ(parse_node_classes(std::to_string(kMaxSimNodes) + "x1,1x1").error().text,
            "1000001 nodes, at most 1000000 can be replayed");
}

TEST(Workload, AJobLargerThanTheMachineIsCutToIt) {
  const Result<Trace> trace = parse_swf("; MaxProcs: 4\n1 0 -1 30 9 -1 -1 9 100\n");
  const Result<Workload> workload = workload_of(*trace, {});
  ASSERT_TRUE(workload.ok());
  EXPECT_EQ(workload->jobs[0].cpus, 4U);
  EXPECT_EQ(workload->nodes.size(), 4U);
  EXPECT_EQ(workload_of(Trace{}, {}).error().text, "there is no job in it");
}

}  // namespace
}  // namespace gd::sim
