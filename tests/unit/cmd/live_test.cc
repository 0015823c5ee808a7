// What commands show of what jobs use: amounts as text, sstat's rows, the live table, peaks and
// series of a job's block.
#include <gtest/gtest.h>

#include "base/text.h"
#include "cmd/job_fields.h"
#include "cmd/live_table.h"
#include "cmd/sstat.h"
#include "cmd/usage_text.h"

namespace gd::cmd {
namespace {

constexpr TimePoint kNow{Seconds{1'700'000'000}};

JobView view_of(uint32_t id, uint64_t cpu_milli = 0, uint64_t memory_mib = 0) {
  JobView view;
  JobRecord& job = view.job;
  job.id = JobId{id};
  job.user = id % 2 == 0 ? "bob" : "alice";
  job.spec = std::make_shared<const JobSpec>(JobSpec{.name = "sim" + std::to_string(id)});
  job.state = JobState::running;
  job.launch = LaunchNumber{id};
  job.start_time = kNow - Seconds{60 + id};
  job.nodes = {{.node = "n1", .held = {.cpus = 2, .memory_mib = 2048, .gres = {}}}};
  job.steps.push_back({.id = kBatchStep, .state = StepState::running, .shares = {{.node = "n1"}}});
  if (memory_mib != 0) {
    StepSample sample{.job = job.id, .launch = job.launch, .step = kBatchStep, .node = "n1"};
    sample.cpu_milli = cpu_milli;
    sample.memory_mib = memory_mib;
    sample.pids = 3;
    sample.so_far = {.cpu_user_ms = 61'500, .memory_peak_mib = memory_mib + 1, .pids_peak = 4};
    view.samples.push_back(sample);
  }
  return view;
}

TEST(UsageText, AmountsAreShort) {
  EXPECT_EQ(short_bytes(0), "0");
  EXPECT_EQ(short_bytes(1023), "1023");
  EXPECT_EQ(short_bytes(1024), "1K");
  EXPECT_EQ(short_bytes(1'436'549), "1.37M");
  EXPECT_EQ(short_bytes(uint64_t{3} << 40), "3T");
  EXPECT_EQ(short_bytes(UINT64_MAX), "16.00E");
  EXPECT_EQ(clock_time(61'500), "01:01.500");
  EXPECT_EQ(clock_time(3'600'000), "01:00:00");
}

TEST(UsageText, ASparkIsAsHighAsItsHighest) {
  EXPECT_EQ(spark({0, 50, 100}, SparkStyle::digits), "059");
  EXPECT_EQ(spark({0, 100}, SparkStyle::blocks), "▁█");
  EXPECT_EQ(spark({0, 0}, SparkStyle::digits), "00");
  EXPECT_EQ(spark({UINT64_MAX}, SparkStyle::digits), "9");
  EXPECT_EQ(spark({}, SparkStyle::digits), "");
}

TEST(LiveTable, ShowsWhatIsKnownAndADashForTheRest) {
  std::vector<LiveJob> jobs = live_jobs({view_of(1, 1995, 300), view_of(2)}, kNow);
  sort_live(jobs, JobSort::cpu, SortOrder::descending);
  const GridLines lines = layout(job_grid(jobs, JobSort::cpu), 0);
  EXPECT_EQ(lines.header,
            "JOB  USER   NAME  S  TIME  CPUS  CPU%*   MEM  PEAK  LIMIT  READ/s  WRITE/s  PROCS  "
            "NODES");
  ASSERT_EQ(lines.rows.size(), 2U);
  EXPECT_EQ(
      lines.rows[0],
      "1    alice  sim1  R  1:01     2    200  300M  301M     2G       -        -      3  n1");
  EXPECT_EQ(
      lines.rows[1],
      "2    bob    sim2  R  1:02     2      -     -     -     2G       -        -      -  n1");
}

std::string order(JobSort sort, SortOrder direction) {
  std::vector<LiveJob> jobs =
      live_jobs({view_of(3, 10, 500), view_of(1, 10, 100), view_of(2, 900, 50)}, kNow);
  sort_live(jobs, sort, direction);
  std::string out;
  for (const LiveJob& job : jobs) out += job.job;
  return out;
}

TEST(LiveTable, SortsByEachFigureAndEqualOnesByNumber) {
  EXPECT_EQ(order(JobSort::cpu, SortOrder::descending), "213");
  EXPECT_EQ(order(JobSort::cpu, SortOrder::ascending), "132");
  EXPECT_EQ(order(JobSort::memory, SortOrder::descending), "312");
  EXPECT_EQ(order(JobSort::peak, SortOrder::ascending), "213");
  EXPECT_EQ(order(JobSort::user, SortOrder::ascending), "132");
  EXPECT_EQ(order(JobSort::time, SortOrder::descending), "321");
  EXPECT_EQ(order(JobSort::job, SortOrder::ascending), "123");
  EXPECT_EQ(parse_job_sort("io"), JobSort::io);
  EXPECT_FALSE(parse_job_sort("colour").has_value());
}

TEST(LiveTable, LinesFitTheirWidthAndNeverHalveACharacter) {
  JobView view = view_of(1, 10, 10);
  JobSpec spec = *view.job.spec;
  spec.name = "größe-der-welt-in-einem-sehr-langen-namen";
  view.job.spec = std::make_shared<const JobSpec>(spec);
  const Grid grid = job_grid(live_jobs({view}, kNow), std::nullopt);
  for (size_t width = 1; width < 160; ++width) {
    const GridLines lines = layout(grid, width);
    EXPECT_LE(text_columns(lines.header), width);
    EXPECT_LE(text_columns(lines.rows[0]), width);
    const std::string& row = lines.rows[0];
    for (size_t at = 0; at < row.size();) {
      const size_t length = utf8_length(std::string_view(row).substr(at));
      ASSERT_NE(length, 0U) << width;
      at += length;
    }
  }
}

TEST(LiveTable, ANodesFiguresAreItsStepsTogether) {
  NodeView node;
  node.node.info.name = "n1";
  node.node.state = NodeState::up;
  node.usable = {.cpus = 8, .memory_mib = 4096, .gres = {}};
  node.allocated = {.cpus = 4, .memory_mib = 2048, .gres = {}};
  node.jobs = 2;
  node.load = 1.5;
  node.partitions = {"batch", "long"};
  const GridLines lines =
      layout(node_grid(live_nodes({node}, {view_of(1, 1000, 100), view_of(2, 500, 28)}), {}), 0);
  EXPECT_EQ(lines.rows.at(0).substr(0, 50), "n1    mixed     2   4/8   150  1.50    2G  128M   ");
}

std::string sstat(const JobView& view, const char* format, SstatSteps which = SstatSteps::one,
                  std::optional<StepId> step = {}) {
  AcctListing<SstatRow> listing({.parsable2 = true}, parse_sstat_format(format).take(),
                                sstat_fields());
  std::string out;
  for (const SstatRow& row : sstat_rows(view, step, which)) listing.row(row, out);
  return out;
}

TEST(Sstat, TheLowestNumberedStepIsShownOrElseTheJobsOwn) {
  JobView view = view_of(7, 500, 10);
  EXPECT_EQ(sstat(view, "jobid,ntasks,avecpu,maxrss,maxrssnode,averss"),
            "7.batch|1|01:01.500|11M|n1|10M\n");
  view.job.steps.push_back(
      {.id = StepId{1}, .state = StepState::running, .shares = {{.node = "n1"}}});
  view.job.steps.push_back(
      {.id = StepId{0}, .state = StepState::ended, .shares = {{.node = "n1"}}});
  EXPECT_EQ(sstat(view, "jobid,avecpu"), "7.1|\n") << "not heard of yet";
  EXPECT_EQ(sstat(view, "jobid", SstatSteps::all), "7.1\n7.batch\n");
  EXPECT_EQ(sstat(view, "jobid", SstatSteps::one, kBatchStep), "7.batch\n");
  EXPECT_EQ(sstat(view, "jobid", SstatSteps::all, StepId{0}), "");
}

TEST(Sstat, UnknownIsEmptyAndUnknownFieldsAreNamed) {
  EXPECT_EQ(sstat(view_of(7, 500, 10), "maxdiskread,maxrsstask,pids,avevmsize,tresusageintot"),
            "||||cpu=00:01:01,mem=10M\n");
  EXPECT_EQ(parse_sstat_format("foo").error().text, "Invalid field requested: \"foo\"");
}

// The dashes of Slurm 22.05's own sstat, run without a cluster.
TEST(Sstat, TheColumnsHaveSlurmsWidths) {
  AcctListing<SstatRow> listing(
      {},
      parse_sstat_format("jobid,maxvmsize,maxvmsizenode,maxpages,maxpagesnode,ntasks,"
                         "avecpufreq,reqcpufreqmin,consumedenergy,maxdiskread,"
                         "maxdiskreadnode,avediskread,avediskwrite,tresusageinave,"
                         "tresusageoutmaxnode")
          .take(),
      sstat_fields());
  std::string out;
  listing.header(out);
  EXPECT_EQ(out.substr(out.find('\n') + 1),
            "------------ ---------- -------------- -------- ------------ -------- ---------- "
            "------------- -------------- ------------ --------------- ------------ ------------ "
            "-------------- ------------------- \n");
}

TEST(JobBlock, ShowsPeaksAndTheSeriesOfTheJobsOwnStep) {
  JobView view = view_of(7);
  EXPECT_EQ(job_block(view, kNow, true).find("MemoryPeak"), std::string::npos);
  view.job.state = JobState::completed;
  view.job.steps[0].usage = {
      .cpu_user_ms = 2000, .memory_peak_mib = 512, .pids_peak = 9, .read_bytes = 0};
  view.job.steps[0].series = {
      .spacing = 10s, .cpu_milli = {0, 1000}, .memory_mib = {512, 256}, .io_kib_s = {}};
  const std::string block = job_block(view, kNow, true);
  EXPECT_NE(block.find("UsedCPU=00:02.000 MemoryPeak=512M ProcessesPeak=9 DiskRead=0 "
                       "SeriesSpacing=10s SeriesCPU="),
            std::string::npos)
      << block;
  EXPECT_NE(block.find(",max=100% SeriesMemory="), std::string::npos) << block;
  EXPECT_EQ(block.find("DiskWritten"), std::string::npos);
  EXPECT_EQ(block.find("SeriesDisk"), std::string::npos);
  JsonWriter json(JsonStyle::compact);
  write_json(json, view, kNow);
  EXPECT_NE(json.take().find("\"series\":{\"spacing_seconds\":10,\"cpu_milli\":[0,1000]"),
            std::string::npos);
}

}  // namespace
}  // namespace gd::cmd
