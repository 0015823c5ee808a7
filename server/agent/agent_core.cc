// Orders in, actions out.
#include "server/agent/agent_core.h"

#include <algorithm>

namespace gd::agent {

namespace {

StepKey key_of(const StepLaunch& launch) {
  return {launch.job, launch.launch, launch.step};
}
StepKey key_of(const StepStatus& status) {
  return {status.job, status.launch, status.step};
}

StepStatus status_for(const StepKey& key) {
  StepStatus status;
  status.job = key.job;
  status.launch = key.launch;
  status.step = key.step;
  return status;
}

}  // namespace

std::vector<Action> AgentCore::restore(const std::vector<FoundStep>& found, TimePoint now) {
  std::vector<Action> actions;
  for (const FoundStep& one : found) {
    const StepKey key = key_of(one.launch);
    switch (one.state) {
      case FoundStep::State::accepted: start(one.launch, actions); break;
      case FoundStep::State::running:
      case FoundStep::State::ended:
        steps_[key] = one.status;
        news_.insert(key);
        break;
      case FoundStep::State::lost:
        steps_[key] = status_for(key);
        on_lost(key, now);
        break;
    }
  }
  return actions;
}

NodeHello AgentCore::make_hello(const NodeInfo& info, uint64_t nonce) {
  nonce_ = nonce;
  session_ = 0;
  return NodeHello{info, nonce};
}

bool AgentCore::on_welcome(const NodeWelcome& welcome) {
  // The same hello may have been answered twice; a later session is the one that is heard.
  if (welcome.nonce != nonce_ || welcome.session <= session_) return false;
  session_ = welcome.session;
  last_orders_ = 0;
  last_report_ = 0;
  return true;
}

std::vector<Action> AgentCore::on_orders(const NodeOrders& orders, TimePoint now) {
  std::vector<Action> actions;
  if (session_ == 0 || orders.session != session_ || orders.number <= last_orders_) return actions;
  last_orders_ = orders.number;
  for (const StepLaunch& launch : orders.launches) start(launch, actions);
  for (const LimitOrder& order : orders.limits) limit(order, actions);
  for (const SignalOrder& order : orders.signals) signal(order, actions);
  for (const EndOrder& order : orders.ends) end(order, now, actions);
  for (const StepKey& step : orders.confirms) confirm(step, actions);
  for (const ImageFetch& fetch : orders.fetches) actions.emplace_back(FetchImage{fetch});
  return actions;
}

void AgentCore::start(const StepLaunch& launch, std::vector<Action>& actions) {
  const StepKey key = key_of(launch);
  if (steps_.contains(key)) {  // known: started once, or ended before it could be
    news_.insert(key);
    return;
  }
  StepStatus status = status_for(key);
  status.time_limit = launch.time_limit;
  steps_[key] = std::move(status);
  news_.insert(key);
  actions.emplace_back(StartStep{launch});
}

void AgentCore::end(const EndOrder& order, TimePoint now, std::vector<Action>& actions) {
  const auto known = steps_.find(order.step);
  if (known == steps_.end()) {
    // A launch that is still on its way has a lower number than this order: it is dropped.
    steps_[order.step] = status_for(order.step);
    finish(order.step, EndCause::ordered, "ended before it was started", now);
  } else if (known->second.phase == StepPhase::ended) {
    news_.insert(order.step);
  } else {
    actions.emplace_back(EndStep{order});
  }
}

void AgentCore::signal(const SignalOrder& order, std::vector<Action>& actions) {
  const auto known = steps_.find(order.step);
  if (known == steps_.end() || known->second.phase == StepPhase::ended) return;
  if (order.serial <= known->second.signal_serial) return;
  known->second.signal_serial = order.serial;
  news_.insert(order.step);
  actions.emplace_back(SignalStep{order});
}

void AgentCore::limit(const LimitOrder& order, std::vector<Action>& actions) {
  const auto known = steps_.find(order.step);
  if (known == steps_.end() || known->second.phase == StepPhase::ended) return;
  if (order.time_limit == known->second.time_limit) return;
  known->second.time_limit = order.time_limit;
  news_.insert(order.step);
  actions.emplace_back(LimitStep{order});
}

void AgentCore::confirm(const StepKey& step, std::vector<Action>& actions) {
  const auto known = steps_.find(step);
  if (known == steps_.end() || known->second.phase != StepPhase::ended) return;
  steps_.erase(known);
  news_.erase(step);
  actions.emplace_back(ForgetStep{step});  // in place: a variant's move costs
}

void AgentCore::finish(const StepKey& step, EndCause cause, std::string error, TimePoint now) {
  const auto known = steps_.find(step);
  if (known == steps_.end() || known->second.phase == StepPhase::ended) return;
  known->second.phase = StepPhase::ended;
  known->second.cause = cause;
  known->second.error = std::move(error);
  known->second.ended = now;
  samples_.erase(step);
  news_.insert(step);
}

void AgentCore::on_status(const StepStatus& status) {
  const auto known = steps_.find(key_of(status));
  if (known == steps_.end() || status.phase < known->second.phase) return;
  if (known->second.phase == StepPhase::ended) return;  // the first end is the one
  const uint64_t serial = std::max(known->second.signal_serial, status.signal_serial);
  const std::optional<Seconds> time_limit = known->second.time_limit;
  const bool changed = known->second != status;
  if (status.phase == StepPhase::ended) samples_.erase(known->first);
  known->second = status;
  known->second.signal_serial = serial;
  known->second.time_limit = time_limit;  // as it was last told to the shepherd
  if (changed) news_.insert(known->first);
}

void AgentCore::on_sample(StepSample sample) {
  const StepKey key{sample.job, sample.launch, sample.step};
  const auto known = steps_.find(key);
  if (known == steps_.end() || known->second.phase != StepPhase::running) return;
  samples_[key] = std::move(sample);
}

void AgentCore::on_launch_failed(const StepKey& step, std::string error, TimePoint now) {
  finish(step, EndCause::launch_failed, std::move(error), now);
}

void AgentCore::on_lost(const StepKey& step, TimePoint now) {
  finish(step, EndCause::lost, "its shepherd is gone", now);
}

std::optional<NodeReport> AgentCore::make_report(Extent extent, double load,
                                                 uint64_t free_memory_mib) {
  if (!connected()) return std::nullopt;
  NodeReport report;
  report.session = session_;
  report.number = ++last_report_;
  report.orders = last_orders_;
  report.full = extent == Extent::full;
  report.load = load;
  report.free_memory_mib = free_memory_mib;
  for (const auto& [key, status] : steps_) {
    if (report.full || news_.contains(key)) report.steps.push_back(status);
  }
  if (report.full) {
    for (const auto& [key, sample] : samples_) report.samples.push_back(sample);
  }
  news_.clear();
  return report;
}

const StepStatus* AgentCore::find(const StepKey& step) const {
  const auto known = steps_.find(step);
  return known == steps_.end() ? nullptr : &known->second;
}

}  // namespace gd::agent
