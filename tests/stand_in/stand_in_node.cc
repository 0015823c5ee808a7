#include "tests/stand_in/stand_in_node.h"

#include <algorithm>
#include <csignal>

#include "base/digest.h"
#include "base/text.h"
#include "proto/codec.h"
#include "proto/paths.h"
#include "proto/settings.h"

namespace gd::stand_in {
namespace {

constexpr uint64_t kHelloTag = 1;
constexpr uint64_t kReportTag = 2;
constexpr uint64_t kExplainTag = 3;
constexpr uint64_t kJoinTag = 4;
constexpr Milliseconds kHelloRetry = 2s;
constexpr Milliseconds kNever = Milliseconds::max();

StepKey key_of(const StepLaunch& launch) {
  return {launch.job, launch.launch, launch.step};
}

// What a program does on a signal that it has no handler for.
enum class Effect : uint8_t { none, stops, goes_on, ends };

Effect effect_of(int signal) {
  switch (signal) {
    case 0:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH: return Effect::none;
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: return Effect::stops;
    case SIGCONT: return Effect::goes_on;
    default: return Effect::ends;
  }
}

}  // namespace

Result<std::unique_ptr<StandInNode>> StandInNode::join(Poller& poller, SocketContext& context,
                                                       NodeInfo info, const JoinToken& token,
                                                       Totals& totals, OnRefused on_refused) {
  const HostPort address = TRY(parse_host_port(token.controller, kDefaultPort));
  ClientSocket socket = TRY(ClientSocket::connect(context, tcp_endpoint(address),
                                                  token.controller_key, make_curve_keys()));
  const NodeJoin request{.token = format_join_token(token), .node = info.name};
  auto node = std::make_unique<StandInNode>(poller, std::move(socket), std::move(info), totals,
                                            std::move(on_refused));
  TRY(poller.add(node->socket_.fd(), EPOLLIN, [raw = node.get()](uint32_t) { raw->pump(); }));
  (void)node->socket_.send(kJoinTag, encode(request));  // leaves when the connection is there
  node->pump();
  return node;
}

StandInNode::StandInNode(Poller& poller, ClientSocket socket, NodeInfo info, Totals& totals,
                         OnRefused on_refused)
    : poller_(poller),
      socket_(std::move(socket)),
      info_(std::move(info)),
      totals_(totals),
      on_refused_(std::move(on_refused)) {}

StandInNode::~StandInNode() {
  poller_.remove(socket_.fd());
  for (const TimerId timer : {beat_timer_, hello_timer_, pump_timer_}) poller_.cancel(timer);
  for (const auto& [key, step] : steps_) poller_.cancel(step.timer);
}

// ---- The controller.

// Orders are obeyed before the next report is sent. A send may swallow the descriptor's word
// that something has come, so there is another look after each.
void StandInNode::pump() {
  for (int i = 0; i < kMostMessagesAtOnce; ++i) {
    if (const std::optional<Reply> reply = socket_.receive()) {
      take(*reply);
    } else if (core_.has_news()) {
      report(agent::AgentCore::Extent::news);
    } else {
      return;
    }
  }
  poller_.cancel(pump_timer_);
  pump_timer_ = poller_.call_after(0ms, [this] { pump(); });
}

void StandInNode::take(const Reply& reply) {
  const Result<Message> message = decode(reply.body);
  if (!message.ok()) return on_refused_(info_.name, message.error());
  if (const auto* orders = std::get_if<NodeOrders>(&*message)) {
    return obey(core_.on_orders(*orders, clock_.now()));
  }
  if (const auto* welcome = std::get_if<NodeWelcome>(&*message)) return on_welcome(*welcome);
  if (std::holds_alternative<NodeJoined>(*message)) {
    joined_ = true;
    return say_hello();
  }
  if (const auto* question = std::get_if<NodeExplain>(&*message)) {
    const NodeExplained answer{.number = question->number,
                               .error = "node " + info_.name + " has no containers"};
    (void)socket_.send(kExplainTag, encode(answer));
    return;
  }
  if (const auto* error = std::get_if<ErrorReply>(&*message)) on_error(reply.tag, *error);
}

void StandInNode::on_welcome(const NodeWelcome& welcome) {
  if (!core_.on_welcome(welcome)) return;
  if (!std::exchange(was_welcome_, true)) ++totals_.welcomed;
  poller_.cancel(hello_timer_);
  heartbeat_ = std::max<Milliseconds>(welcome.heartbeat, 100ms);
  beat();
}

// The controller does not know our session: it was started again.
void StandInNode::on_error(uint64_t tag, const ErrorReply& error) {
  if (tag == kExplainTag) return;  // who asked has gone
  if (!joined_) return on_refused_(info_.name, {error.code, error.text});
  core_.on_say_hello();
  if (may_hello_) say_hello();
}

void StandInNode::say_hello() {
  may_hello_ = false;
  (void)socket_.send(kHelloTag, encode(core_.make_hello(info_, random_number())));
  poller_.cancel(hello_timer_);
  hello_timer_ = poller_.call_after(kHelloRetry, [this] {
    may_hello_ = true;
    if (!core_.connected()) say_hello();
    pump();
  });
}

void StandInNode::report(agent::AgentCore::Extent extent) {
  const auto report = core_.make_report(extent, 0, info_.total.memory_mib);
  if (report) (void)socket_.send(kReportTag, encode(*report));  // lost: the next one tells it
}

void StandInNode::beat() {
  poller_.cancel(beat_timer_);
  may_hello_ = true;
  report(agent::AgentCore::Extent::full);
  beat_timer_ = poller_.call_after(heartbeat_, [this] {
    beat();
    pump();
  });
}

// ---- The steps.

void StandInNode::obey(const std::vector<agent::Action>& actions) {
  for (const agent::Action& action : actions) {
    if (const auto* launch = std::get_if<agent::StartStep>(&action)) start(launch->launch);
    if (const auto* order = std::get_if<agent::SignalStep>(&action)) signal(order->order);
    if (const auto* order = std::get_if<agent::EndStep>(&action)) {
      const int signal = order->order.at_once ? SIGKILL : SIGTERM;
      end(order->order.step, EndCause::ordered, {.signal = signal});
    }
    if (const auto* order = std::get_if<agent::LimitStep>(&action)) {
      const auto step = steps_.find(order->order.step);
      if (step == steps_.end()) continue;
      step->second.status.time_limit = order->order.time_limit;
      set_timer(step->first, step->second);
    }
  }
}

void StandInNode::start(const StepLaunch& launch) {
  const StepKey key = key_of(launch);
  Step& step = steps_[key];
  step.does = read_timed_step(launch.script.empty() ? gd::join(launch.argv, " ") : launch.script);
  step.began = boot_time();
  step.ends = key.step == kExternStep ? kNever : step.began + step.does.runs;
  step.status.job = key.job;
  step.status.launch = key.launch;
  step.status.step = key.step;
  step.status.phase = StepPhase::running;
  step.status.started = clock_.now();
  step.status.time_limit = launch.time_limit;
  ++totals_.started;
  core_.on_status(step.status);
  set_timer(key, step);
}

void StandInNode::signal(const SignalOrder& order) {
  const auto found = steps_.find(order.step);
  if (found == steps_.end()) return;
  Step& step = found->second;
  const bool stopped = step.stopped_at >= 0ms;
  step.status.signal_serial = order.serial;
  switch (effect_of(order.signal)) {
    case Effect::none: return;
    case Effect::ends: return end(order.step, EndCause::exited, {.signal = order.signal});
    case Effect::stops:
      if (!stopped) step.stopped_at = boot_time();
      break;
    case Effect::goes_on:
      if (stopped && step.ends != kNever) step.ends += boot_time() - step.stopped_at;
      step.stopped_at = Milliseconds{-1};
      break;
  }
  set_timer(order.step, step);
}

// For whichever is first, its own end or that of its time, which goes on while it is stopped.
void StandInNode::set_timer(const StepKey& key, Step& step) {
  poller_.cancel(step.timer);
  const Milliseconds own = step.stopped_at >= 0ms ? kNever : step.ends;
  const Milliseconds limit = step.status.time_limit ? step.began + *step.status.time_limit : kNever;
  if (own == kNever && limit == kNever) return;
  step.timer = poller_.call_at(std::min(own, limit), [this, key, timed_out = limit < own] {
    if (timed_out) {
      end(key, EndCause::time_limit, {.signal = SIGTERM});
    } else {
      end(key, EndCause::exited, {.code = steps_.at(key).does.code});
    }
    pump();
  });
}

void StandInNode::end(const StepKey& key, EndCause cause, ExitStatus exit) {
  const auto found = steps_.find(key);
  if (found == steps_.end()) return;
  poller_.cancel(found->second.timer);
  StepStatus status = std::move(found->second.status);
  steps_.erase(found);
  status.phase = StepPhase::ended;
  status.cause = cause;
  status.exit = exit;
  status.ended = clock_.now();
  ++totals_.ended;
  core_.on_status(status);
}

}  // namespace gd::stand_in
