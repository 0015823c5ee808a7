// The whole life of jobs with everything going wrong, by seed: messages lost,
// doubled, late and overtaken; the controller dying between any two of decide,
// apply, commit, sync and tell, with unsynced writes dropped or kept; agents,
// shepherds and machines dying; clients that retry under the same request id.
//
// After every command check_all(). At the end, when faults have stopped:
//   - each acknowledged submission is exactly one job, always the same
//   - every job has reached an end
//   - whoever was ended for another job was below it, and that one's place was kept
//   - no {job, launch, step} was started twice, no two lives of a job were at once,
//     and no job ran again whose shepherd had lived to its end
//
// GD_SIM_SEEDS=10000 sets how many seeds, GD_SIM_SEED=42 runs one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "proto/codec.h"
#include "tests/sim/sim_controller.h"
#include "tests/sim/sim_node.h"

namespace gd::sim {
namespace {

// A client retries for so long; a request id lives at least min_job_age longer than its job.
constexpr Seconds kPatience{100};
constexpr TimePoint kStart{std::chrono::hours{24 * 365 * 55}};

struct Client {  // of one submission
  std::string name;
  RequestId request;
  SubmitRequest message;
  TimePoint first_try{};
  TimePoint next_try{};
  std::optional<JobId> job;
  bool gave_up = false;
  uint64_t elements = 1;
};

class World {
 public:
  explicit World(uint64_t seed) : dice_(seed), network_(dice_, faults_) {
    roll_faults();
    auto config = std::make_shared<core::ClusterConfig>();
    config->min_job_age = kPatience + Seconds{dice_.between(50, 200)};
    config->node_timeout = Seconds{30};
    config->kill_wait = Seconds{5};
    config->node_lost_after.reset();  // evidence only: an outage may last as long as it likes
    config->max_requeues = 1000;
    config->launch_retries = 5;
    if (!dice_.one_in(3)) roll_preemption(*config);
    by_qos_ = config->preempt.type == PreemptType::qos;
    by_tier_ = config->preempt.type == PreemptType::partition_prio;
    controller_ = std::make_unique<SimController>(config, dice_, faults_, network_);
    const uint64_t nodes = dice_.between(1, 4);
    for (uint64_t i = 0; i < nodes; ++i) {
      nodes_.push_back(std::make_unique<SimNode>("n" + std::to_string(i + 1),
                                                 static_cast<uint32_t>(dice_.between(2, 8)), dice_,
                                                 faults_, network_, witness_));
    }
    const uint64_t clients = dice_.between(3, 15);
    for (uint64_t i = 0; i < clients; ++i) add_client();
  }

  std::string run() {
    for (int i = 0; i < 500 && sound(); ++i) one_step();
    faults_ = Faults{};
    resume_nodes_ = true;
    for (int i = 0; i < 3000 && sound() && !all_ended(); ++i) one_step();
    if (!sound()) return first_fault();
    return last_words();
  }

  uint64_t commands() const { return controller_->commands(); }
  uint64_t crashes() const { return controller_->crashes(); }
  uint64_t preemptions() const { return controller_->preemptions(); }

 private:
  void roll_preemption(core::ClusterConfig& config) {
    const auto some_mode = [&] {
      return dice_.one_in(3) ? PreemptMode::cancel : PreemptMode::requeue;
    };
    config.preempt.type = dice_.one_in(2) ? PreemptType::qos : PreemptType::partition_prio;
    config.preempt.mode = some_mode();
    if (dice_.one_in(2)) config.preempt.exempt = Seconds{dice_.between(1, 60)};
    config.limits.qos = {{.name = "low"}, {.name = "mid"}, {.name = "high"}};
    config.limits.qos[1].preempt = {"low"};
    config.limits.qos[2].preempt = {"mid", "low", "normal"};
    config.limits.qos[0].grace_time = Seconds{dice_.between(0, 20)};
    if (dice_.one_in(3)) config.limits.qos[1].preempt_mode = some_mode();
    config.partitions = {{.name = "slow", .is_default = true, .grace_time = Seconds{7}},
                         {.name = "fast", .priority_tier = 2}};
    if (dice_.one_in(4)) config.partitions[0].preempt_mode = PreemptMode::off;
  }

  void roll_faults() {
    const auto some = [&](uint64_t low, uint64_t high) {
      return dice_.one_in(3) ? 0 : dice_.between(low, high);
    };
    faults_.lose = some(4, 30);
    faults_.repeat = some(4, 30);
    faults_.delay = some(4, 30);
    faults_.controller_crash = some(30, 300);
    faults_.agent_crash = some(20, 200);
    faults_.node_crash = some(50, 300);
    faults_.shepherd_crash = some(50, 300);
    faults_.launch_failure = some(5, 20);
  }

  void add_client() {
    Client client;
    client.name = "u" + std::to_string(dice_.between(1, 3));
    client.request = {clients_.size() + 1, 7};
    JobSpec& spec = client.message.spec;
    spec.name = "j" + std::to_string(dice_.between(1, 3));
    spec.tasks = static_cast<uint32_t>(dice_.between(1, 3));
    if (dice_.one_in(4)) spec.nodes_min = static_cast<uint32_t>(dice_.between(1, 2));
    spec.tasks = std::max(*spec.tasks, spec.nodes_min);
    spec.cpus_per_task = 1;
    if (dice_.one_in(2)) spec.time_limit = Seconds{dice_.between(5, 200)};
    if (dice_.one_in(6)) spec.requeue = false;
    const char* const qos[] = {"low", "mid", "high", "normal"};
    if (by_qos_) spec.qos = qos[dice_.below(4)];
    if (by_tier_ && dice_.one_in(2)) spec.partition = "fast";
    if (dice_.one_in(8)) spec.hold = true;
    if (dice_.one_in(8)) spec.begin = kStart + Seconds{dice_.between(1, 200)};
    if (dice_.one_in(3)) make_array(spec, client);
    if (dice_.one_in(4)) spec.dependency = any_dependency();
    spec.kill_on_invalid_dependency = dice_.one_in(2);
    client.message.request = client.request;
    client.message.script = "#!/bin/sh\n";
    client.first_try = client.next_try = kStart + Seconds{dice_.between(0, 300)};
    clients_.push_back(std::move(client));
  }

  void make_array(JobSpec& spec, Client& client) {
    client.elements = dice_.between(1, 9);
    const uint64_t step = dice_.between(1, 3);
    spec.array = "0-" + std::to_string((client.elements - 1) * step) + ":" + std::to_string(step);
    if (client.elements == 1) spec.array = "4";
    if (dice_.one_in(2)) spec.array += "%" + std::to_string(dice_.between(1, 3));
  }

  // On what is there, has been, or never was.
  std::string any_dependency() {
    const char* const kinds[] = {"after", "afterany", "afterok", "afternotok", "aftercorr"};
    std::string text;
    for (uint64_t left = dice_.between(1, 3); left > 0; --left) {
      if (!text.empty()) text += ",";
      if (dice_.one_in(5)) {
        text += "singleton";
        continue;
      }
      text += kinds[dice_.below(5)] + (":" + std::to_string(dice_.between(1, 12)));
      if (dice_.one_in(4)) text += "_" + std::to_string(dice_.below(6));
    }
    if (dice_.one_in(3)) std::replace(text.begin(), text.end(), ',', '?');
    return text;
  }

  bool sound() const {
    return controller_->broken().empty() && witness_.broken.empty() && fault_.empty();
  }
  std::string first_fault() const {
    if (!fault_.empty()) return fault_;
    return witness_.broken.empty() ? controller_->broken() : witness_.broken;
  }

  void one_step() {
    now_ += Milliseconds{dice_.between(1, 1500)};
    for (Client& client : clients_) try_submit(client);
    if (!resume_nodes_ && dice_.one_in(6)) meddle();
    if (resume_nodes_) release_all();
    for (const auto& node : nodes_) node->step(now_);
    while (auto packet = network_.receive(now_)) deliver(*packet);
    controller_->step(now_);
  }

  void try_submit(Client& client) {
    if (client.job || client.gave_up || now_ < client.next_try) return;
    if (now_ - client.first_try > kPatience) {
      client.gave_up = true;
      return;
    }
    client.next_try = now_ + Seconds{15};
    network_.send(now_, client.name + "/" + std::to_string(client.request.high), "controller",
                  client.message);
  }

  void deliver(const Packet& packet) {
    auto message = decode(packet.body);
    if (!message.ok()) {
      fault_ = "a message did not survive its encoding: " + message.error().text;
      return;
    }
    if (packet.to == "controller") return controller_->receive(now_, packet, message.value());
    for (const auto& node : nodes_) {
      if (node->name() == packet.to) node->receive(now_, message.value());
    }
    if (const auto* reply = std::get_if<SubmitReply>(&message.value())) {
      acknowledged(packet, *reply);
    }
  }

  void acknowledged(const Packet& packet, const SubmitReply& reply) {
    const uint64_t which = std::stoull(packet.to.substr(packet.to.find('/') + 1));
    Client& client = clients_.at(which - 1);
    if (client.job && *client.job != reply.job) fault_ = "one request became two jobs";
    for (const Client& other : clients_) {
      if (&other != &client && other.job == reply.job) fault_ = "two requests became one job";
    }
    client.job = reply.job;
  }

  JobId any_job() { return JobId{static_cast<uint32_t>(dice_.between(1, 2 * clients_.size()))}; }

  std::vector<JobElements> any_elements() {
    std::vector<JobElements> all;
    if (!dice_.one_in(3)) return all;
    std::vector<uint32_t> which;
    for (uint64_t left = dice_.between(1, 4); left > 0; --left) {
      which.push_back(static_cast<uint32_t>(dice_.below(12)));
    }
    std::string text;
    for (const uint32_t one : which) text += (text.empty() ? "" : ",") + std::to_string(one);
    all.push_back({any_job(), parse_array_spec(text).value().elements});
    return all;
  }

  // A requeue is told to the witness by job id, so it is asked for one that is no array.
  std::optional<JobId> any_lone_job() {
    const Client& client = clients_[dice_.below(clients_.size())];
    return client.elements == 1 && client.message.spec.array.empty() ? client.job : std::nullopt;
  }

  // What users and administrators do meanwhile; not repeated if it is lost.
  void meddle() {
    const std::string user = dice_.one_in(2) ? "admin" : "u" + std::to_string(dice_.between(1, 3));
    Message message = PingRequest{};
    switch (dice_.below(8)) {
      case 0:
        message =
            CancelRequest{{}, {.jobs = {any_job()}, .elements = any_elements()}, {}, {}, false};
        break;
      case 1: message = CancelRequest{{}, {.jobs = {any_job()}}, 10, {}, false}; break;
      case 2: {
        const std::optional<JobId> lone = any_lone_job();
        if (!lone) break;
        const JobId job = *lone;
        witness_.may_run_again.insert(job);
        const JobAction how = dice_.one_in(3) ? JobAction::requeue_hold : JobAction::requeue;
        message = JobControlRequest{{}, how, {job}, {}};
        break;
      }
      case 3: message = JobControlRequest{{}, JobAction::hold, {any_job()}, any_elements()}; break;
      case 4:
        message = JobControlRequest{{}, JobAction::release, {any_job()}, any_elements()};
        break;
      case 5: {
        JobUpdateRequest update;
        update.jobs = {any_job()};
        update.elements = any_elements();
        update.time_limit = Seconds{dice_.between(5, 100)};
        if (dice_.one_in(3)) update.array_limit = static_cast<uint32_t>(dice_.below(4));
        if (dice_.one_in(4)) update.dependency = "";  // another one could make a circle
        message = update;
        break;
      }
      case 6: {
        StepRequest step;
        step.request = {1'000'000 + dice_.below(50), 9};
        step.job = any_job();
        if (dice_.one_in(2)) step.tasks = static_cast<uint32_t>(dice_.between(1, 3));
        step.sharing = static_cast<StepSharing>(dice_.below(3));
        step.cyclic = dice_.one_in(2);
        if (dice_.one_in(3)) step.image = ImageSpec{.read_only = true};
        message = step;
        break;
      }
      default: {
        NodeUpdateRequest update;
        SimNode& node = *nodes_[dice_.below(nodes_.size())];
        update.names = {node.name()};
        update.action = dice_.one_in(2) ? NodeAction::drain : NodeAction::resume;
        if (!node.machine_up()) {
          update.action = NodeAction::down;
          write_off(node);
          delivered_at_once_ = true;  // late, it could meet a machine that is up again
        }
        update.reason = "a whim";
        message = update;
      }
    }
    if (!std::exchange(delivered_at_once_, false)) {
      network_.send(now_, user, "controller", message);
    } else if (controller_->up()) {
      controller_->receive(now_, {now_, "admin", "controller", {}}, message);
    }
  }

  // A job of several nodes is sent back though its first node may live: it has lost another.
  void write_off(SimNode& node) {
    node.written_off();
    if (!controller_->up()) return;
    const core::NodeEntry* known = controller_->cluster().find_node(node.name());
    if (known == nullptr) return;
    for (const JobId job : known->jobs) {
      if (controller_->cluster().find_job(job)->nodes.size() > 1) {
        witness_.may_run_again.insert(job);
      }
    }
  }

  // Faults have stopped: what is down comes up, what is held is let go.
  void release_all() {
    controller_->recover(now_);
    for (const auto& node : nodes_) node->recover(now_);
    if (!dice_.one_in(10)) return;
    JobControlRequest release;
    release.action = JobAction::release;
    for (const auto& [id, entry] : controller_->cluster().jobs()) {
      if (entry.record.hold != HoldKind::none) release.jobs.push_back(id);
    }
    if (!release.jobs.empty()) network_.send(now_, "admin", "controller", release);
    NodeUpdateRequest resume;
    resume.action = NodeAction::resume;
    for (const auto& [name, node] : controller_->cluster().nodes()) {
      if (node.record.drained || node.record.set_down) resume.names.push_back(name);
    }
    if (!resume.names.empty()) network_.send(now_, "admin", "controller", resume);
  }

  std::optional<JobRecord> record(JobId id) {
    if (const JobRecord* job = controller_->cluster().find_job(id)) return *job;
    return controller_->finished(id);
  }

  bool all_ended() {
    if (!controller_->up()) return false;
    for (const Client& client : clients_) {
      if (!client.job && !client.gave_up) return false;
      if (!client.job) continue;
      const std::optional<JobRecord> job = record(*client.job);
      if (job && !ended(job->state) && !never_starts(*job)) return false;
    }
    for (const auto& [id, entry] : controller_->cluster().jobs()) {
      if (!ended(entry.record.state) && !never_starts(entry.record)) return false;
    }
    for (const auto& node : nodes_) {
      if (node->folders() != 0) return false;  // all confirmed and forgotten
    }
    return true;
  }

  static bool never_fits(const JobRecord& job) {
    return job.state == JobState::pending && (job.reason == Reason::partition_config ||
                                              job.reason == Reason::dependency_never_satisfied);
  }

  // Or waits for one that never does.
  bool never_starts(const JobRecord& job) const {
    if (never_fits(job)) return true;
    if (job.state != JobState::pending || job.reason != Reason::dependency) return false;
    const auto& jobs = controller_->cluster().jobs();
    return std::any_of(jobs.begin(), jobs.end(),
                       [](const auto& one) { return never_fits(one.second.record); });
  }

  std::string last_words() {
    std::set<RequestId> requests;
    for (const Client& client : clients_) {
      if (!client.job) continue;  // it gave up; there is one job of it, or none
      const std::optional<JobRecord> job = record(*client.job);
      const std::string name = "job " + std::to_string(client.job->value);
      if (!job) return name + " was acknowledged and is gone";
      if (job->request != client.request) return name + " is another request's";
      if (!requests.insert(job->request).second) return name + " exists twice";
      if (!ended(job->state) && !never_starts(*job)) {
        return name + " never ended: " + std::string(long_name(job->state)) + " " +
               std::string(gd::name(job->reason)) + " " + job->reason_text + " " +
               format_dependency(job->dependency);
      }
    }
    uint64_t most = 0;  // records: one for each element at the very most
    for (const Client& client : clients_) most += client.elements;
    if (controller_->cluster().counters().job - 1 > most) {
      return std::to_string(controller_->cluster().counters().job - 1) + " jobs of " +
             std::to_string(most) + " elements that were submitted";
    }
    for (const auto& [id, entry] : controller_->cluster().jobs()) {
      if (ended(entry.record.state) || never_starts(entry.record)) continue;
      return "job " + job_name_of(entry.record) +
             " never ended: " + std::string(gd::name(entry.record.reason));
    }
    for (const auto& node : nodes_) {
      if (node->folders() != 0) return "node " + node->name() + " still keeps steps";
    }
    return {};
  }

  Dice dice_;
  Faults faults_;
  Network network_;
  Witness witness_;
  std::unique_ptr<SimController> controller_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<Client> clients_;
  TimePoint now_ = kStart;
  bool by_qos_ = false;  // what jobs may be ended for
  bool by_tier_ = false;
  bool resume_nodes_ = false;
  bool delivered_at_once_ = false;
  std::string fault_;
};

uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return otherwise;
  auto number = parse_number<uint64_t>(value);
  return number.ok() ? number.value() : otherwise;
}

TEST(Simulation, NoJobIsLostDoubledOrStuckWhateverFails) {
  const uint64_t only = number_of("GD_SIM_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t count = only != 0 ? 1 : number_of("GD_SIM_SEEDS", 500);
  uint64_t commands = 0;
  uint64_t crashes = 0;
  uint64_t preemptions = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    World world(seed);
    const std::string fault = world.run();
    ASSERT_EQ(fault, "") << "run it alone with GD_SIM_SEED=" << seed;
    commands += world.commands();
    crashes += world.crashes();
    preemptions += world.preemptions();
  }
  if (count >= 100) {
    EXPECT_GT(preemptions, count / 10) << "hardly anybody was preempted";
  }
  RecordProperty("commands", std::to_string(commands));
  RecordProperty("controller_crashes", std::to_string(crashes));
}

}  // namespace
}  // namespace gd::sim
