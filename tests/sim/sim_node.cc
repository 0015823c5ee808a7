#include "tests/sim/sim_node.h"

#include <type_traits>

#include "server/core/cluster.h"

namespace gd::sim {

namespace {

StepKey key_of(const StepLaunch& launch) {
  return {launch.job, launch.launch, launch.step};
}

std::string text(const StepKey& key) {
  return "job " + std::to_string(key.job.value) + " launch " + std::to_string(key.launch.value) +
         " step " + std::to_string(key.step.value);
}

}  // namespace

void Witness::on_start(const std::string& node, const StepKey& key) {
  if (++starts[{node, key}] > 1) complain(text(key) + " was started twice on " + node);
  if (!core::is_first_step(key.step)) return;
  if (++alive[key.job] > 1) complain(text(key) + " runs beside another life of the job");
  if (ran_to_its_end.contains(key.job) && !may_run_again.contains(key.job)) {
    complain(text(key) + " runs again though its shepherd had lived to its end");
  }
}

void Witness::on_gone(const StepKey& key) {
  if (core::is_first_step(key.step)) --alive[key.job];
}

void Witness::on_own_end(const StepKey& key) {
  if (core::is_first_step(key.step)) ran_to_its_end.insert(key.job);
}

SimNode::SimNode(std::string name, uint32_t cpus, Dice& dice, const Faults& faults,
                 Network& network, Witness& witness)
    : name_(std::move(name)),
      cpus_(cpus),
      dice_(dice),
      faults_(faults),
      network_(network),
      witness_(witness) {}

bool SimNode::dies(TimePoint now) {
  if (!dice_.one_in(faults_.agent_crash)) return false;
  crash_agent(now);
  return true;
}

void SimNode::crash_agent(TimePoint now) {
  core_.reset();
  up_at_ = now + Seconds{dice_.between(1, 40)};
}

void SimNode::crash_machine(TimePoint now) {
  crash_agent(now);
  machine_up_ = false;
  for (const auto& [key, shepherd] : shepherds_) witness_.on_gone(key);
  shepherds_.clear();
  ++boot_;
  if (dice_.one_in(4)) {  // its spool was in memory: what was not confirmed is not known any more
    for (const auto& [key, folder] : disk_) witness_.may_run_again.insert(key.job);
    disk_.clear();
  }
  up_at_ = now + Seconds{dice_.between(5, 200)};
}

void SimNode::start_agent(TimePoint now) {
  machine_up_ = true;
  core_ = std::make_unique<agent::AgentCore>();
  std::vector<agent::FoundStep> found;
  for (const auto& [key, folder] : disk_) {
    agent::FoundStep one{folder.launch, agent::FoundStep::State::lost, {}};
    if (folder.ended) {
      one.state = agent::FoundStep::State::ended;
      one.status = *folder.ended;
    } else if (const auto shepherd = shepherds_.find(key); shepherd != shepherds_.end()) {
      one.state = agent::FoundStep::State::running;
      one.status = shepherd->second.status;
    } else if (!folder.marked && folder.boot == boot_) {  // of an earlier boot: lost
      one.state = agent::FoundStep::State::accepted;
    }
    found.push_back(std::move(one));
  }
  next_hello_ = next_full_ = now;
  act(now, core_->restore(found, now));
}

void SimNode::written_off() {
  for (const auto& [key, folder] : disk_) witness_.may_run_again.insert(key.job);
}

void SimNode::recover(TimePoint now) {
  if (core_ == nullptr) start_agent(now);
}

void SimNode::say_hello(TimePoint now) {
  NodeInfo info;
  info.name = name_;
  info.boot_id = "boot-" + std::to_string(boot_);
  info.total = {cpus_, 1000 * uint64_t{cpus_}, {}};
  network_.send(now, name_, "controller", core_->make_hello(info, dice_.number()));
  next_hello_ = now + Seconds{dice_.between(2, 6)};
}

void SimNode::launch(TimePoint now, const StepLaunch& launch) {
  const StepKey key = key_of(launch);
  if (dies(now)) return;
  disk_[key].launch = launch;
  disk_[key].boot = boot_;
  if (dies(now)) return;
  disk_[key].marked = true;
  if (dies(now)) return;
  if (dice_.one_in(faults_.launch_failure)) {
    core_->on_launch_failed(key, "no such image", now);
    disk_[key].ended = *core_->find(key);
    return;
  }
  witness_.on_start(name_, key);
  Shepherd shepherd;
  shepherd.status.job = key.job;
  shepherd.status.launch = key.launch;
  shepherd.status.step = key.step;
  shepherd.status.phase = StepPhase::running;
  shepherd.status.started = now;
  shepherd.status.time_limit = launch.time_limit;
  shepherd.ends = now + Seconds{dice_.between(0, 90)};
  if (key.step == kExternStep) shepherd.ends = TimePoint::max();  // a place runs nothing
  shepherds_[key] = shepherd;
  if (dies(now)) return;
  core_->on_status(shepherd.status);
}

void SimNode::act(TimePoint now, std::vector<agent::Action> actions) {
  for (const agent::Action& action : actions) {
    if (core_ == nullptr) return;  // it died on the way
    std::visit(
        [&](const auto& one) {
          using One = std::remove_cvref_t<decltype(one)>;
          if constexpr (std::is_same_v<One, agent::StartStep>) {
            launch(now, one.launch);
          } else if constexpr (std::is_same_v<One, agent::ForgetStep>) {
            disk_.erase(one.step);
          } else if constexpr (!std::is_same_v<One, agent::FetchImage>) {
            const auto shepherd = shepherds_.find(one.order.step);
            if (shepherd == shepherds_.end()) return;
            if constexpr (std::is_same_v<One, agent::EndStep>) {
              shepherd->second.told_to_end = true;
            } else if constexpr (std::is_same_v<One, agent::SignalStep>) {
              if (one.order.serial <= shepherd->second.status.signal_serial) {
                witness_.complain(text(one.order.step) + " was sent a signal twice");
              }
              shepherd->second.status.signal_serial = one.order.serial;
            } else {
              shepherd->second.status.time_limit = one.order.time_limit;
            }
          }
        },
        action);
  }
}

void SimNode::end_shepherd(const StepKey& key, EndCause cause, ExitStatus exit, TimePoint now) {
  const auto shepherd = shepherds_.find(key);
  StepStatus status = shepherd->second.status;
  status.phase = StepPhase::ended;
  status.cause = cause;
  status.exit = exit;
  status.ended = now;
  shepherds_.erase(shepherd);
  witness_.on_gone(key);
  if (cause == EndCause::lost) {  // it left nothing on the disk
    if (core_ != nullptr) core_->on_lost(key, now);
    return;
  }
  if (cause == EndCause::exited) witness_.on_own_end(key);
  disk_[key].ended = status;
  if (core_ != nullptr) core_->on_status(status);
}

void SimNode::run_shepherds(TimePoint now) {
  std::vector<StepKey> keys;
  for (const auto& [key, shepherd] : shepherds_) keys.push_back(key);
  for (const StepKey& key : keys) {
    const Shepherd& shepherd = shepherds_.at(key);
    const std::optional<Seconds> limit = shepherd.status.time_limit;
    if (dice_.one_in(faults_.shepherd_crash)) {
      end_shepherd(key, EndCause::lost, {}, now);
    } else if (shepherd.told_to_end) {
      end_shepherd(key, EndCause::ordered, {0, 15}, now);
    } else if (shepherd.ends <= now) {
      end_shepherd(key, EndCause::exited, {static_cast<int32_t>(dice_.below(2)), 0}, now);
    } else if (limit && shepherd.status.started + *limit <= now) {
      end_shepherd(key, EndCause::time_limit, {0, 15}, now);
    }
  }
}

void SimNode::step(TimePoint now) {
  if (core_ == nullptr && now >= up_at_) start_agent(now);
  if (machine_up_ && dice_.one_in(faults_.node_crash)) crash_machine(now);
  if (!machine_up_) return;
  run_shepherds(now);
  if (core_ == nullptr || dies(now)) return;
  if (!core_->connected()) {
    if (now >= next_hello_) say_hello(now);
    return;
  }
  using Extent = agent::AgentCore::Extent;
  const bool full = now >= next_full_;
  if (!full && !core_->has_news()) return;
  if (full) next_full_ = now + Seconds{5};
  if (const auto report = core_->make_report(full ? Extent::full : Extent::news, 0, 0)) {
    network_.send(now, name_, "controller", *report);
  }
}

void SimNode::receive(TimePoint now, const Message& message) {
  if (core_ == nullptr) return;
  if (const auto* welcome = std::get_if<NodeWelcome>(&message)) {
    if (core_->on_welcome(*welcome)) next_full_ = now;
  } else if (const auto* orders = std::get_if<NodeOrders>(&message)) {
    act(now, core_->on_orders(*orders, now));
  } else if (std::holds_alternative<ErrorReply>(message)) {
    core_->on_say_hello();
  }
}

}  // namespace gd::sim
