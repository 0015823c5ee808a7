// sreport: sums clipped to the period, and Slurm 22.05's own bytes around them.
#include "cmd/sreport.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

constexpr TimePoint kMidnight{Seconds{1'795'824'000}};  // 2026-11-28T00:00:00Z

JobRecord job(uint32_t id, const std::string& user, const std::string& account, uint32_t cpus,
              Seconds from, Seconds lasting) {
  JobRecord out;
  out.id = JobId{id};
  out.user = user;
  JobSpec spec;
  spec.account = account;
  out.spec = std::make_shared<const JobSpec>(spec);
  NodeShare share;
  share.node = "n1";
  share.held = {cpus, 100, {{"gpu", "a100", 1}}};
  out.nodes = {share};
  out.start_time = kMidnight + from;
  out.end_time = out.start_time + lasting;
  out.state = JobState::completed;
  return out;
}

ConfigReply config() {
  ConfigReply out;
  const auto add = [&](const char* section, const char* key, const char* value) {
    out.entries.push_back({section, key, value, false});
  };
  add("", "cluster", "linux");
  add("account lab", "users", "games");
  add("account sub", "parent", "lab");
  add("account sub", "users", "news");
  return out;
}

std::string report(std::vector<std::string> words, const std::vector<JobRecord>& jobs,
                   ReportOptions options = {}) {
  options.words = std::move(words);
  options.words.insert(options.words.end(), {"start=2026-11-28", "end=2026-11-28T04:00:00"});
  const TimePoint now = kMidnight + 8h;
  const auto query = parse_report(options, now, utc_zone());
  if (!query.ok()) return "error: " + query.error().text;
  const Site site = site_of(config());
  UsageReport sums(query->period, now, query->grouping);
  for (const JobRecord& each : jobs) {
    if (counts(*query, each)) sums.add(each);
  }
  const uint64_t seconds = query->period.seconds();
  const ReportInput input{site,
                          {{"cpu", 2 * seconds}, {"mem", 4096 * seconds}},
                          {{"cpu", 2}, {"mem", 4096}},
                          [](const std::string& user) { return user == "games" ? "G. Ames" : ""; }};
  return report_text(*query, sums, input, utc_zone());
}

std::vector<JobRecord> some_jobs() {
  return {job(1, "games", "lab", 2, 1h, 1h), job(2, "news", "sub", 1, 2h, 30min),
          job(3, "games", "sub", 1, 0s, 10min), job(4, "irc", "", 1, 0s, 20min)};
}

TEST(Sreport, AJobCountsForAsMuchOfItsRunAsLiesInThePeriod) {
  const Period period{kMidnight, kMidnight + 4h};
  const auto cpu = [&](const JobRecord& each, TimePoint now = kMidnight + 9h) {
    TresSeconds used = used_in(each, period, now);
    return used["cpu"];
  };
  EXPECT_EQ(cpu(job(1, "a", "", 2, 1h, 1h)), 7200U);
  EXPECT_EQ(cpu(job(1, "a", "", 2, -1h, 2h)), 7200U);
  EXPECT_EQ(cpu(job(1, "a", "", 2, 3h, 5h)), 7200U);
  EXPECT_EQ(cpu(job(1, "a", "", 2, -2h, 9h)), 28800U);
  EXPECT_EQ(cpu(job(1, "a", "", 2, -2h, 2h)), 0U);
  EXPECT_EQ(cpu(job(1, "a", "", 2, 4h, 1h)), 0U);
  JobRecord running = job(1, "a", "", 2, 1h, 0s);
  running.end_time = TimePoint{};
  EXPECT_EQ(cpu(running, kMidnight + 2h), 7200U);
  JobRecord waiting = running;
  waiting.start_time = TimePoint{};
  EXPECT_EQ(cpu(waiting), 0U);
  const TresSeconds all = used_in(job(1, "a", "", 2, 1h, 1h), period, kMidnight);
  EXPECT_EQ(all, (TresSeconds{{"billing", 7200},
                              {"cpu", 7200},
                              {"gres/gpu", 3600},
                              {"gres/gpu:a100", 3600},
                              {"mem", 360000},
                              {"node", 3600}}));
}

constexpr char kRule[] =
    "--------------------------------------------------------------------------------\n";

TEST(Sreport, ClusterUtilizationLeavesEmptyWhatIsNotRecorded) {
  EXPECT_EQ(report({"cluster", "utilization"}, some_jobs()),
            std::string(kRule) +
                "Cluster Utilization 2026-11-28T00:00:00 - 2026-11-28T03:59:59\n"
                "Usage reported in CPU Minutes\n" +
                kRule +
                "  Cluster Allocate     Down PLND Dow     Idle  Planned Reported \n"
                "--------- -------- -------- -------- -------- -------- -------- \n"
                "    linux      180                        300               480 \n");
  ReportOptions percent;
  percent.time = "percent";
  percent.parsable2 = percent.no_header = true;
  EXPECT_EQ(report({"clus", "util"}, some_jobs(), percent), "linux|37.50%|||62.50%||100.00%\n");
}

TEST(Sreport, AccountsAreSumsOfWhatIsBelowThem) {
  EXPECT_EQ(report({"cluster", "AccountUtilizationByUser"}, some_jobs()),
            std::string(kRule) +
                "Cluster/Account/User Utilization 2026-11-28T00:00:00 - 2026-11-28T03:59:59 "
                "(14400 secs)\nUsage reported in CPU Minutes\n" +
                kRule +
                "  Cluster         Account     Login     Proper Name     Used   Energy \n"
                "--------- --------------- --------- --------------- -------- -------- \n"
                "    linux            root                                180          \n"
                "    linux            root       irc                       20          \n"
                "    linux             lab                                160          \n"
                "    linux             lab     games         G. Ames      120          \n"
                "    linux             sub                                 40          \n"
                "    linux             sub     games         G. Ames       10          \n"
                "    linux             sub      news                       30          \n");
  ReportOptions options;
  options.no_header = options.parsable = true;
  EXPECT_EQ(report({"cluster", "account", "tree", "accounts=sub", "format=account,login,used"},
                   some_jobs(), options),
            "  sub||40|\n   sub|games|10|\n   sub|news|30|\n");
}

TEST(Sreport, UsersAreInOrderOfTheirUse) {
  ReportOptions options;
  options.no_header = options.parsable2 = true;
  options.time = "MinPer";
  EXPECT_EQ(report({"user", "top"}, some_jobs(), options),
            "linux|games|G. Ames|lab|120(25.00%)|\nlinux|news||sub|30(6.25%)|\n"
            "linux|irc||root|20(4.17%)|\nlinux|games|G. Ames|sub|10(2.08%)|\n");
  EXPECT_EQ(report({"user", "TopUsage", "group", "topcount=2"}, some_jobs(), options),
            "linux|games|G. Ames|lab,sub|130(27.08%)|\nlinux|news||sub|30(6.25%)|\n");
  options.time = "sec";
  options.tres = {"cpu", "mem"};
  EXPECT_EQ(report({"cluster", "user", "users=news"}, {some_jobs()[1]}, options),
            "linux|news||sub|cpu|1800\nlinux|news||sub|mem|180000\n");
}

TEST(Sreport, JobSizesAreGroupedByCpus) {
  EXPECT_EQ(report({"job", "SizesByAccount", "grouping=2,4"}, some_jobs()),
            std::string(kRule) +
                "Job Sizes 2026-11-28T00:00:00 - 2026-11-28T03:59:59 (14400 secs)\n"
                "Time reported in Minutes\n" +
                kRule +
                "  Cluster   Account      0-1 CPUs      2-3 CPUs     >= 4 CPUs % of cluster \n"
                "--------- --------- ------------- ------------- ------------- ------------ \n"
                "    linux      root            60           120             0      100.00% \n");
  ReportOptions options;
  options.no_header = options.parsable2 = true;
  EXPECT_EQ(report({"job", "sizes", "acctasparent", "grouping=individual"}, some_jobs(), options),
            "linux|lab|40|120|100.00%\n");
  EXPECT_EQ(report({"job", "sizes", "flatview", "printjobcount"}, some_jobs(), options),
            "linux|lab|1|0|0|0|0|25.00%\nlinux|root|1|0|0|0|0|25.00%\n"
            "linux|sub|2|0|0|0|0|50.00%\n");
  EXPECT_EQ(report({"job", "sizes", "accounts=sub"}, some_jobs(), options),
            "linux|sub|40|0|0|0|0|100.00%\n");
}

TEST(Sreport, WithoutATimeItIsYesterdayAndHoursAreWhole) {
  ReportOptions options;
  options.words = {"cluster", "utilization"};
  const TimePoint now = kMidnight + 3h + 59min;
  EXPECT_EQ(parse_report(options, now, utc_zone())->period.start, kMidnight - 24h);
  EXPECT_EQ(parse_report(options, now, utc_zone())->period.end, kMidnight);
  options.words = {"cluster", "utilization", "start=now-1hour", "end=now"};
  EXPECT_EQ(parse_report(options, now, utc_zone())->period.start, kMidnight + 2h);
  EXPECT_EQ(parse_report(options, now, utc_zone())->period.end, kMidnight + 4h);
}

TEST(Sreport, WhatIsNotKnownIsSaid) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"bogus", "x"}, "error: invalid keyword: bogus"},
      {{"cluster", "bogus"},
       "error: Not valid report bogus\nValid cluster reports are, \"AccountUtilizationByUser\", "
       "\"UserUtilizationByAccount\", and \"Utilization\""},
      {{"cluster", "utilization", "bogus=3"},
       "error:  Unknown condition: bogus=3\nUse keyword set to modify value"},
      {{"cluster", "utilization", "format=bogus"}, "error:  Unknown field 'bogus'"},
      {{"cluster", "utilization", "start=bogus"},
       "error: Invalid time specification (pos=0): bogus"},
      {{"reservation", "utilization"},
       "error: reservation: not supported by gd: reservations keep no record of their use"},
      {{"cluster", "WCKeyUtilizationByUser"},
       "error: wckeyutilizationbyuser: not supported by gd: it keeps no use by wckey"},
      {{"job", "sizes", "grouping=4,2"}, "error: grouping: 2 does not follow 4; sizes grow"}};
  for (const auto& [words, text] : cases) EXPECT_EQ(report(words, {}), text);
  std::string many = "grouping=1";
  for (int i = 2; i <= 101; ++i) many += "," + std::to_string(i);
  EXPECT_EQ(report({"job", "sizes", many}, {}), "error: grouping: 101 sizes; 1 to 100 are taken");
  ReportOptions options;
  options.time = "bogus";
  EXPECT_EQ(report({"cluster", "utilization"}, {}, options), "error: unknown time format bogus");
  options.time = "Minutes";
  options.tres = {"node"};
  EXPECT_EQ(report({"cluster", "utilization"}, {}, options),
            "error: fatal: TRES node usage is no longer reported in the Cluster Utilization "
            "report.  Please use TRES CPU instead.");
}

}  // namespace
}  // namespace gd::cmd
