#include "server/agent/agent.h"

#include <array>

#include "base/digest.h"
#include "base/log.h"
#include "proto/codec.h"
#include "server/agent/inventory.h"

namespace gd::agent {
namespace {

std::string label(const StepKey& key) {
  return folder_name(key);
}

}  // namespace

Agent::Agent(AgentParts parts, ClientSocket controller, ServerSocket streams, ShepherdPaths paths,
             container::Tree tree)
    : parts_(std::move(parts)),
      controller_(std::move(controller)),
      explainer_(*parts_.poller, paths.program, paths.settings,
                 [this](const NodeExplained& answer) {
                   (void)controller_.send(kExplainTag, encode(answer));  // lost: it is asked again
                 }),
      links_(*parts_.poller, std::move(paths), std::move(tree),
             {.on_status =
                  [this](const StepStatus& status) {
                    core_.on_status(status);
                    if (status.phase == StepPhase::ended) {
                      log_info("step_ended", {{"step", label(key_of(status))},
                                              {"cause", static_cast<int>(status.cause)},
                                              {"code", status.exit.code},
                                              {"signal", status.exit.signal},
                                              {"error", status.error}});
                    }
                  },
              .on_lost =
                  [this](const StepKey& key, const std::string& reason) {
                    log_warning("step_lost", {{"step", label(key)}, {"why", reason}});
                    core_.on_lost(key, clock_.now());
                  },
              .on_sample = [this](StepSample sample) { core_.on_sample(std::move(sample)); }}),
      streams_(*parts_.poller, std::move(streams), parts_.info.name,
               [this](const StepKey& key) { return links_.folder(key); }) {
  parts_.info.stream_key =
      parts_.info.stream_key.empty() ? parts_.identity.keys.public_key : parts_.info.stream_key;
}

void Agent::restore(const SpoolFindings& findings) {
  for (const std::string& complaint : findings.complaints) {
    log_warning("spool", {{"error", complaint}});
  }
  const std::vector<Action> actions = core_.restore(findings.steps, clock_.now());
  for (const SpoolFindings::Living& living : findings.living) {
    const Result<void> adopted = links_.adopt(living.key, living.shepherd);
    if (adopted.ok()) {
      log_info("step_adopted", {{"step", label(living.key)}, {"shepherd", living.shepherd}});
    } else {  // it has left since: its folder knows how
      log_warning("adopt", {{"step", label(living.key)}, {"error", adopted.error()}});
      core_.on_lost(living.key, clock_.now());
    }
  }
  obey(actions);
}

Result<void> Agent::run() {
  say_hello();
  housekeeping();
  while (!stopped_) {
    std::array items{WaitItem(controller_), WaitItem(streams_.socket()),
                     WaitItem(parts_.poller->fd())};
    (void)wait(items, Milliseconds(-1));
    receive_all();
    streams_.receive_all();
    // A few rounds: a callback may make the next descriptor ready.
    for (int round = 0; round < 8 && TRY(parts_.poller->run_once(Milliseconds(0))); ++round) {
    }
    if (core_.has_news()) report(AgentCore::Extent::news);
  }
  return {};
}

// ---- The controller.

void Agent::receive_all() {
  for (int i = 0; i < 256; ++i) {
    const std::optional<Reply> reply = controller_.receive();
    if (!reply) return;
    on_message(*reply);
  }
}

void Agent::on_message(const Reply& reply) {
  const Result<Message> message = decode(reply.body);
  if (!message.ok()) {
    return log_warning("controller_message", {{"error", message.error()}});
  }
  if (reply.tag >= kFirstEnrolTag) {
    if (parts_.voucher) parts_.voucher->on_answer(reply.tag, *message);
    return;
  }
  if (const auto* orders = std::get_if<NodeOrders>(&*message)) {
    obey(core_.on_orders(*orders, clock_.now()));
    return streams_.on_steps_changed();
  }
  if (const auto* welcome = std::get_if<NodeWelcome>(&*message)) {
    if (!core_.on_welcome(*welcome)) return;
    log_info("welcome", {{"cluster", welcome->cluster}, {"session", welcome->session}});
    parts_.poller->cancel(hello_timer_);
    heartbeat_ = std::max<Milliseconds>(welcome->heartbeat, 100ms);
    streams_.set_ticket_key(welcome->ticket_key);
    if (parts_.voucher) parts_.voucher->set_trusted(welcome->may_vouch);
    return beat();
  }
  if (const auto* question = std::get_if<NodeExplain>(&*message)) {
    return explainer_.explain(*question);
  }
  if (reply.tag == kExplainTag) return;  // who asked has gone
  if (const auto* error = std::get_if<ErrorReply>(&*message)) on_error(reply.tag, *error);
}

// The controller does not know our session (it was started again), or not our key.
void Agent::on_error(uint64_t tag, const ErrorReply& error) {
  log_warning("refused", {{"what", tag == kHelloTag ? "hello" : "report"}, {"error", error.text}});
  core_.on_say_hello();
  if (may_hello_) return say_hello();
}

void Agent::say_hello() {
  may_hello_ = false;
  const NodeHello hello = core_.make_hello(parts_.info, random_number());
  (void)controller_.send(kHelloTag, encode(hello));  // asked again until there is a welcome
  parts_.poller->cancel(hello_timer_);
  hello_timer_ = parts_.poller->call_after(kHelloRetry, [this] { hello_again(); });
}

void Agent::hello_again() {
  may_hello_ = true;
  if (!core_.connected()) say_hello();
}

void Agent::report(AgentCore::Extent extent) {
  const Load load = measure_load();
  const std::optional<NodeReport> report =
      core_.make_report(extent, load.load, load.free_memory_mib);
  if (!report) return;
  if (!controller_.send(kReportTag, encode(*report))) {
    log_debug("report_dropped");  // the next full one tells everything again
  }
}

void Agent::beat() {
  parts_.poller->cancel(beat_timer_);
  may_hello_ = true;
  report(AgentCore::Extent::full);
  beat_timer_ = parts_.poller->call_after(heartbeat_, [this] { beat(); });
}

bool Agent::enrol(uint64_t tag, const EnrolRequest& request) {
  return core_.connected() && controller_.send(tag, encode(request));
}

// ---- The shepherds.

void Agent::obey(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (const auto* start = std::get_if<StartStep>(&action)) start_step(start->launch);
    if (const auto* end = std::get_if<EndStep>(&action)) {
      links_.order(end->order.step, ShepherdOrder{.end = end->order});
    }
    if (const auto* signal = std::get_if<SignalStep>(&action)) {
      links_.order(signal->order.step, ShepherdOrder{.signal = signal->order});
    }
    if (const auto* limit = std::get_if<LimitStep>(&action)) {
      links_.order(limit->order.step, ShepherdOrder{.limit = limit->order});
    }
    if (const auto* forget = std::get_if<ForgetStep>(&action)) links_.forget(forget->step);
    if (const auto* ahead = std::get_if<FetchImage>(&action); ahead && parts_.fetcher) {
      parts_.fetcher->fetch(ahead->fetch);
    }
  }
}

void Agent::start_step(const StepLaunch& launch) {
  const StepKey key = key_of(launch);
  log_info("step_start", {{"step", label(key)}, {"user", launch.user}});
  const Result<void> started = links_.start(launch);
  if (started.ok()) return;
  log_warning("step_start_failed", {{"step", label(key)}, {"error", started.error()}});
  // Only what has certainly not run may be tried again.
  if (started.error().code == ErrorCode::conflict) return core_.on_lost(key, clock_.now());
  core_.on_launch_failed(key, started.error().text, clock_.now());
}

void Agent::housekeeping() {
  streams_.drop_silent();
  (void)parts_.poller->call_after(kHousekeeping, [this] { housekeeping(); });
}

}  // namespace gd::agent
