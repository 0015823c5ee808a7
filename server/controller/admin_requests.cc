// Ping, configuration, reconfigure, shutdown.
#include "server/controller/handlers.h"

#ifndef GD_VERSION
#define GD_VERSION "0.1.0"
#endif

namespace gd::controller {
namespace {

// Keys that are read once, at the start: what they are now, and what the file says.
std::vector<std::string> fixed_until_restart(const ControllerSettings& old,
                                             const ControllerSettings& fresh) {
  std::vector<std::string> warnings;
  const auto compare = [&](const char* key, const std::string& is, const std::string& wanted) {
    if (is == wanted) return;
    warnings.push_back(std::string(key) + ": stays '" + is + "' until gdctld is restarted; '" +
                       wanted + "' is not in force");
  };
  compare("cluster", old.cluster, fresh.cluster);
  compare("listen", old.listen, fresh.listen);
  compare("state_dir", old.state_dir, fresh.state_dir);
  compare("run_dir", old.run_dir, fresh.run_dir);
  compare("user", old.user, fresh.user);
  compare("log_file", old.log_file, fresh.log_file);
  compare("controller_key", old.controller_key, fresh.controller_key);
  compare("mail_program", old.mail_program, fresh.mail_program);
  if (old.log_level != fresh.log_level) {
    warnings.emplace_back("log_level: stays as it is until gdctld is restarted");
  }
  return warnings;
}

void keep_fixed(const ControllerSettings& old, ControllerSettings& fresh) {
  fresh.cluster = old.cluster;
  fresh.listen = old.listen;
  fresh.state_dir = old.state_dir;
  fresh.run_dir = old.run_dir;
  fresh.user = old.user;
  fresh.log_file = old.log_file;
  fresh.mail_program = old.mail_program;
  fresh.log_level = old.log_level;
  fresh.controller_key = old.controller_key;
}

}  // namespace

void on_ping(Hub& hub, const Origin& origin, PingRequest&&) {
  PingReply reply;
  reply.version = GD_VERSION;
  reply.cluster = hub.settings().cluster;
  reply.host = hub.parts.host;
  reply.started = hub.cluster.started();
  reply.now = hub.now;
  reply.you = origin.caller.name;
  reply.uid = origin.caller.uid;
  reply.administrator = origin.caller.administrator;
  hub.reply(origin, reply);
}

void on_config(Hub& hub, const Origin& origin, ConfigQuery&&) {
  ConfigReply reply;
  for (const SettingValue& each : hub.parts.settings.values) {
    reply.entries.push_back({each.section, each.key, each.value, each.is_default});
  }
  hub.reply(origin, reply);
}

Result<OkReply> reconfigure(Hub& hub, const auth::Caller& caller) {
  if (!hub.parts.reload) return Error{ErrorCode::conflict, "there is no file to read again"};
  Settings fresh = TRY(with_kept_accounts(hub, TRY(hub.parts.reload())));
  auth::Administrators administrators =
      TRY(auth::resolve_administrators(fresh.controller.administrators, hub.parts.own_uid));
  OkReply reply;
  reply.warnings = fixed_until_restart(hub.settings(), fresh.controller);
  keep_fixed(hub.settings(), fresh.controller);
  if (fresh.accounts_in_file && !hub.accounts.empty()) {
    reply.warnings.emplace_back("the accounts of " + fresh.file + " are in force; the " +
                                std::to_string(hub.accounts.size()) +
                                " sections that sacctmgr made are kept beside them");
  }
  auto config = cluster_config(fresh);
  Result<core::Decision> done = hub.run(core::Reconfigure{hub.actor_of(caller), config});
  if (!done.ok()) return done.error();
  hub.cluster_config_now = std::move(config);
  auto& warnings = std::get<core::Done>(done->reply).warnings;
  reply.warnings.insert(reply.warnings.end(), warnings.begin(), warnings.end());
  hub.parts.settings = std::move(fresh);
  hub.administrators = std::move(administrators);
  if (hub.parts.on_settings) hub.parts.on_settings(hub.settings());
  return reply;
}

void on_stats(Hub& hub, const Origin& origin, StatsQuery&& request) {
  if (request.reset && !origin.caller.administrator) {
    return hub.refuse(origin, {ErrorCode::denied, "only administrators reset the figures"});
  }
  if (request.reset) hub.stats.reset(hub.now);
  StatsReply reply = hub.stats.report(hub.cluster, hub.now);
  reply.threads = hub.parts.threads;
  reply.queued = hub.parked_count;
  hub.reply(origin, reply);
}

void on_reconfigure(Hub& hub, const Origin& origin, ReconfigureRequest&&) {
  const Result<OkReply> reply = reconfigure(hub, origin.caller);
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.reply(origin, *reply);
}

void on_shutdown(Hub& hub, const Origin& origin, ShutdownRequest&&) {
  hub.audit(origin.caller, "shutdown");
  hub.stop = true;
  hub.reply(origin, OkReply{});
}

}  // namespace gd::controller
