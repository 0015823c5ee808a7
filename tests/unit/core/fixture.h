// A cluster driven by commands as the controller drives it, with nodes that answer
// orders at once. check_all() after every command.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "server/agent/agent_core.h"
#include "server/core/apply.h"
#include "server/core/cluster.h"
#include "server/core/decide.h"
#include "server/core/effect.h"
#include "server/core/invariants.h"
#include "server/core/orders.h"
#include "server/core/react.h"

namespace gd::core {

inline Actor user(const std::string& name, Uid uid) {
  return Actor{uid, 100, name, "users", {"users"}, false};
}
inline Actor admin() {
  return Actor{900, 900, "root2", "adm", {"adm"}, true};
}

inline JobSpec batch_spec() {
  JobSpec spec;
  spec.name = "job";
  spec.memory_per_node_mib = 0;
  return spec;
}

class CoreTest : public testing::Test {
 protected:
  CoreTest() { restart(); }

  void restart() { cluster = std::make_unique<Cluster>(config, now); }

  Result<Reply> run(const Command& command) {
    Result<Decision> decision = decide(*cluster, command, now);
    if (!decision.ok()) return std::move(decision).error();
    for (const Event& event : decision->events) {
      apply(*cluster, event);
      react(*cluster, event, effects);
    }
    const auto sound = check_all(*cluster);
    EXPECT_TRUE(sound.ok()) << (sound.ok() ? "" : sound.error().text);
    return std::move(decision->reply);
  }

  void must(const Command& command) {
    const auto reply = run(command);
    EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().text);
  }

  Result<Reply> submit(const JobSpec& spec, Actor actor = user("alice", 1001),
                       RequestId request = {}) {
    return run(Submit{std::move(actor), request, spec, digest_of("script"), {}, false});
  }
  JobId submitted(const JobSpec& spec) {
    auto reply = submit(spec);
    EXPECT_TRUE(reply.ok()) << (reply.ok() ? "" : reply.error().text);
    return reply.ok() ? std::get<Submitted>(*reply).job : JobId{};
  }
  uint32_t pass() { return std::get<Passed>(run(SchedulePass{}).value()).started; }

  // A node that has said hello and reported that it has nothing.
  void add_node(const std::string& name, uint32_t cpus, const std::string& boot = "boot-1") {
    NodeInfo info;
    info.name = name;
    info.boot_id = boot;
    info.total = {cpus, 1000 * uint64_t{cpus}, {}};
    EXPECT_TRUE(run(NodeArrived{NodeHello{info, 1}}).ok());
    numbers[name] = 0;
    report(name, {}, true);
  }
  void report(const std::string& name, std::vector<StepStatus> steps, bool full = false,
              std::vector<StepSample> samples = {}) {
    NodeReport message;
    message.session = cluster->find_node(name)->link.session;
    message.number = ++numbers[name];
    message.full = full;
    message.steps = std::move(steps);
    message.samples = std::move(samples);
    EXPECT_TRUE(run(NodeTold{name, message}).ok());
  }
  StepStatus status(JobId id, StepPhase phase, EndCause cause = EndCause::exited,
                    ExitStatus exit = {}, StepId step = kBatchStep) {
    StepStatus result;
    result.job = id;
    result.launch = job(id).launch;
    result.step = step;
    result.phase = phase;
    result.cause = cause;
    result.exit = exit;
    result.started = result.ended = now;
    result.time_limit = job(id).time_limit;
    return result;
  }
  const JobRecord& job(JobId id) { return *cluster->find_job(id); }
  JobState state(JobId id) { return job(id).state; }
  // A job that runs on the first node with room.
  JobId running(const JobSpec& spec) {
    const JobId id = submitted(spec);
    EXPECT_EQ(pass(), 1u);
    for (const NodeShare& share : std::vector<NodeShare>(job(id).nodes)) {
      if (share.node == job(id).batch_node) continue;
      report(share.node, {status(id, StepPhase::running, {}, {}, kExternStep)});
    }
    report(job(id).batch_node, {status(id, StepPhase::running)});
    EXPECT_EQ(state(id), JobState::running);
    return id;
  }
  JobsReply control(JobAction action, JobId id, Actor actor = user("alice", 1001)) {
    return std::get<JobsReply>(
        run(ControlJobs{std::move(actor), JobControlRequest{{}, action, {id}}}).value());
  }
  JobsReply cancel(JobId id, Actor actor = user("alice", 1001),
                   std::optional<int32_t> signal = {}) {
    CancelRequest request;
    request.filter.jobs = {id};
    request.signal = signal;
    return std::get<JobsReply>(run(CancelJobs{std::move(actor), request}).value());
  }
  Result<Reply> update_node(const std::string& name, NodeAction action, Actor actor = admin()) {
    return run(UpdateNodes{std::move(actor), NodeUpdateRequest{{}, {name}, action, "broken fan"}});
  }

  std::shared_ptr<ClusterConfig> config = std::make_shared<ClusterConfig>();
  TimePoint now{Seconds{1'700'000'000}};
  std::unique_ptr<Cluster> cluster;
  Effects effects;
  std::map<std::string, uint64_t> numbers;
};

}  // namespace gd::core
