// Dispatch by table, and the turn: decide and apply as messages come, then commit
// once, then tell.
#include "server/controller/controller.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "proto/codec.h"
#include "server/controller/handlers.h"
#include "server/core/invariants.h"
#include "server/core/react.h"

namespace gd::controller {
namespace {

constexpr Seconds kHousekeepingInterval{60};
constexpr Milliseconds kLongestSleep{60'000};

enum class Needs : uint8_t { nothing, groups };

using Handler = void (*)(Hub&, const Origin&, Message&&);

struct Rule {
  MessageType type;
  Needs needs;
  Handler handler;
};

template <class Request, void (*function)(Hub&, const Origin&, Request&&)>
constexpr Rule rule(Needs needs) {
  return {Request::kType, needs, [](Hub& hub, const Origin& origin, Message&& message) {
            function(hub, origin, std::get<Request>(std::move(message)));
          }};
}

// Who may send what is server/auth/permission.h's table; here is what it does.
constexpr Rule kRules[] = {
    rule<PingRequest, on_ping>(Needs::nothing),
    rule<SubmitRequest, on_submit>(Needs::groups),
    rule<CancelRequest, on_cancel>(Needs::groups),
    rule<JobControlRequest, on_control>(Needs::groups),
    rule<JobUpdateRequest, on_update>(Needs::groups),
    rule<StepRequest, on_step>(Needs::groups),
    rule<WaitRequest, on_wait>(Needs::nothing),
    rule<JobQuery, on_job_query>(Needs::nothing),
    rule<ScriptQuery, on_script_query>(Needs::nothing),
    rule<NodeQuery, on_node_query>(Needs::nothing),
    rule<PartitionQuery, on_partition_query>(Needs::nothing),
    rule<ShareQuery, on_share_query>(Needs::nothing),
    rule<WhyQuery, on_why_query>(Needs::nothing),
    rule<ReservationQuery, on_reservation_query>(Needs::nothing),
    rule<ReservationRequest, on_reservation>(Needs::nothing),
    rule<UsageResetRequest, on_usage_reset>(Needs::nothing),
    rule<LimitQuery, on_limit_query>(Needs::nothing),
    rule<CrontabRequest, on_crontab>(Needs::groups),
    rule<CrontabQuery, on_crontab_query>(Needs::nothing),
    rule<NodeUpdateRequest, on_node_update>(Needs::nothing),
    rule<ConfigQuery, on_config>(Needs::nothing),
    rule<StatsQuery, on_stats>(Needs::nothing),
    rule<AccountsRequest, on_accounts>(Needs::nothing),
    rule<ReconfigureRequest, on_reconfigure>(Needs::nothing),
    rule<ShutdownRequest, on_shutdown>(Needs::nothing),
    rule<KeyListRequest, on_key_list>(Needs::nothing),
    rule<KeyRevokeRequest, on_key_revoke>(Needs::nothing),
    rule<NodeTokenRequest, on_node_token>(Needs::nothing),
    rule<NodeJoin, on_node_join>(Needs::nothing),
    rule<LoginStart, on_login_start>(Needs::nothing),
    rule<LoginAnswer, on_login_answer>(Needs::nothing),
    rule<EnrolRequest, on_enrol>(Needs::nothing),
    rule<NodeHello, on_hello>(Needs::nothing),
    rule<NodeReport, on_report>(Needs::nothing),
    rule<NodeExplained, on_explained>(Needs::nothing),
};

std::chrono::microseconds since(std::chrono::steady_clock::time_point before) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               before);
}

const Rule* find_rule(MessageType type) {
  const Rule* found = std::find_if(std::begin(kRules), std::end(kRules),
                                   [&](const Rule& each) { return each.type == type; });
  return found == std::end(kRules) ? nullptr : found;
}

}  // namespace

Result<std::unique_ptr<Controller>> Controller::start(Parts parts, TimePoint now) {
  auto controller = std::make_unique<Controller>(TRY(load_hub(std::move(parts), now)));
  TRY(core::check_all(controller->hub_->cluster));  // a store that lies is told now, not later
  core::react_to_start(controller->hub_->cluster, controller->hub_->turn.effects);
  return controller;
}

void Controller::take(Incoming&& incoming) {
  Origin origin{std::move(incoming.route), incoming.tag, std::move(incoming.peer), {}};
  const auth::KeyPointer key = hub_->keys.table().find(origin.peer.public_key, hub_->now);
  origin.caller = auth::make_caller(key.get(), hub_->administrators);
  Result<Message> message = decode(incoming.body);
  if (!message.ok()) {
    ++hub_->bad_frames;
    return hub_->refuse(origin, message.error());
  }
  dispatch(origin, std::move(message).take());
}

void Controller::dispatch(const Origin& origin, Message&& message) {
  const MessageType type = type_of(message);
  const Rule* found = find_rule(type);
  if (found == nullptr) {
    ++hub_->bad_frames;
    return hub_->refuse(
        origin, {ErrorCode::invalid, "a controller does not take a " + std::string(name(type))});
  }
  const Result<void> allowed = auth::may_send(origin.caller, type);
  if (!allowed.ok()) return hub_->refuse(origin, allowed.error());
  if (found->needs == Needs::groups && park(origin, message)) return;
  const auto before = std::chrono::steady_clock::now();
  found->handler(*hub_, origin, std::move(message));
  hub_->stats.note_request(type, origin.caller.uid, origin.caller.name, since(before));
}

// ---- groups of users, from the name service

bool Controller::park(const Origin& origin, Message& message) {
  const Uid uid = origin.caller.uid;
  if (hub_->groups.start_asking(uid, hub_->now)) ask_groups(uid, origin.caller.gid);
  // Behind others that wait, even if the answer is here by now: order is kept.
  const auto waiting = hub_->parked.find(uid);
  if (hub_->groups.find(uid) != nullptr && waiting == hub_->parked.end()) return false;
  if (hub_->parked_count >= kMaxParked) {
    hub_->refuse(origin, {ErrorCode::unavailable, "the name service is slow and " +
                                                      std::to_string(kMaxParked) +
                                                      " requests wait for it; try again"});
    return true;
  }
  hub_->parked[uid].emplace_back(origin, std::move(message));
  ++hub_->parked_count;
  return true;
}

void Controller::ask_groups(Uid uid, Gid gid) {
  const Result<void> taken = hub_->parts.workers->submit(
      [this, uid, gid, resolve = hub_->parts.resolve_groups, mailbox = hub_->parts.mailbox] {
        Result<UserGroups> groups = resolve(uid, gid);
        mailbox->post([this, uid, groups = std::move(groups)] { unpark(uid, groups); },
                      Mailbox::WhenFull::grow);
      });
  if (!taken.ok()) hub_->groups.answered(uid, taken.error(), hub_->now);
}

void Controller::unpark(Uid uid, const Result<UserGroups>& groups) {
  hub_->groups.answered(uid, groups, hub_->now);
  const auto waiting = hub_->parked.find(uid);
  if (waiting == hub_->parked.end()) return;
  auto messages = std::move(waiting->second);
  hub_->parked.erase(waiting);
  hub_->parked_count -= messages.size();
  for (auto& [origin, message] : messages) {
    if (hub_->groups.find(uid) == nullptr) {
      hub_->refuse(origin, Error{ErrorCode::unavailable, groups.error().text}.in(
                               "groups of uid " + std::to_string(uid)));
    } else {
      dispatch(origin, std::move(message));
    }
  }
}

// ---- what is not a message

void Controller::take(auth::AuthEvent&& event) {
  on_auth_event(*hub_, std::move(event));
}

void Controller::reconfigure() {
  const auth::Caller caller{.kind = PeerKind::user, .name = "SIGHUP", .administrator = true};
  const Result<OkReply> done = controller::reconfigure(*hub_, caller);
  if (!done.ok()) return log_error("reconfigure_refused", {{"error", done.error()}});
  for (const std::string& warning : done->warnings) log_warning("reconfigure", {{"note", warning}});
  log_notice("reconfigured");
}

void Controller::run_timers() {
  const std::optional<TimePoint> due = core::next_timer(hub_->cluster, hub_->now);
  if (due && *due <= hub_->now) {
    const Result<core::Decision> done = hub_->run(core::Tick{});
    if (!done.ok()) log_error("tick_failed", {{"error", done.error()}});
  }
  expire_logins(*hub_);
  expire_explanations(*hub_);
  if (hub_->now < next_housekeeping_) return;
  next_housekeeping_ = hub_->now + kHousekeepingInterval;
  const Result<void> forgotten = forget_old(*hub_);
  if (!forgotten.ok()) log_error("housekeeping_failed", {{"error", forgotten.error()}});
}

// Only when something may start; after a long pass others get as much time as it took. Short
// ones share the commit of their turn; before one that is likely to be long, the answers of its
// turn leave, and it has the next turn for itself.
void Controller::run_pass(Milliseconds boot_now) {
  if (std::exchange(hub_->turn.effects.schedule, false)) hub_->schedule = true;
  if (!hub_->schedule || boot_now < next_pass_) return;
  const bool answers = !hub_->turn.replies.empty() || !hub_->turn.after.empty();
  owes_pass_ = !owes_pass_ && answers && last_pass_ >= kLongPass;
  if (owes_pass_) return;
  hub_->schedule = false;
  const size_t depth = hub_->cluster.queue().size();
  const auto before = std::chrono::steady_clock::now();
  const Result<core::Decision> done = hub_->run(core::SchedulePass{});
  if (!done.ok()) return log_error("pass_failed", {{"error", done.error()}});
  const auto& passed = std::get<core::Passed>(done->reply);
  hub_->stats.note_pass(since(before), depth, passed.started);
  hub_->schedule = passed.more;
  const Milliseconds ended = boot_time();
  last_pass_ = ended - boot_now;
  next_pass_ = ended + last_pass_;
}

Result<void> Controller::commit() {
  const store::Batch batch = make_batch(*hub_);
  if (batch.empty()) return {};
  return hub_->parts.store->commit(batch);
}

void Controller::tell() {
  Hub& hub = *hub_;
  const Turn turn = std::exchange(hub.turn, Turn{});
  hub.node_views.reset();
  for (const auto& action : turn.after) action();
  for (const Outgoing& each : turn.replies) {
    hub.parts.outbox->send(each.route, each.tag, each.body);
  }
  send_welcomes(hub, turn.effects);
  send_orders(hub, turn.effects.orders);
  send_notices(hub, turn.effects.notify);
  if (hub.parts.send_mail) {
    for (const core::MailNote& note : turn.effects.mails) hub.parts.send_mail(note);
  }
  hub.node_views.reset();
  if (turn.effects.schedule) hub.schedule = true;
}

Result<void> Controller::finish_turn(Milliseconds boot_now) {
  run_timers();
  run_pass(boot_now);
  settle_job_keys(*hub_);
  TRY(commit());
  tell();
  return {};
}

Milliseconds Controller::patience(TimePoint now, Milliseconds boot_now) const {
  Milliseconds longest = kLongestSleep;
  if (hub_->schedule) longest = std::min(longest, std::max(next_pass_ - boot_now, 0ms));
  const std::optional<TimePoint> due = core::next_timer(hub_->cluster, now);
  if (due) longest = std::min(longest, std::max(*due - now, 0ms));
  if (!hub_->logins.empty() || !hub_->explanations.empty())
    longest = std::min(longest, Milliseconds{1000});
  return longest;
}

}  // namespace gd::controller
