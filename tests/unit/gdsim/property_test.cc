// What every policy owes on every cluster: whole schedules of random work on random machines,
// swept over time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gdsim/metrics.h"
#include "gdsim/replay.h"
#include "gdsim/scenario.h"
#include "tests/support/core_replay.h"
#include "tests/support/random_scenario.h"

namespace gd::sim {
namespace {

constexpr uint64_t kSeeds = 200;
constexpr Seconds kHalfLife{1000};

struct NamedPolicy {
  const char* name;
  sched::Policy policy;
};

const NamedPolicy kPolicies[] = {
    {"fifo", {.weights = sched::kInOrder, .reservation_depth = 0}},
    {"easy", {.weights = sched::kInOrder, .reservation_depth = 1}},
    {"conservative", {.weights = sched::kInOrder, .reservation_depth = 1000}},
    {"defaults", {}},
    {"few starts a pass", {.start_limit = 1}},
};

// All times that a job ran: the last one, and those that ended to make room for others.
std::vector<Life> lives_of(const JobRun& run) {
  std::vector<Life> lives = run.earlier;
  lives.push_back(run);
  return lives;
}

struct Edge {
  Seconds at{};
  int order = 0;  // ends before starts
  size_t job = 0;
  std::vector<sched::NodeUse> uses;
};

// Every moment's use of every node, against what it has.
void check_never_over_committed(const Workload& workload, const Schedule& schedule) {
  std::vector<Resources> used(workload.nodes.size());
  std::vector<uint32_t> jobs_on(workload.nodes.size());
  for (const Running& row : workload.running) add(used[row.node.value], row.held);
  std::vector<Edge> edges;
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    for (const Life& life : lives_of(schedule.jobs[i])) {
      if (life.start == life.end) continue;  // ended in the moment of its start
      edges.push_back({life.start, 1, i, life.uses});
      edges.push_back({life.end, 0, i, life.uses});
    }
  }
  const size_t old = workload.jobs.size();
  for (size_t i = 0; i < workload.running.size(); ++i) {
    Seconds end = workload.running[i].until;
    for (const MadeRoom& made : schedule.preemptions) {  // ends then, if it has no grace
      const bool it_is = std::ranges::count(made.victims, old + i) > 0;
      if (it_is) end = std::min(end, made.at);
    }
    edges.push_back({end, 0, old + i, {}});
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.at != b.at ? a.at < b.at : a.order != b.order ? a.order < b.order : a.job < b.job;
  });
  for (const Edge& edge : edges) {
    if (edge.job >= old) {
      const Running& row = workload.running[edge.job - old];
      subtract(used[row.node.value], row.held);
      continue;
    }
    const bool exclusive = workload.keys[workload.jobs[edge.job].key].need.exclusive;
    for (const sched::NodeUse& use : edge.uses) {
      Resources& of_node = used[use.node.value];
      if (edge.order != 1) {
        subtract(of_node, use.held);
        continue;
      }
      if (exclusive) {
        ASSERT_EQ(of_node.cpus, 0U) << "job " << edge.job + 1 << " is not alone";
      }
      add(of_node, use.held);
      ASSERT_TRUE(fits_in(of_node, workload.nodes[use.node.value].usable))
          << "at " << edge.at.count() << " on " << workload.nodes[use.node.value].name;
    }
  }
}

// Nobody else's job is on its nodes in its time, and its own are nowhere else.
void check_reservations_hold(const Workload& workload, const Schedule& schedule) {
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    const sched::ShapeKey& key = workload.keys[workload.jobs[i].key];
    for (const Life& life : lives_of(schedule.jobs[i])) {
      const TimePoint start{life.start};
      for (const sched::Reservation& row : workload.reservations) {
        const bool own = key.reservation == row.id;
        if (own) {
          ASSERT_GE(start, row.start);
          ASSERT_LE(start + key.limit, row.end);
        }
        for (const sched::NodeUse& use : life.uses) {
          const bool there = std::binary_search(row.nodes.begin(), row.nodes.end(), use.node);
          if (own) {
            ASSERT_TRUE(there) << "job " << workload.jobs[i].id;
          } else if (there) {
            ASSERT_TRUE(start + key.limit <= row.start || start >= row.end)
                << "job " << workload.jobs[i].id;
          }
        }
      }
    }
  }
}

struct InUse {  // of one account, user or QOS
  uint64_t jobs = 0, cpus = 0, memory = 0, nodes = 0;
  double cpu_minutes = 0;        // used, and yet to be used
  double cpu_minutes_ahead = 0;  // the latter
};

void check_group(const GroupLimits& limits, const InUse& used, const std::string& whose) {
  if (limits.jobs) {
    ASSERT_LE(used.jobs, *limits.jobs) << whose;
  }
  if (limits.tres.cpus) {
    ASSERT_LE(used.cpus, *limits.tres.cpus) << whose;
  }
  if (limits.tres.memory_mib) {
    ASSERT_LE(used.memory, *limits.tres.memory_mib) << whose;
  }
  if (limits.tres.nodes) {
    ASSERT_LE(used.nodes, *limits.tres.nodes) << whose;
  }
  constexpr double kRounding = 0.1;  // each pass rounds to a second
  if (limits.tres_mins.cpus) {
    ASSERT_LE(used.cpu_minutes, *limits.tres_mins.cpus + kRounding) << whose;
  }
  if (limits.tres_run_mins.cpus) {
    ASSERT_LE(used.cpu_minutes_ahead, *limits.tres_run_mins.cpus + kRounding) << whose;
  }
}

// Of a run, at a moment: the sum of its seconds' weights, not the integral that the book has.
double faded_cpu_seconds(const InUse& used, const Life& life, Seconds at, Seconds half_life) {
  const double each = std::exp2(-1.0 / static_cast<double>(half_life.count()));
  const auto length = static_cast<double>((std::min(at, life.end) - life.start).count());
  const double since = std::max(0.0, static_cast<double>((at - life.end).count())) + 0.5;
  return static_cast<double>(used.cpus) * std::pow(each, since) * (1 - std::pow(each, length)) /
         (1 - each);
}

// What counts at one moment, added up by scanning all jobs: slow, and unlike the planner.
class LimitCheck {
 public:
  LimitCheck(const Workload& workload, const Schedule& schedule, Seconds at) : workload_(workload) {
    for (size_t i = 0; i < workload.jobs.size(); ++i) {
      for (const Life& life : lives_of(schedule.jobs[i])) {
        if (life.start <= at) count(workload.jobs[i], life, at);
      }
    }
  }

  void check() const {
    const LimitSettings& all = workload_.limits;
    for (const AccountLimits& account : all.accounts) {
      check_group(account.limits.group, used("account " + account.name), account.name);
      for (const char* user : {"1", "2", "3"}) {
        check_group(account.limits.per_user, used("account " + account.name + " " + user), user);
      }
    }
    for (const QosLimits& qos : all.qos) {
      check_group(qos.group, used("qos " + qos.name), qos.name);
      for (const char* user : {"1", "2", "3"}) {
        check_group(qos.per_user, used("qos " + qos.name + " user " + user), user);
      }
      for (const char* account : {"own", "oil", "ink"}) {
        check_group(qos.per_account, used("qos " + qos.name + " account " + account), account);
      }
    }
    for (const char* user : {"1", "2", "3"}) {
      const UserLimits* own = nullptr;
      for (const UserLimits& row : all.users) {
        if (row.name == user || (row.name == "*" && own == nullptr)) own = &row;
      }
      if (own == nullptr) continue;
      GroupLimits limits = own->limits.per_user;
      limits.tres = own->limits.group.tres;
      check_group(limits, used(std::string("user ") + user), user);
    }
    for (const auto& [licence, count] : licences_) {
      ASSERT_LE(count, all.licences[licence].count) << all.licences[licence].name;
    }
  }

 private:
  void count(const WorkJob& job, const Life& life, Seconds at) {
    const bool runs = life.end > at;
    InUse used{.jobs = 1, .nodes = life.uses.size()};
    for (const sched::NodeUse& use : life.uses) {
      used.cpus += use.held.cpus;
      used.memory += use.held.memory_mib;
    }
    const Seconds left = runs ? life.start + workload_.keys[job.key].limit - at : 0s;
    used.cpu_minutes_ahead =
        static_cast<double>(used.cpus) * static_cast<double>(left.count()) / 60;
    used.cpu_minutes = used.cpu_minutes_ahead + faded_cpu_seconds(used, life, at, kHalfLife) / 60;
    if (!runs) used = {.cpu_minutes = used.cpu_minutes};
    count(workload_.owners[job.owner], used);
    if (!runs) return;
    for (const sched::LicenceNeed& need : workload_.keys[job.key].licences) {
      licences_[need.licence] += need.count;
    }
  }
  void count(const sched::Owner& owner, const InUse& more) {
    for (std::string at = owner.account; !at.empty();) {
      add("account " + at, more);
      if (at == owner.account) add("account " + at + " " + owner.user, more);
      const auto& all = workload_.limits.accounts;
      at =
          std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.name == at; })->parent;
    }
    add("user " + owner.user, more);
    add("qos " + owner.qos, more);
    add("qos " + owner.qos + " user " + owner.user, more);
    add("qos " + owner.qos + " account " + owner.account, more);
  }
  void add(const std::string& name, const InUse& more) {
    InUse& all = used_[name];
    all.jobs += more.jobs;
    all.cpus += more.cpus;
    all.memory += more.memory;
    all.nodes += more.nodes;
    all.cpu_minutes += more.cpu_minutes;
    all.cpu_minutes_ahead += more.cpu_minutes_ahead;
  }
  [[nodiscard]] InUse used(const std::string& name) const {
    const auto found = used_.find(name);
    return found == used_.end() ? InUse{} : found->second;
  }

  const Workload& workload_;
  std::map<std::string, InUse> used_;
  std::map<uint32_t, uint64_t> licences_;
};

// At each start, when most is in use.
void check_limits_hold(const Workload& workload, const Schedule& schedule) {
  for (const JobRun& run : schedule.jobs) LimitCheck(workload, schedule, run.start).check();
}

// Who had to go was below who came, had run for long enough, and went for a start that came when
// the last of them was gone at the latest: 40 s is the longest grace time.
void check_preemptions(const Workload& workload, const Schedule& schedule) {
  const auto rules = sched::preempt_rules(workload.preempt, workload.limits);
  ASSERT_TRUE(rules || schedule.preemptions.empty());
  const auto column_of = [&](size_t job) {
    const size_t jobs = workload.jobs.size();
    const uint32_t owner =
        job < jobs ? workload.jobs[job].owner : workload.running[job - jobs].owner;
    return sched::preempt_column(workload.limits, workload.owners[owner].qos);
  };
  for (const MadeRoom& made : schedule.preemptions) {
    SCOPED_TRACE("for job " + std::to_string(workload.jobs[made.job].id));
    ASSERT_FALSE(made.victims.empty());
    ASSERT_TRUE(made.start) << "others were ended, and it did not start";
    ASSERT_LE(*made.start - made.at, 40s);
    for (const size_t victim : made.victims) {
      ASSERT_TRUE(rules->rows[column_of(made.job)][column_of(victim)]) << "of the same rank";
      if (victim >= workload.jobs.size()) continue;
      const std::vector<Life> lives = lives_of(schedule.jobs[victim]);
      const auto life = std::ranges::find_if(
          lives, [&](const Life& each) { return each.start <= made.at && made.at <= each.end; });
      ASSERT_NE(life, lives.end());
      ASSERT_GE(made.at - life->start, workload.preempt.exempt);
    }
  }
}

// Submitted early enough that it comes to its turn, and small enough for one of its nodes.
bool fits_in_its_reservation(const Workload& workload, const WorkJob& job) {
  const sched::ShapeKey& key = workload.keys[job.key];
  if (key.reservation == 0) return true;
  const sched::Need& need = key.need;
  const bool one_task = need.tasks == 1 && need.cpus_per_task <= 4 && need.nodes_min == 1;
  return one_task && !need.exclusive && key.constraint.empty() && job.submit < 600s &&
         key.licences.empty() && workload.owners[job.owner].qos == kNormalQos &&
         workload.owners[job.owner].account.empty();
}

// Jobs that would wait for ever are not part of these scenarios.
Workload possible_part(Workload workload) {
  sched::ShapeTable shapes;
  std::erase_if(workload.jobs, [&](const WorkJob& job) {
    const auto shape = shapes.intern(workload.keys[job.key], workload.nodes, workload.partitions);
    return !shapes[shape].possible() || !fits_in_its_reservation(workload, job);
  });
  return workload;
}

TEST(ReplayProperty, EveryPolicyStartsEveryJobAndNeverOverCommits) {
  size_t preemptions = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const std::string text = test::random_scenario(seed);
    Result<Workload> parsed = parse_scenario(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().text << "\n" << text;
    const Workload workload = possible_part(std::move(parsed).take());
    ASSERT_GT(workload.jobs.size(), 10U);
    for (const NamedPolicy& each : kPolicies) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + each.name);
      const ReplayOptions options{
          .policy = each.policy, .half_life = kHalfLife, .keep = Keep::placements, .progress = {}};
      const Result<Schedule> schedule = replay(workload, options);
      ASSERT_TRUE(schedule.ok()) << schedule.error().text;
      for (size_t i = 0; i < workload.jobs.size(); ++i) {
        const sched::Need& need = workload.keys[workload.jobs[i].key].need;
        ASSERT_GE(schedule->jobs[i].uses.size(), need.nodes_min) << "job " << workload.jobs[i].id;
        ASSERT_GE(schedule->jobs[i].start, workload.jobs[i].submit);
      }
      check_never_over_committed(workload, *schedule);
      check_limits_hold(workload, *schedule);
      check_reservations_hold(workload, *schedule);
      check_preemptions(workload, *schedule);
      preemptions += schedule->preemptions.size();
      if (testing::Test::HasFatalFailure()) return;
      const Result<Schedule> again = replay(workload, options);
      ASSERT_EQ(start_lines(workload, *again), start_lines(workload, *schedule))
          << "equal input, another plan";
    }
  }
  EXPECT_GT(preemptions, 500U);
}

// What gdsim promises an administrator is what the controller does. Without fair share, which the
// two rank anew at different moments.
TEST(ReplayProperty, TheControllersCoreGivesTheSameSchedule) {
  sched::Policy policy;
  policy.weights.fair_share = 0;
  for (uint64_t seed = 1; seed <= kSeeds / 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Workload workload = possible_part(parse_scenario(test::random_scenario(seed)).value());
    const ReplayOptions how{
        .policy = policy, .half_life = kHalfLife, .keep = Keep::placements, .progress = {}};
    const Result<Schedule> ours = replay(workload, how);
    const Result<Schedule> cores = test::core_replay(workload, how);
    ASSERT_TRUE(ours.ok()) << ours.error().text;
    ASSERT_TRUE(cores.ok()) << cores.error().text;
    ASSERT_EQ(start_lines(workload, *cores), start_lines(workload, *ours));
  }
}

// Queue, counters, timelines of licences and who may be ended are kept from pass to pass, and
// changed as jobs come and go. A pass over what was kept gives what a pass over a cluster gives
// that was just made from its records.
TEST(ReplayProperty, APassOverWhatWasKeptEqualsOneOverWhatIsMadeAnew) {
  for (uint64_t seed = 1; seed <= kSeeds / 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Workload workload = possible_part(parse_scenario(test::random_scenario(seed)).value());
    const ReplayOptions how{
        .policy = {}, .half_life = kHalfLife, .keep = Keep::placements, .progress = {}};
    const Result<Schedule> kept = test::core_replay(workload, how);
    const Result<Schedule> rebuilt = test::core_replay(workload, how, test::Indices::rebuilt);
    ASSERT_TRUE(kept.ok()) << kept.error().text;
    ASSERT_TRUE(rebuilt.ok()) << rebuilt.error().text;
    ASSERT_EQ(start_lines(workload, *rebuilt), start_lines(workload, *kept));
  }
}

// With one line and one partition nobody starts before who stands in front.
TEST(ReplayProperty, FifoKeepsTheLine) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::string text = test::random_scenario(seed);
    for (const std::string_view word : {" partition=first,all", " partition=first"}) {
      for (size_t at = text.find(word); at != std::string::npos; at = text.find(word)) {
        text.erase(at, word.size());
      }
    }
    Workload workload = possible_part(parse_scenario(text).take());
    for (WorkJob& job : workload.jobs) job.nice = 0;
    workload.limits = {};  // who is over one is passed by
    workload.reservations.clear();
    workload.preempt = {};
    for (sched::ShapeKey& key : workload.keys) key.reservation = 0;
    for (sched::ShapeKey& key : workload.keys) key.licences.clear();
    const Result<Schedule> schedule = replay(
        workload, {.policy = kPolicies[0].policy, .half_life = {}, .keep = {}, .progress = {}});
    ASSERT_TRUE(schedule.ok());
    for (size_t i = 1; i < workload.jobs.size(); ++i) {
      ASSERT_LE(schedule->jobs[i - 1].start, schedule->jobs[i].start);
    }
  }
}

}  // namespace
}  // namespace gd::sim
