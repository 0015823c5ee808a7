// The pure halves of gdkill, gdstat, gdacct, gdctl, gdrun and gdinfo.
#include <gtest/gtest.h>

#include "base/text.h"
#include "cmd/gdacct.h"
#include "cmd/gdctl.h"
#include "cmd/gdinfo.h"
#include "cmd/gdkill.h"
#include "cmd/gdrun.h"
#include "cmd/gdstat.h"
#include "cmd/job_sort.h"

namespace gd::cmd {
namespace {

TimePoint at(int64_t seconds) {
  return TimePoint{Seconds{seconds}};
}

// ---- gdkill

TEST(Gdkill, NeedsACondition) {
  const auto none = to_cancel_requests({}, Dialect::gd, "me");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().text,
            "no jobs given; name job ids, or use --me, --user, --name or --state");
  EXPECT_EQ(to_cancel_requests({}, Dialect::slurm, "me").error().text,
            "No job identification provided");
}

TEST(Gdkill, JobsShareARequestAndStepsHaveTheirOwn) {
  KillOptions options;
  options.filter.jobs = {"3", "4", "5.0", "6.batch"};
  options.signal = "USR1";
  const auto requests = to_cancel_requests(options, Dialect::gd, "me");
  ASSERT_TRUE(requests.ok());
  ASSERT_EQ(requests.value().size(), 3U);
  EXPECT_EQ(requests.value()[0].step, StepId{0});
  EXPECT_EQ(requests.value()[1].step, kBatchStep);
  EXPECT_EQ(requests.value()[2].filter.jobs, (std::vector<JobId>{JobId{3}, JobId{4}}));
  for (const CancelRequest& request : requests.value()) EXPECT_EQ(request.signal, 10);
  EXPECT_NE(requests.value()[0].request, requests.value()[2].request);
}

TEST(Gdkill, ConditionsAreKept) {
  KillOptions options;
  options.filter.me = true;
  options.filter.states = {"pending"};
  const auto requests = to_cancel_requests(options, Dialect::gd, "alice");
  ASSERT_TRUE(requests.ok());
  EXPECT_EQ(requests.value()[0].filter.users, std::vector<std::string>{"alice"});
  EXPECT_EQ(requests.value()[0].filter.states, std::vector<JobState>{JobState::pending});
}

TEST(JobArguments, AreReadWhole) {
  for (const char* bad : {"", "abc", "0", "12x", "-1", "4294967296", "1.", "1.x", "1.4294967295"}) {
    SCOPED_TRACE(bad);
    const auto parsed = parse_job_argument(bad);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().text, std::string("invalid job id ") + bad);
  }
  EXPECT_EQ(parse_job_argument("3+1").error().text, "heterogeneous jobs are not supported: 3+1");
  EXPECT_EQ(parse_job_argument("3_1")->elements, IndexSet::of(1));
  EXPECT_EQ(parse_job_argument("3_[1-5,9]")->elements->text(), "1-5,9");
  for (const char* bad : {"3_", "3_x", "3_[", "_1", "3_[1-]"}) {
    EXPECT_FALSE(parse_job_argument(bad).ok()) << bad;
  }
  EXPECT_EQ(split_job_list("7,8_[1,3],9"), (std::vector<std::string>{"7", "8_[1,3]", "9"}));
}

// ---- gdstat

TEST(Gdstat, AsksForLiveStatesUnlessToldOtherwise) {
  StatOptions options;
  const auto plan = to_stat_plan(options, Dialect::slurm, "me");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.value().query.filter.states.size(), 5U);
  options.filter.states = {"all"};
  // "all" among the states: any.
  EXPECT_TRUE(to_stat_plan(options, Dialect::slurm, "me").value().states.empty());
  options.filter.states = {"PD", "running"};
  EXPECT_EQ(to_stat_plan(options, Dialect::slurm, "me").value().states,
            (std::vector<JobState>{JobState::pending, JobState::running}));
}

TEST(Gdstat, ASingleJobMustExistSoItIsAskedForInAnyState) {
  StatOptions options;
  options.filter.jobs = {"7"};
  const auto plan = to_stat_plan(options, Dialect::slurm, "me");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.value().must_exist, JobId{7});
  EXPECT_TRUE(plan.value().query.filter.states.empty());
  EXPECT_EQ(plan.value().states.size(), 5U);
  options.arguments = {"8"};
  EXPECT_EQ(to_stat_plan(options, Dialect::slurm, "me").value().must_exist, std::nullopt);
}

TEST(Gdstat, RefusesUnknownWords) {
  StatOptions options;
  options.filter.states = {"pendin"};
  EXPECT_EQ(to_stat_plan(options, Dialect::gd, "me").error().text,
            "invalid job state specified: 'pendin'; did you mean 'pending'?");
  options = {.format = "%i %&"};
  EXPECT_EQ(to_stat_plan(options, Dialect::gd, "me").error().text,
            "format '%i %&': a letter is missing after '%'");
  options = {.long_format = "jobid,usernam"};
  EXPECT_EQ(to_stat_plan(options, Dialect::gd, "me").error().text,
            "unknown field 'usernam' in the format; did you mean 'username'?");
  options = {.sort = "i,zz"};
  EXPECT_EQ(to_stat_plan(options, Dialect::gd, "me").error().text, "cannot sort by 'zz'");
}

JobView job(uint32_t id, JobState state, std::string partition, double priority = 0) {
  JobView view;
  JobSpec spec;
  spec.partition = std::move(partition);
  spec.name = "job" + std::to_string(id);
  spec.time_limit = Seconds{3600};
  view.job.id = JobId{id};
  view.job.user = "alice";
  view.job.spec = std::make_shared<const JobSpec>(spec);
  view.job.state = state;
  view.priority = priority;
  if (state == JobState::pending) view.job.reason = Reason::resources;
  if (state == JobState::running) {
    view.job.time_limit = Seconds{3600};
    view.job.start_time = at(1000);
    view.job.nodes = {{.node = "n1", .held = {.cpus = 2}}, {.node = "n2", .held = {.cpus = 2}}};
  }
  return view;
}

std::string order(std::vector<JobView> jobs, std::string_view keys) {
  EXPECT_TRUE(sort_jobs(jobs, keys, at(2000)).ok());
  std::string out;
  for (const JobView& view : jobs) out += std::to_string(view.job.id.value) + " ";
  return out;
}

TEST(Gdstat, SortsByLetters) {
  const std::vector<JobView> jobs{
      job(10, JobState::running, "b"), job(9, JobState::pending, "a", 5),
      job(2, JobState::pending, "a", 7), job(3, JobState::running, "a")};
  EXPECT_EQ(order(jobs, "i"), "2 3 9 10 ");
  EXPECT_EQ(order(jobs, "-i"), "10 9 3 2 ");
  EXPECT_EQ(order(jobs, "P,t,-p,i"), "2 9 3 10 ");
  EXPECT_EQ(order(jobs, "-P,i"), "10 2 3 9 ");
  EXPECT_EQ(order(jobs, ""), "10 9 2 3 ");
}

std::string line(const JobView& view, std::string_view format) {
  auto listing = Listing<JobRow>::make(*parse_short_format(format), job_fields());
  std::string out;
  listing->row({view, at(1000 + 3725)}, out);
  return out;
}

TEST(Gdstat, PrintsWhatSqueuePrints) {
  const char* kDefault = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
  EXPECT_EQ(line(job(7, JobState::running, "long-name-x"), kDefault),
            "                 7 long-name     job7    alice  R    1:02:05      2 n[1-2]\n");
  EXPECT_EQ(line(job(8, JobState::pending, "p"), kDefault),
            "                 8         p     job8    alice PD       0:00      1 (Resources)\n");
  EXPECT_EQ(line(job(7, JobState::running, "p"), "%i|%T|%l|%L|%N|%B|%C"),
            "7|RUNNING|1:00:00|INVALID|n[1-2]|n/a|4\n");
}

// ---- formats

TEST(Formats, LongOnesHaveSuffixes) {
  auto listing =
      Listing<JobRow>::make(*parse_long_format("JobID:5,name:.8,STATE:#,username:3"), job_fields());
  ASSERT_TRUE(listing.ok());
  std::string out;
  listing->header(out);
  listing->row({job(7, JobState::running, "p"), at(0)}, out);
  EXPECT_EQ(out, "JOBID    NAMESTATE#USE\n7        job7RUNNING#ali\n");
}

TEST(Formats, HaveAWidestColumn) {
  EXPECT_TRUE(parse_short_format("%" + std::to_string(kMaxColumnWidth) + "i").ok());
  EXPECT_FALSE(parse_short_format("%" + std::to_string(kMaxColumnWidth + 1) + "i").ok());
}

TEST(Formats, TablesFitTheTerminal) {
  Table table({"ID", "NAME"});
  table.add({"1", "a long long long name"});
  EXPECT_EQ(table.text(0), "ID  NAME\n1   a long long long name\n");
  EXPECT_EQ(table.text(14), "ID  NAME\n1   a long lon\n");
}

// ---- gdacct

TEST(Gdacct, ShowsOnesOwnSinceMidnight) {
  const TimePoint now = at(100 * 86400 + 4711);
  const auto plan = to_acct_plan({}, AcctRules::own, "alice", 1000, now, utc_zone());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.value().history.filter.users, std::vector<std::string>{"alice"});
  EXPECT_EQ(plan.value().history.since, at(100 * 86400));
  EXPECT_TRUE(plan.value().history.history);
  EXPECT_FALSE(plan.value().live.history);
}

TEST(Gdacct, JobsThatAreNamedAreOfAnyTimeAndUser) {
  AcctOptions options;
  options.filter.jobs = {"4"};
  const auto plan = to_acct_plan(options, AcctRules::slurm, "alice", 1000, at(86400), utc_zone());
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan.value().history.filter.users.empty());
  EXPECT_EQ(plan.value().history.since, std::nullopt);
}

TEST(Gdacct, WidthsAreSlurms) {
  const auto items = parse_percent_format("JobID,State%5,Elapsed%-12", acct_width);
  ASSERT_TRUE(items.ok());
  EXPECT_EQ(items.value()[0].width, 12U);
  EXPECT_FALSE(items.value()[0].right);
  EXPECT_EQ(items.value()[1].width, 5U);
  EXPECT_TRUE(items.value()[1].right);
  EXPECT_FALSE(items.value()[2].right);
}

TEST(Gdacct, EndsAfterItsStart) {
  const AcctOptions options{.since = "now", .until = "now-1hour"};
  EXPECT_EQ(to_acct_plan(options, AcctRules::own, "a", 1, at(86400), utc_zone()).error().text,
            "the end time is before the start time");
}

// ---- gdctl

using Words = std::vector<std::string>;

TEST(Gdctl, UpdatesJobs) {
  const auto request = to_job_update(Words{"JobId=3,4", "TimeLimit=2:00", "name=x", "Requeue=no"},
                                     at(0), utc_zone());
  ASSERT_TRUE(request.ok()) << request.error().text;
  EXPECT_EQ(request.value().jobs, (std::vector<JobId>{JobId{3}, JobId{4}}));
  EXPECT_EQ(request.value().time_limit, Seconds{120});
  EXPECT_EQ(request.value().name, "x");
  EXPECT_EQ(request.value().requeue, false);
}

TEST(Gdctl, RefusesUpdatesThatSayNothingOrTooMuch) {
  const auto refused = [](const Words& words) {
    const auto request = to_job_update(words, at(0), utc_zone());
    return request.ok() ? std::string("accepted") : request.error().text;
  };
  EXPECT_EQ(refused({"TimeLimit=1"}), "no job given; say JobId=ID");
  EXPECT_EQ(refused({"JobId=1"}), "nothing to change; say KEY=VALUE");
  EXPECT_EQ(refused({"JobId=1", "TimLimit=5"}),
            "TimLimit=5: unknown key; did you mean 'timelimit'?");
  EXPECT_EQ(refused({"JobId=1", "Requeue=maybe"}), "Requeue=maybe: 'maybe' is neither yes nor no");
  EXPECT_EQ(refused({"JobId=1.0", "name=x"}), "'1.0' is a step; a job is wanted");
}

TEST(Gdctl, DrainsWithAReason) {
  const auto drain = to_node_action("drain", Words{"n[1-2]", "new", "disks"});
  ASSERT_TRUE(drain.ok());
  EXPECT_EQ(drain.value().names, (Words{"n1", "n2"}));
  EXPECT_EQ(drain.value().reason, "new disks");
  EXPECT_EQ(to_node_action("drain", Words{"n1"}).error().text,
            "a reason is needed: gdctl drain n1 REASON");
  EXPECT_TRUE(to_node_action("resume", Words{"n1"}).ok());
  const auto update = to_node_update(Words{"NodeName=n1", "State=DRIAN", "Reason=x"});
  EXPECT_EQ(update.error().text, "unknown state 'DRIAN'; did you mean 'drain'?");
}

// ---- gdrun

TEST(Gdrun, ATerminalIsForOneTask) {
  JobSpec spec;
  EXPECT_TRUE(check_one_task(spec, "one terminal").ok());
  spec.tasks = 2;
  EXPECT_EQ(check_one_task(spec, "one terminal").error().text, "--ntasks=2: one terminal");
}

TEST(Gdrun, WhatMeansNothingForAStepIsNamed) {
  JobSpec spec;
  EXPECT_TRUE(without_effect(spec).empty());
  spec.partition = "x";
  spec.hold = true;
  spec.devices = {"lab/card=0"};
  EXPECT_EQ(without_effect(spec), (Words{"--partition", "--device", "--hold"}));
  spec = JobSpec{};
  spec.image.name = "debian";  // that makes a container of the step's own
  EXPECT_TRUE(without_effect(spec).empty());
}

TEST(Gdrun, AStepThatSaysAnythingOfItsContainerHasOneOfItsOwn) {
  const Surroundings here{.directory = "/home/alice"};
  JobOptions options;
  const auto step = [&] { return to_step_request(options, JobId{7}, {"x"}, false, here).value(); };
  EXPECT_FALSE(step().image.has_value());
  options.spec.image.name = "./small";
  options.spec.mounts = {"/data:/data"};
  EXPECT_EQ(step().image, (ImageSpec{.name = "/home/alice/small"}));
  EXPECT_EQ(step().mounts, Words{"/data:/data"});
  options.spec.image = {.workdir = "/srv"};  // the job's image
  options.spec.mounts.clear();
  EXPECT_EQ(step().image, (ImageSpec{.workdir = "/srv"}));
}

// ---- gdinfo

NodeView node(std::string name, uint32_t busy, bool drained = false,
              NodeState state = NodeState::up) {
  NodeView view;
  view.node.name = std::move(name);
  view.node.state = state;
  view.node.drained = drained;
  view.usable.cpus = 4;
  view.allocated.cpus = busy;
  view.partitions = {"batch"};
  return view;
}

std::string info(const InfoOptions& options, const std::vector<NodeView>& nodes) {
  const std::vector<PartitionView> partitions{{.name = "batch", .is_default = true}};
  const auto items = info_format(options);
  auto listing = Listing<NodeRow>::make(*items, node_fields());
  std::string out;
  for (const NodeRow& row : group_nodes(options, *items, partitions, nodes)) listing->row(row, out);
  return out;
}

TEST(Gdinfo, NodesThatLookAlikeShareALine) {
  const std::vector<NodeView> nodes{node("n1", 0),       node("n3", 0),
                                    node("n2", 1),       node("n4", 4),
                                    node("n5", 0, true), node("n6", 0, false, NodeState::down)};
  EXPECT_EQ(info({}, nodes),
            "batch*       up   infinite      2   idle n[1,3]\n"
            "batch*       up   infinite      1    mix n2\n"
            "batch*       up   infinite      1  alloc n4\n"
            "batch*       up   infinite      1  drain n5\n"
            "batch*       up   infinite      1  down* n6\n");
  EXPECT_EQ(info({.format = "%N"}, nodes), "n[1-6]\n");
  EXPECT_EQ(info({.format = "%P %C"}, nodes), "batch* 5/11/8/24\n");
  EXPECT_EQ(info({.states = {"idle"}}, nodes), "batch*       up   infinite      2   idle n[1,3]\n");
  EXPECT_EQ(info({}, {}), "batch*       up   infinite      0    n/a \n");
}

TEST(Gdinfo, ReservationsThatHaveBegunMarkTheirNodes) {
  std::vector<NodeView> nodes{node("n1", 0), node("n2", 1), node("n3", 0), node("n4", 4),
                              node("n5", 0, true)};
  nodes[0].reserved = nodes[1].reserved = NodeReserved::yes;
  nodes[2].reserved = nodes[3].reserved = nodes[4].reserved = NodeReserved::maintenance;
  EXPECT_EQ(info({.format = "%N %t %T"}, nodes),
            "n1 resv reserved\nn2 mix mixed\nn3 maint maint\nn4 alloc$ allocated$\n"
            "n5 drain$ drained$\n");
  EXPECT_EQ(info({.states = {"resv"}, .format = "%N"}, nodes), "n[1-5]\n");
  EXPECT_EQ(info({.states = {"maint"}, .format = "%N"}, nodes), "n[3-5]\n");
  EXPECT_EQ(info({.states = {"alloc"}, .format = "%N"}, nodes), "n4\n");
  EXPECT_EQ(control_node_state(nodes[0]), "IDLE+RESERVED");
  EXPECT_EQ(control_node_state(nodes[4]), "IDLE+DRAIN+MAINTENANCE+RESERVED");
}

// Programs ask for all of Slurm's states at once; some of them no job of gd is ever in.
TEST(StatPlan, StatesThatNeverAreMatchNothingAndSpoilNothing) {
  StatOptions some;
  some.filter.states = {"PD", "RF", "SE"};
  const Result<StatPlan> mixed = to_stat_plan(some, Dialect::slurm, "alice");
  ASSERT_TRUE(mixed.ok());
  EXPECT_EQ(mixed->states, std::vector<JobState>{JobState::pending});
  EXPECT_TRUE(mixed->query.filter.jobs.empty());
  StatOptions none;
  none.filter.states = {"special_exit"};
  const Result<StatPlan> never = to_stat_plan(none, Dialect::slurm, "alice");
  ASSERT_TRUE(never.ok());
  EXPECT_EQ(never->query.filter.jobs, std::vector<JobId>{JobId{0}});
}

}  // namespace
}  // namespace gd::cmd
