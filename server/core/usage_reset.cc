// What was used, taken back: by an administrator, or by the calendar.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "server/core/verbs.h"

namespace gd::core {

namespace {

Error no_such(std::string_view kind, const std::string& name) {
  return Error{ErrorCode::not_found, std::string(kind) + " '" + printable(name) + "' is not there"};
}

// Itself, and all that is below it.
std::set<std::string> accounts_under(const ClusterConfig& config, const std::string& name) {
  std::set<std::string> names;
  for (const sched::Account& account : config.accounts) {  // parents come first
    if (account.name == name || names.contains(account.parent)) names.insert(account.name);
  }
  return names;
}

bool is_qos(const ClusterConfig& config, const std::string& name) {
  return name == kNormalQos || std::ranges::count(config.limits.qos, name, &QosLimits::name) > 0;
}

using Names = std::set<sched::UsageName>;

Result<void> add_owner(const Cluster& cluster, const UsageOwner& owner, Names& names) {
  const ClusterConfig& config = cluster.config();
  if (!owner.qos.empty()) {
    if (!is_qos(config, owner.qos)) return no_such("qos", owner.qos);
    names.insert({{}, owner.qos});
    return {};
  }
  const std::set<std::string> accounts = accounts_under(config, owner.account);
  if (!owner.account.empty() && accounts.empty()) return no_such("account", owner.account);
  bool found = owner.user.empty();
  for (const auto& [share, index] : cluster.fair_share().names()) {
    const bool here = owner.account.empty() || accounts.contains(share.account);
    if (!here || (!owner.user.empty() && share.user != owner.user)) continue;
    names.insert({share, ""});
    found = true;
  }
  if (!found) return no_such("user", owner.user);
  return {};
}

std::string text_of(const UsageOwner& owner) {
  if (!owner.qos.empty()) return "qos " + owner.qos;
  std::string text;
  if (!owner.user.empty()) text = "user " + owner.user;
  if (!owner.account.empty()) text += (text.empty() ? "account " : " of account ") + owner.account;
  return text;
}

}  // namespace

Result<Reply> reset_usage(Draft& draft, const ResetUsage& command) {
  if (!command.actor.administrator) {
    return Error{ErrorCode::denied,
                 "user " + command.actor.user + " is not an administrator; usage stays as it is"};
  }
  Names names;
  std::string text;
  for (const UsageOwner& owner : command.owners) {
    if (owner == UsageOwner{}) return Error{ErrorCode::invalid, "it is not said whose usage"};
    TRY(add_owner(draft.cluster, owner, names));
    text += (text.empty() ? "" : ", ") + text_of(owner);
  }
  audit(draft, command.actor, "reset usage of " + printable(text));
  if (!names.empty()) draft.emit(UsageReset{{names.begin(), names.end()}, draft.now, false});
  return Reply{Done{}};
}

std::optional<TimePoint> usage_reset_due(const Cluster& cluster) {
  const UsageResetPeriod period = cluster.config().usage_reset_period;
  if (period == UsageResetPeriod::none) return std::nullopt;
  const TimePoint last = cluster.counters().usage_reset;
  return last == TimePoint{} ? cluster.started() : next_usage_reset(period, last);
}

void watch_usage_reset(Draft& draft) {
  const Cluster& cluster = draft.cluster;
  const std::optional<TimePoint> due = usage_reset_due(cluster);
  if (!due || *due > draft.now) return;
  UsageReset event{.names = {}, .at = draft.now, .by_calendar = true};
  const bool is_first = cluster.counters().usage_reset == TimePoint{};
  if (!is_first) {
    for (const auto& [share, index] : cluster.fair_share().names()) {
      event.names.push_back({share, ""});
    }
    event.names.push_back({{}, kNormalQos});
    for (const QosLimits& qos : cluster.config().limits.qos) {
      if (qos.name != kNormalQos) event.names.push_back({{}, qos.name});
    }
  }
  draft.emit(std::move(event));
}

}  // namespace gd::core
