// Crontabs, as scrontab asks for them.
#include "base/text.h"
#include "server/controller/handlers.h"
#include "server/core/cron.h"

namespace gd::controller {
namespace {

Error no_crontab(const std::string& user) {
  return {ErrorCode::not_found, "no crontab for " + printable(user)};
}

// Whose is meant; one of another user's only if he has one, and if the caller may do that with it.
Result<Uid> owner_of(const Hub& hub, const Origin& origin, const std::string& user,
                     auth::Action action) {
  if (user.empty() || user == origin.caller.name) return origin.caller.uid;
  for (const auto& [uid, crontab] : hub.cluster.crontabs()) {
    if (crontab.user != user) continue;
    TRY(auth::may_act(origin.caller, action, uid, hub.rules()));
    return uid;
  }
  if (!origin.caller.administrator) {
    return Error{ErrorCode::denied, "must be privileged to use -u"};
  }
  return no_crontab(user);
}

Result<core::SetCrontab> to_command(Hub& hub, const Origin& origin, CrontabRequest&& request) {
  const auth::Action action = request.remove ? auth::Action::control : auth::Action::submit;
  core::SetCrontab command;
  command.owner = TRY(owner_of(hub, origin, request.user, action));
  TRY(auth::may_act(origin.caller, action, command.owner, hub.rules()));
  command.actor = hub.actor_of(origin.caller);
  command.request = request.request;
  command.remove = request.remove;
  if (request.remove) return command;
  TRY(hub.parts.store->check_space());
  command.text = std::move(request.text);
  for (CronEntry& entry : request.entries) {
    if (command.entries.size() > kMaxCronEntries) break;  // to be refused
    if (entry.script.size() > kMaxScriptBytes || entry.environment.size() > kMaxEnvironmentBytes) {
      return Error{ErrorCode::invalid, "line " + std::to_string(entry.spec.cron_line) +
                                           ": its command or environment is too large"};
    }
    command.entries.push_back({.spec = std::move(entry.spec),
                               .script = hub.blobs.add(entry.script, hub.turn.writes),
                               .environment = hub.blobs.add(entry.environment, hub.turn.writes)});
  }
  return command;
}

CrontabReply reply_about(const Hub& hub, Uid uid) {
  CrontabReply reply;
  if (const CrontabRecord* crontab = hub.cluster.find_crontab(uid)) {
    reply.there = true;
    reply.text = crontab->text;
    reply.runs = core::cron_runs(hub.cluster, uid);
  }
  return reply;
}

Result<CrontabReply> change(Hub& hub, const Origin& origin, CrontabRequest&& request) {
  const std::string user = request.user.empty() ? origin.caller.name : request.user;
  const core::SetCrontab command = TRY(to_command(hub, origin, std::move(request)));
  const Result<core::Decision> done = hub.run(command);
  if (!done.ok() && done.error().code == ErrorCode::not_found && command.remove) {
    return no_crontab(user);
  }
  if (!done.ok()) return done.error();
  CrontabReply reply = reply_about(hub, command.owner);
  reply.warnings = std::get<core::Done>(done->reply).warnings;
  return reply;
}

}  // namespace

void on_crontab(Hub& hub, const Origin& origin, CrontabRequest&& request) {
  const Result<CrontabReply> reply = change(hub, origin, std::move(request));
  if (!reply.ok()) return hub.refuse(origin, reply.error());
  hub.reply(origin, *reply);
}

void on_crontab_query(Hub& hub, const Origin& origin, CrontabQuery&& query) {
  const Result<Uid> owner = owner_of(hub, origin, query.user, auth::Action::read);
  if (!owner.ok()) return hub.refuse(origin, owner.error());
  hub.reply(origin, reply_about(hub, *owner));
}

}  // namespace gd::controller
