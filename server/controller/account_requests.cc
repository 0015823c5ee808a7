// Accounts, users and QOS, as sacctmgr changes them.
//
// The sections are the controller's own, beside the cluster: what the core has of them is the
// configuration that they make together with gd.conf. A change is judged as a whole by gd.conf's
// own rules, goes into the store in the turn that puts it into force, and is told after that.
#include "proto/codec.h"
#include "server/controller/handlers.h"

namespace gd::controller {
namespace {

std::vector<AccountSection> as_list(const core::AccountSections& sections) {
  std::vector<AccountSection> all;
  all.reserve(sections.size());
  for (const auto& [name, section] : sections) all.push_back(section);
  return all;
}

void write_difference(const core::AccountSections& before, const core::AccountSections& after,
                      store::Batch& batch) {
  const auto key = [](const core::SectionName& name) { return name.first + "/" + name.second; };
  for (const auto& [name, section] : before) {
    if (!after.contains(name)) batch.push_back({store::Table::accounts, key(name), std::nullopt});
  }
  for (const auto& [name, section] : after) {
    const auto old = before.find(name);
    if (old != before.end() && old->second == section) continue;
    batch.push_back({store::Table::accounts, key(name), encode_record(section)});
  }
}

Error kept_in_file(const Settings& settings) {
  for (const ConfigSection& section : settings.source.sections) {
    if (std::ranges::count(kAccountKinds, std::string_view(section.kind)) == 0) continue;
    return {ErrorCode::conflict,
            "accounts are kept in " + settings.file + ", line " + std::to_string(section.line) +
                ": [" + section.kind + " " + section.name +
                "]; change them there, or move them: sacctmgr dump, load, take the sections out, "
                "gdctl reconfigure"};
  }
  return {ErrorCode::internal, "accounts are kept elsewhere"};
}

Result<AccountsReply> change_accounts(Hub& hub, const Origin& origin,
                                      const AccountsRequest& request) {
  if (hub.account_changes.contains(request.request)) return AccountsReply{};  // asked again
  const Settings& settings = hub.parts.settings;
  if (settings.accounts_in_file && !request.load) return kept_in_file(settings);
  const core::Actor actor = hub.actor_of(origin.caller);
  core::AccountSections fresh = TRY(core::edited(hub.accounts, actor, request));
  AccountsReply reply;
  if (settings.accounts_in_file) {
    // Judged as if the file had none, so that taking them out is the only step left.
    Settings without = settings;
    std::erase_if(without.source.sections, [](const ConfigSection& section) {
      return std::ranges::count(kAccountKinds, std::string_view(section.kind)) > 0;
    });
    without.accounts_in_file = false;
    (void)TRY(with_accounts(without, as_list(fresh)));
    reply.warnings.emplace_back("kept, and in force as soon as " + settings.file +
                                " has no [account], [user] and [qos] sections any more");
    hub.audit(origin.caller, core::summary(request));
  } else {
    Settings next = TRY(with_accounts(settings, as_list(fresh)));
    auto config = cluster_config(next);
    reply.active = core::jobs_left_behind(hub.cluster, *config);
    if (!reply.active.empty()) return reply;
    (void)TRY(hub.run(core::SetAccounts{actor, config, core::summary(request)}));
    hub.cluster_config_now = std::move(config);
    hub.parts.settings = std::move(next);
  }
  write_difference(hub.accounts, fresh, hub.turn.writes);
  hub.accounts = std::move(fresh);
  hub.account_changes.remember(request.request);
  return reply;
}

}  // namespace

Result<Settings> with_kept_accounts(const Hub& hub, const Settings& from_file) {
  return with_accounts(from_file, as_list(hub.accounts));
}

void on_accounts(Hub& hub, const Origin& origin, AccountsRequest&& request) {
  const Result<AccountsReply> reply = change_accounts(hub, origin, request);
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.reply(origin, *reply);
}

void on_usage_reset(Hub& hub, const Origin& origin, UsageResetRequest&& request) {
  const auto done =
      hub.run(core::ResetUsage{hub.actor_of(origin.caller), std::move(request.owners)});
  if (!done.ok()) return hub.refuse(origin, done.error());
  hub.reply(origin, OkReply{});
}

}  // namespace gd::controller
